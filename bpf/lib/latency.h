/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Times from request to answer: which hash a request has, whether it is sampled, and
 * log-linear histograms: SL_LATENCY_SUBS buckets an octave of nanoseconds, each at most
 * 1/16 of its lower bound wide. Pure.
 */
#ifndef SL_LATENCY_H
#define SL_LATENCY_H

#include "hash.h"

/* What a request and its answer have in common. */
struct latency_ask {
	struct sl_addr addr; /* of the device */
	__be16 port;
	__u16 service;
	__u32 sort;  /* enum sl_latency_sort, and above 8 bits a CoAP token's length */
	__u64 token; /* CoAP's (RFC 7252 5.3.1), 0 behind its end; else 0 */
};

/* Keyed, so that nobody chooses whether he is sampled, or makes others' entries give way. */
static __always_inline __u64 latency_hash(const __u64 key[SL_HASH_WORDS],
					  const struct latency_ask *a)
{
	__u32 end = (__u32)a->service << 16 | a->port;

	return hash_finish(hash_addr(key, &a->addr) + key[5] * end + key[6] * (__u32)a->token +
			   key[7] * (a->token >> 32) + key[0] * a->sort);
}

/* @mask: one less than the power of two of which one is sampled. */
static __always_inline bool latency_is_sampled(__u64 hash, __u32 mask)
{
	return !(hash & mask);
}

/* The highest bit set. VERIFIER: without branches, each of which would be a path. */
static __always_inline __u32 latency_log2(__u64 v)
{
	__u32 n = 0;

	for (int shift = 32; shift; shift /= 2) {
		__u64 over = v >> shift, minus = -over, step;

		sl_opaque(minus);
		step = ((over | minus) >> 63) * shift; /* nothing if it is 0 */
		n += step;
		v >>= step;
	}
	return n;
}

/* The bucket of @ns: 0 what is below SL_LATENCY_MIN_LOG2, the last what is over the end. */
static __always_inline __u32 latency_bucket(__u64 ns)
{
	__u32 log = latency_log2(ns | 1);

	if (log < SL_LATENCY_MIN_LOG2)
		return 0;
	if (log >= SL_LATENCY_MAX_LOG2)
		return SL_LATENCY_BUCKETS - 1;
	return 1 + (log - SL_LATENCY_MIN_LOG2) * SL_LATENCY_SUBS +
	       ((ns >> (log - SL_LATENCY_SUBS_LOG2)) & (SL_LATENCY_SUBS - 1));
}

/* The least time that is in @bucket; of one behind the last the end of them all. */
static __always_inline __u64 latency_floor_ns(__u32 bucket)
{
	__u32 at = bucket - 1, log = SL_LATENCY_MIN_LOG2 + at / SL_LATENCY_SUBS;

	if (!bucket)
		return 0;
	return (SL_LATENCY_SUBS + (__u64)(at % SL_LATENCY_SUBS)) << (log - SL_LATENCY_SUBS_LOG2);
}

static __always_inline __u64 latency_count(const __u64 *bucket)
{
	__u64 n = 0;

	for (__u32 i = 0; i < SL_LATENCY_BUCKETS; i++)
		n += bucket[i];
	return n;
}

/* The time that @permille of a histogram's samples are within, interpolated in its
 * bucket. Of the last bucket its floor. 0: there are none.
 */
static __always_inline __u64 latency_quantile_ns(const __u64 *bucket, __u32 permille)
{
	double want = (double)latency_count(bucket) * permille / 1000, before = 0;

	for (__u32 i = 0; i < SL_LATENCY_BUCKETS; i++) {
		__u64 floor = latency_floor_ns(i), width = latency_floor_ns(i + 1) - floor;

		if (!bucket[i] || before + bucket[i] < want) {
			before += bucket[i];
			continue;
		}
		if (i == SL_LATENCY_BUCKETS - 1)
			return floor;
		return floor + (__u64)(width * ((want - before) / bucket[i]));
	}
	return 0;
}

#endif /* SL_LATENCY_H */
