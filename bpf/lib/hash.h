/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keyed hashes: multilinear over 32-bit words with 64-bit secret keys, which is
 * strongly universal (a stranger without the key cannot do better than chance
 * at making two inputs collide), then a bijective finish that spreads arithmetic
 * progressions, such as consecutive ports, over all bits. Pure.
 */
#ifndef SL_HASH_H
#define SL_HASH_H

#include <sluice/abi.h>

static __always_inline __u64 hash_finish(__u64 h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ull;
	h ^= h >> 32;
	return h;
}

static __always_inline __u64 hash_addr(const __u64 key[SL_HASH_WORDS], const struct sl_addr *a)
{
	return key[0] + key[1] * a->w[0] + key[2] * a->w[1] + key[3] * a->w[2] + key[4] * a->w[3];
}

/* Of a device's end of a flow; the same on every node with the same secret, so
 * it contains no local id. A ring's slot is (flow_hash * size) >> 32.
 */
static __always_inline __u32 flow_hash(const __u64 key[SL_HASH_WORDS], const struct sl_addr *a,
				       __be16 port)
{
	return hash_finish(hash_addr(key, a) + key[5] * port) >> 32;
}

static __always_inline __u32 ring_slot(__u32 hash, __u32 size)
{
	return (__u64)hash * size >> 32;
}

/* Of (tenant, source address); of an IPv6 source its /64 counts. */
static __always_inline __u64 device_hash(const __u64 key[SL_HASH_WORDS], const struct sl_addr *a,
					 bool is_v4, __u32 tenant)
{
	__u64 h = key[0] + key[1] * a->w[0] + key[2] * a->w[1] + key[5] * tenant;

	if (is_v4)
		h += key[3] * a->w[2] + key[4] * a->w[3];
	return hash_finish(h);
}

/* Of (tenant, source address and port). */
static __always_inline __u64 device_hash_endpoint(const __u64 key[SL_HASH_WORDS],
						  const struct sl_addr *a, __be16 port,
						  __u32 tenant)
{
	return hash_finish(hash_addr(key, a) + key[5] * tenant + key[6] * port);
}

/* Of (tenant, DTLS connection id), @cid being what cid_hash() made of it. */
static __always_inline __u64 device_hash_cid(const __u64 key[SL_HASH_WORDS], __u64 cid,
					     __u32 tenant)
{
	return hash_finish(cid + key[5] * tenant);
}

/* Of the first 16 bytes of a connection id of @len bytes; what is behind it does
 * not count. Not 0.
 */
static __always_inline __u64 cid_hash(const __u64 key[SL_HASH_WORDS], const __u8 *id, __u32 len)
{
	__u64 h = key[7];

	for (__u32 i = 0; i < 4; i++) {
		__u32 word, left = len > 4 * i ? len - 4 * i : 0;

		__builtin_memcpy(&word, id + 4 * i, sizeof(word));
		if (left < 4) /* the first bytes in memory are the upper ones */
			word = bpf_ntohl(word) & ~(0xffffffffull >> 8 * left);
		else
			word = bpf_ntohl(word);
		h += key[1 + i] * word;
	}
	return h | 1;
}

/* Bit of an address in the filter of addresses we own. Two multiplications, and
 * one of the keys: whoever makes addresses collide here only makes his own packets
 * take the exact look-ups.
 */
static __always_inline __u32 filter_bit(const __u64 key[SL_HASH_WORDS], const struct sl_addr *a)
{
	__u64 upper = (__u64)a->w[0] << 32 | a->w[1], lower = (__u64)a->w[2] << 32 | a->w[3];
	__u64 h = (lower + upper * 0x9e3779b97f4a7c15ull) * (key[0] | 1);

	return h >> 46;
}
_Static_assert(SL_FILTER_BITS == 1 << 18, "as many bits as filter_bit() gives");

#endif /* SL_HASH_H */
