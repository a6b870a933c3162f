/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Longest-prefix match in the tables of struct sl_prefix_root. Pure: whoever
 * includes this first defines how an entry is read, each NULL if out of range:
 *
 *	static const struct sl_prefix_root *prefix_root(__u32 i);
 *	static const struct sl_prefix_index *prefix_index(__u32 i);
 *	static const struct sl_prefix_range *prefix_range(__u32 i);
 */
#ifndef SL_LIB_PREFIX_H
#define SL_LIB_PREFIX_H

#include <sluice/abi.h>

#define PREFIX_STEPS 6 /* halvings that reduce SL_PREFIX_CHUNK + 1 ranges to one */
_Static_assert(SL_PREFIX_CHUNK + 1 <= 1 << PREFIX_STEPS, "the search ends");

/* Value of the last range in [first, first + more] that starts at or below @word. */
static __always_inline __u32 prefix_search(__u32 first, __u32 more, __u64 word)
{
	__u32 n = more + 1;
	const struct sl_prefix_range *r;

	for (int i = 0; i < PREFIX_STEPS && n > 1; i++) {
		__u32 half = n / 2;

		r = prefix_range(first + half);
		if (!r)
			return 0;
		if (r->start <= word) {
			first += half;
			n -= half;
		} else {
			n = half;
		}
	}
	r = prefix_range(first);
	return r ? r->value : 0;
}

/* The tenant whose prefix matches longest, 0 if none does. @root: the family's
 * first root in the bank in force. @w0, @w1: the address's words, see abi.h.
 */
static __always_inline __u32 prefix_find(__u32 root, __u64 w0, __u64 w1)
{
	for (int i = 0; i < SL_PREFIX_DEPTH; i++) {
		const struct sl_prefix_root *r = prefix_root(root);
		const struct sl_prefix_index *x;
		__u32 value;
		__u64 word;

		if (!r)
			return 0;
		word = r->second ? w1 : w0;
		value = r->outside;
		if (word >= r->lo && word <= r->hi) {
			x = prefix_index(r->index + ((word - r->lo) >> (r->shift & 63)));
			if (!x)
				return 0;
			value = prefix_search(x->first, x->more, word);
		}
		if (!(value & SL_PREFIX_ROOT))
			return value;
		root = value & ~SL_PREFIX_ROOT;
	}
	return 0;
}

#endif /* SL_LIB_PREFIX_H */
