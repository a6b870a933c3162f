/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The value of an Echo option (RFC 9175 2.2): who has it has received what was sent to its
 * address not long ago. It is a keyed hash of both ends of the flow and of the time in
 * windows, whose lowest two bits take the place of the hash's: so one hash is enough to check
 * it, and no state is kept of those who were asked. Also the memory of those who
 * have answered. Pure.
 */
#ifndef SL_ECHO_H
#define SL_ECHO_H

#include "hash.h"
#include "inet.h"
#include "sip.h"

#define COAP_OPT_ECHO 252
#define ECHO_BYTES    8
#define ECHO_WINDOW_S 64

/* Seconds of the time of day -> window. */
static __always_inline __u32 echo_window(__u64 wall_s)
{
	return wall_s / ECHO_WINDOW_S;
}

/* As a number; on the wire its highest byte is first. */
static __always_inline __u64 echo_value(const __u64 key[2], const struct flow *f, __u32 window)
{
	__u64 words[5];

	__builtin_memcpy(words, &f->src, sizeof(f->src));
	__builtin_memcpy(words + 2, &f->dst, sizeof(f->dst));
	words[4] = (__u64)f->sport << 48 | (__u64)f->dport << 32 | window;
	return (sip_words(key, words, 5) & ~3ull) | (window & 3);
}

/* Was @value made in this window, or the one before; or in the next, as another node's clock
 * may be ahead?
 */
static __always_inline bool echo_is_fresh(const __u64 key[2], const struct flow *f, __u64 value,
					  __u32 window)
{
	__u32 behind = (window - value) & 3;

	if (behind == 2)
		return false;
	return value == echo_value(key, f, behind == 3 ? window + 1 : window - behind);
}

/* -- who has answered -- */

/* Of (device's address and port, service): its line by the lower half, its tag the upper. */
static __always_inline __u64 proven_hash(const __u64 key[SL_HASH_WORDS], const struct flow *f,
					 __u16 service)
{
	return hash_finish(hash_addr(key, &f->src) + key[5] * f->sport + key[6] * service);
}

/* Is the endpoint of @tag believed at @now_s? */
static __always_inline bool proven_has(const struct sl_proven_line *line, __u32 tag, __u32 now_s)
{
	for (int i = 0; i < SL_PROVEN_WORDS; i++) {
		__u64 w = *(volatile const __u64 *)&line->word[i];

		if (w >> 32 == tag && (__u32)w > now_s)
			return true;
	}
	return false;
}

/* Believe it until @until_s. A word lost to another CPU costs one more question. False: all
 * words are in use.
 */
static __always_inline bool proven_add(struct sl_proven_line *line, __u32 tag, __u32 now_s,
				       __u32 until_s)
{
	int at = -1;

	for (int i = 0; i < SL_PROVEN_WORDS; i++) {
		__u64 w = *(volatile __u64 *)&line->word[i];

		if (w >> 32 == tag) {
			at = i;
			break;
		}
		if ((__u32)w <= now_s)
			at = i;
	}
	if (at < 0)
		return false;
	*(volatile __u64 *)&line->word[at & (SL_PROVEN_WORDS - 1)] = (__u64)tag << 32 | until_s;
	return true;
}

#endif /* SL_ECHO_H */
