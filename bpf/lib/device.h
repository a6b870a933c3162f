/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Device buckets: GCRA words that share cache lines by hash. A word is
 * {tag:16, time:48}, the time in units of 1,024 ns (it wraps after nine years).
 * A word whose time has passed holds no information and is anybody's. Pure.
 */
#ifndef SL_DEVICE_H
#define SL_DEVICE_H

#include <sluice/abi.h>
#include "gcra.h"

#define DEVICE_TIME_MASK ((1ull << 48) - 1)
#define DEVICE_WORDS	 8

_Static_assert(sizeof(struct sl_device_line) == 8 * DEVICE_WORDS, "a cache line of words");

enum device_result {
	DEVICE_CONFORM,
	DEVICE_EXCEED,
	DEVICE_BYPASS,	  /* every word of the line is alive and another's */
	DEVICE_CONTENDED, /* lost every race */
};

/* A charge, so that it can be given back. */
struct device_charge {
	__u64 *word;
	__u64 before, after;
};

/* 1 if @x < 0, else 0; without a branch.
 * VERIFIER: a branch for each word would multiply its paths; so would the
 * arithmetic shift, which kernels from 6.16 on fork at.
 */
static __always_inline __u64 device_is_negative(__u64 x)
{
	sl_opaque(x);
	return x >> 63;
}

/* Index of the lowest of 8 bits, by de Bruijn multiplication. @bits not 0. */
static __always_inline __u32 device_lowest(__u32 bits)
{
	__u32 one = bits & -bits;

	return 0x56374210 >> ((one * 0x17 & 0xff) >> 5) * 4 & (DEVICE_WORDS - 1);
}

/* The word of @tag in @line, else one that is free, else NULL. A free word with
 * this tag serves as well as the live one it once was.
 */
static __always_inline __u64 *device_word(struct sl_device_line *line, __u16 tag, __u64 now)
{
	__u32 mine = 0, spare = 0; /* bit sets of words */
	__u64 *home = &line->word[tag & (DEVICE_WORDS - 1)];

	if (*(volatile __u64 *)home >> 48 == tag)
		return home; /* nearly always: a device takes its home word if that is free */
	for (int i = 0; i < 8; i++) {
		__u64 w = *(volatile __u64 *)&line->word[i];

		mine |= device_is_negative((w >> 48 ^ tag) - 1) << i;
		spare |= device_is_negative((w & DEVICE_TIME_MASK) - now - 1) << i;
	}
	if (!mine && spare >> (tag & (DEVICE_WORDS - 1)) & 1)
		return home;
	if (!mine)
		mine = spare;
	sl_opaque(mine);
	return mine ? &line->word[device_lowest(mine)] : NULL;
}

/* Charge @cost to the device of @tag. @now, @cost, @limit, @tick in 1,024 ns. */
static __always_inline enum device_result device_step(struct sl_device_line *line, __u16 tag,
						      __u64 now, __u64 cost, __u64 limit,
						      __u64 tick, struct device_charge *ret)
{
	for (int i = 0; i < GCRA_RETRIES; i++) {
		__u64 *word = device_word(line, tag, now);
		__u64 old, next;

		if (!word)
			return DEVICE_BYPASS;
		old = *(volatile __u64 *)word;
		next = gcra_next(old >> 48 == tag ? old & DEVICE_TIME_MASK : 0, now, cost, limit,
				 tick);
		if (!next)
			return DEVICE_EXCEED;
		next = (next & DEVICE_TIME_MASK) | (__u64)tag << 48;
		if (__sync_val_compare_and_swap(word, old, next) == old) {
			*ret = (struct device_charge){ .word = word, .before = old, .after = next };
			return DEVICE_CONFORM;
		}
	}
	return DEVICE_CONTENDED;
}

/* Undo, unless somebody has moved the word since: then the charge stands. */
static __always_inline void device_refund(const struct device_charge *c)
{
	if (!c->word)
		return;
	__sync_val_compare_and_swap(c->word, c->after, c->before);
}

#endif /* SL_DEVICE_H */
