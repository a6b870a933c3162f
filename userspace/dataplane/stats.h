/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counters of the data plane as sums over CPUs. Cumulative since the maps were
 * made; a reader takes differences. Does not log.
 */
#ifndef SL_DP_STATS_H
#define SL_DP_STATS_H

#include "dataplane.h"

struct stats_reasons {
	uint64_t reason[SL_R__MAX];
	uint64_t note[SL_N__MAX];
};
void stats_reasons(const struct dataplane *dp, struct stats_reasons *ret);

/* Of one service: packets by kind, of those that packet and byte quotas let through. */
void stats_kinds(const struct dataplane *dp, uint16_t service, uint64_t ret[SL_K__MAX]);

/* Of one account: what was admitted. */
void stats_account(const struct dataplane *dp, uint32_t account, struct sl_hot *ret);

/* Its tracked connections that are open, at one moment. */
uint32_t stats_open(const struct dataplane *dp, uint32_t account);

/* What was not admitted, by account and reason: one pass over the table. The
 * array is sorted by (account, service, reason, mark) and the caller's to free.
 */
struct stats_tally {
	uint32_t account; /* 0: none was found; SL_TALLY_OTHER */
	uint32_t service; /* id */
	uint16_t reason;
	bool mark;
	uint64_t packets;
};
int stats_tallies(const struct dataplane *dp, struct stats_tally **ret, size_t *ret_n);

/* Times from request to answer, of accounts that have any: sorted by (account, sort), the
 * caller's to free.
 */
struct stats_latency {
	uint32_t account; /* SL_TALLY_OTHER: of those that found no room */
	uint32_t sort;	  /* enum sl_latency_sort */
	struct sl_latency times;
};
int stats_latencies(const struct dataplane *dp, struct stats_latency **ret, size_t *ret_n);

/* What came of the messages of classes: sorted by (tenant, class), the caller's to free. */
struct stats_class {
	uint32_t tenant; /* id */
	uint32_t cls;	 /* enum sl_class */
	struct sl_class_state state;
};
int stats_classes(const struct dataplane *dp, struct stats_class **ret, size_t *ret_n);

/* A device's figure in events: "d-" and 16 hex digits. */
#define STATS_DEVICE_LEN 19
void stats_device(uint64_t hash, char ret[STATS_DEVICE_LEN]);

#endif /* SL_DP_STATS_H */
