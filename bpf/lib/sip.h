/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* SipHash-2-4 (Aumasson, Bernstein 2012) of whole 64-bit words: for what a stranger gets to
 * see, and must not be able to make himself. What lib/hash.h has is faster, and no secret
 * once its results are known. Pure.
 */
#ifndef SL_SIP_H
#define SL_SIP_H

#include <sluice/base.h>

struct sip {
	__u64 v0, v1, v2, v3;
};

static __always_inline __u64 sip_rotate(__u64 x, int n)
{
	return x << n | x >> (64 - n);
}

static __always_inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = sip_rotate(s->v1, 13) ^ s->v0;
	s->v0 = sip_rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = sip_rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = sip_rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = sip_rotate(s->v1, 17) ^ s->v2;
	s->v2 = sip_rotate(s->v2, 32);
}

static __always_inline void sip_word(struct sip *s, __u64 word)
{
	s->v3 ^= word;
	sip_round(s);
	sip_round(s);
	s->v0 ^= word;
}

/* Of @n words, a constant: the hash of 8 * @n bytes, where they lie as little-endian. */
static __always_inline __u64 sip_words(const __u64 key[2], const __u64 *words, int n)
{
	struct sip s = {
		.v0 = key[0] ^ 0x736f6d6570736575ull,
		.v1 = key[1] ^ 0x646f72616e646f6dull,
		.v2 = key[0] ^ 0x6c7967656e657261ull,
		.v3 = key[1] ^ 0x7465646279746573ull,
	};

	for (int i = 0; i < n; i++)
		sip_word(&s, words[i]);
	sip_word(&s, (__u64)n * 8 << 56);
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

#endif /* SL_SIP_H */
