/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the packet bench tells its BPF harness: a frame, and whose it is at each
 * turn.
 */
#ifndef PERF_HARNESS_H
#define PERF_HARNESS_H

#include <linux/types.h>

/* The frame is written in these pieces, so that no field which the program reads
 * lies across two of them: addresses and ports of IPv4 begin at 26 and 34, of
 * IPv6 at 22 and 54. A load across two fresh stores would wait for both, which no
 * frame from a NIC makes it do.
 */
#define PERF_HEAD  2
#define PERF_WORDS 11
#define PERF_BYTES (PERF_HEAD + 8 * PERF_WORDS) /* of the frame; the rest is left alone */

/* Where the device's address and port go. */
enum perf_way {
	PERF_TO_SERVICE4,
	PERF_TO_SERVICE6,
	PERF_TO_DEVICE4,
};

struct perf_flow {
	__u32 addr; /* its last 32 bits, host order */
	__u16 port; /* host order */
	__u16 pad;
};

struct perf_run {
	__u64 word[PERF_WORDS]; /* the frame; zero where address and port go */
	__u16 head;
	__u8 way; /* enum perf_way */
	__u8 pad[5];
	__u32 first, mask; /* its flows, in perf_flows */
	__u32 fresh; /* bits of the turn that are added to the address: a new flow each packet */
	__u32 len;   /* not 0: give the frame this length again */
	__u64 turn;
};

enum perf_target {
	PERF_NOTHING,
	PERF_YARDSTICK,
	PERF_A,
	PERF_B,
	PERF__MAX
};

#define PERF_FLOWS (1u << 22) /* of all sequences */

#endif /* PERF_HARNESS_H */
