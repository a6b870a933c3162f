/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The load that scaling sees, from cumulative counters. Pure.
 *
 *	offered	what the tenant's devices sent, in the target's unit
 *	load	the part of it that instances are to serve: the lesser of what was
 *		offered and what the tenant's quota of that unit allows, without what
 *		quotas of another sort, of devices or of classes refused, so that an abuser
 *		does not scale the pool
 *
 * Refusals are counted in packets: one is one message (at least) and one
 * connection; of bytes it has as many as an admitted packet had on average.
 */
#ifndef SL_LOAD_H
#define SL_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sluice/abi.h>

/* Of one account, cumulative. */
struct load_counters {
	uint64_t admitted[SL_Q__MAX]; /* by enum sl_quota */
	uint64_t refused[SL_Q__MAX];  /* packets, by the tenant's quota of each unit */
	uint64_t refused_device;      /* packets, by any quota of a device or a class */
	uint64_t unserved;	      /* packets within all quotas, with no instance to go to */
};

struct load_rates {
	double offered, load; /* a second */
};

/* The rates between two readings @dt_ns apart. @quota is the tenant's rate of
 * @unit, 0 where it is not held to one. False, and *@ret untouched: no time has
 * passed, or a counter went back (the maps are new): @now is the first reading
 * then.
 */
bool load_rates(const struct load_counters *before, const struct load_counters *now, uint64_t dt_ns,
		enum sl_quota unit, double quota, struct load_rates *ret);

/* An exponentially weighted average with the time constant @tau_ns, which takes
 * its first sample as it is. Samples may come at uneven times.
 */
struct load_average {
	double value;
	bool primed;
};

void load_average_add(struct load_average *a, double sample, uint64_t dt_ns, uint64_t tau_ns);

#endif /* SL_LOAD_H */
