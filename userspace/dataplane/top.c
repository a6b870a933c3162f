// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "sync.h"
#include "top.h"

#define RETRIES 4

static struct sl_top_set *window_of(const struct dataplane *dp, uint32_t cpu, uint32_t table,
				    uint32_t window)
{
	return dp->top + (((size_t)cpu * SL_TOP_TENANTS + table - 1) * 2 + window) * SL_TOP_SETS;
}

/* One device's figures: the same device before and after. False: the entry is free, or
 * its device changes all the time, and then has nothing to tell.
 */
static bool entry_read(const struct sl_top_entry *e, struct top_device *ret)
{
	for (int i = 0; i < RETRIES; i++) {
		uint64_t before = __atomic_load_n(&e->device, __ATOMIC_ACQUIRE);

		ret->hash = before;
		ret->offered = __atomic_load_n(&e->offered, __ATOMIC_ACQUIRE);
		ret->refused = __atomic_load_n(&e->refused, __ATOMIC_ACQUIRE);
		if (__atomic_load_n(&e->device, __ATOMIC_ACQUIRE) == before)
			return before;
	}
	return false;
}

static int by_hash(const void *pa, const void *pb)
{
	const struct top_device *a = pa, *b = pb;

	return a->hash < b->hash ? -1 : a->hash > b->hash;
}

static int by_offered(const void *pa, const void *pb)
{
	const struct top_device *a = pa, *b = pb;

	if (a->offered != b->offered)
		return a->offered > b->offered ? -1 : 1;
	return by_hash(pa, pb);
}

/* Make one of the CPUs' parts. Returns how many are left. */
static size_t merge(struct top_device *d, size_t n)
{
	size_t kept = 0;

	qsort(d, n, sizeof(*d), by_hash);
	for (size_t i = 0; i < n; i++) {
		if (kept && d[kept - 1].hash == d[i].hash) {
			d[kept - 1].offered += d[i].offered;
			d[kept - 1].refused += d[i].refused;
		} else {
			d[kept++] = d[i];
		}
	}
	qsort(d, kept, sizeof(*d), by_offered);
	return kept;
}

int top_read(const struct dataplane *dp, uint32_t table, uint32_t window, struct top_device **ret,
	     size_t *ret_n)
{
	size_t max = (size_t)dp->n_cpus * SL_TOP_SETS * SL_TOP_WAYS, n = 0;
	struct top_device *d = calloc(max, sizeof(*d));

	if (!d)
		return -ENOMEM;
	for (uint32_t cpu = 0; cpu < dp->n_cpus; cpu++) {
		const struct sl_top_set *sets = window_of(dp, cpu, table, window);

		for (size_t i = 0; i < SL_TOP_SETS * SL_TOP_WAYS; i++)
			n += entry_read(&sets[i / SL_TOP_WAYS].entry[i % SL_TOP_WAYS], &d[n]);
	}
	*ret_n = merge(d, n);
	*ret = d;
	return 0;
}

uint32_t top_running(const struct dataplane *dp)
{
	return __atomic_load_n(&dp->control->top_turn, __ATOMIC_RELAXED) & 1;
}

int top_turn(struct dataplane *dp)
{
	uint32_t idle = !top_running(dp);

	for (uint32_t cpu = 0; cpu < dp->n_cpus; cpu++)
		for (uint32_t table = 1; table <= SL_TOP_TENANTS; table++)
			memset(window_of(dp, cpu, table, idle), 0,
			       SL_TOP_SETS * sizeof(struct sl_top_set));
	__atomic_store_n(&dp->control->top_turn, idle, __ATOMIC_RELEASE);
	return sync_wait();
}
