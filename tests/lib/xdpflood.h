/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What xdpflood tells its program, and where the counts stand. */
#ifndef SL_TEST_XDPFLOOD_H
#define SL_TEST_XDPFLOOD_H

#include <linux/types.h>

#define FLOOD_FRAME_MAX	   256
#define FLOOD_WINDOW	   16	   /* bytes, each bit fixed or random */
#define FLOOD_PORT_ROUNDS  0x8000u /* rounds over all sources before a port returns to one */
#define FLOOD_WINDOW_WORDS (FLOOD_WINDOW / 8)
#define FLOOD_CPUS	   64

/* The frame as it is sent but for what varies, which is zero in @bytes: source
 * address, source port, checksums and the window. All offsets are even, so that
 * sums over parts of it can be added.
 */
struct flood_frame {
	__u8 bytes[FLOOD_FRAME_MAX];
	__u64 window[FLOOD_WINDOW_WORDS]; /* what does not vary in it */
	__u64 random[FLOOD_WINDOW_WORDS]; /* the bits that do */
	__u32 len, window_at;
	__u32 source_at, port_at; /* of 32 and of 16 bits */
	__u32 l3_check_at;	  /* 0: none */
	__u32 l4_check_at;
	__u32 l3_sum, l4_sum; /* of what does not vary, pseudo-header with it; raw order */
	__u8 is_udp;	      /* a sum of 0 is sent as 0xffff */
	__u8 pad[3];
};

/* A thread's share of the sources, first to first + count - 1 of 2^bits in an order that looks
 * random, and how far it is. Threads are told apart by the CPU they are pinned to.
 */
struct flood_share {
	__u64 first, count;
	__u64 seed;
	__u64 at;     /* of count */
	__u64 rounds; /* how often all of them were used */
	__u64 sent, failed;
	__u64 pad; /* one cache line each */
};

/* A permutation of the numbers of @bits bits: each step can be undone. */
static inline __u32 flood_permute(__u32 i, __u32 bits)
{
	__u32 mask = bits >= 32 ? 0xffffffff : (1u << bits) - 1, half = (bits + 1) / 2;

	i = i * 0x9e3779b1u & mask;
	i ^= i >> half;
	i = i * 0x85ebca6bu & mask;
	i ^= i >> half;
	return i;
}

#endif /* SL_TEST_XDPFLOOD_H */
