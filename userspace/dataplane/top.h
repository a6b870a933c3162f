/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The heaviest devices of a tenant, see bpf/lib/top.h: sums over CPUs, and the two
 * windows. Does not log.
 */
#ifndef SL_DP_TOP_H
#define SL_DP_TOP_H

#include "dataplane.h"

struct top_device {
	uint64_t hash;		   /* as in events */
	uint64_t offered, refused; /* packets; never more than it sent */
};

/* What @table (from 1) has in @window (0 or 1), the heaviest first. The array is the
 * caller's to free. Returns 0 or -ENOMEM.
 */
int top_read(const struct dataplane *dp, uint32_t table, uint32_t window, struct top_device **ret,
	     size_t *ret_n);

/* Which window packets count in. */
uint32_t top_running(const struct dataplane *dp);

/* Empty the other window and let packets count in it; what they counted in until now is
 * whole when this returns. Waits until no packet can write there (RCU).
 */
int top_turn(struct dataplane *dp);

#endif /* SL_DP_TOP_H */
