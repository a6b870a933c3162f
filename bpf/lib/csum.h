/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Internet checksums, changed by differences (RFC 1624). Sums are over 16-bit
 * words as they lie in memory, which RFC 1071 allows on any byte order. Pure.
 */
#ifndef SL_CSUM_H
#define SL_CSUM_H

#include <sluice/abi.h>

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static __always_inline __u64 csum_addr(const struct sl_addr *a)
{
	return (__u64)a->w[0] + a->w[1] + a->w[2] + a->w[3];
}

/* What replacing @from by @to adds to a sum. IPv4 addresses are mapped, and
 * their common prefix cancels out.
 */
static __always_inline __u16 csum_delta(const struct sl_addr *from, __be16 from_port,
					const struct sl_addr *to, __be16 to_port)
{
	__u16 minus = ~csum_fold(csum_addr(from) + from_port);

	return csum_fold(csum_addr(to) + to_port + minus);
}

/* The checksum @check after its data's sum has grown by @delta. */
static __always_inline __u16 csum_apply(__u16 check, __u16 delta)
{
	return ~csum_fold((__u64)(__u16)~check + delta);
}

static __always_inline __u16 csum_negate(__u16 delta)
{
	return ~delta;
}

#endif /* SL_CSUM_H */
