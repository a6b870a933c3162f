// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "../common/cleanup.h"
#include "forget.h"
#include "scan.h"
#include "sluice.skel.h"

#define FORGET_OTHER_CPUS 256 /* beyond, SL_TALLY_OTHER would fill the table by itself */

/* Counters are mapped for reading only: they are written as elements. */
void forget_service(struct dataplane *dp, uint16_t id)
{
	static const struct sl_kind_counters zero;

	for (uint32_t cpu = 0; cpu < dp->n_cpus; cpu++) {
		__u32 index = cpu * dp->services_per_cpu + id;

		if (memcmp(&dp->kinds[index], &zero, sizeof(zero)))
			bpf_map__update_elem(dp->skel->maps.sl_kinds, &index, sizeof(index), &zero,
					     sizeof(zero), BPF_ANY);
	}
	memset(&dp->service_states[id], 0, sizeof(dp->service_states[id]));
}

void forget_tenant(struct dataplane *dp, uint32_t id)
{
	memset(&dp->buckets[id], 0, sizeof(dp->buckets[id]));
}

static void forget_hot(struct dataplane *dp, uint32_t id)
{
	static const struct sl_hot zero;

	for (uint32_t cpu = 0; cpu < dp->n_cpus; cpu++) {
		__u32 index = cpu * dp->accounts_per_cpu + id;

		if (memcmp(&dp->hot[index], &zero, sizeof(zero)))
			bpf_map__update_elem(dp->skel->maps.sl_hot, &index, sizeof(index), &zero,
					     sizeof(zero), BPF_ANY);
	}
}

static void forget_latency(struct dataplane *dp, uint32_t id)
{
	struct sl_latency_key key = { .account = id };

	for (key.sort = 0; key.sort < SL_L__MAX; key.sort++)
		bpf_map_delete_elem(dp->latencies_fd, &key);
}

static int forget_tallies(struct dataplane *dp, const bool *gone)
{
	sl_cleanup(scan_close) struct scan s = {};
	uint32_t n;
	int err = scan_open(dp->tallies_fd, sizeof(struct sl_tally_key), sizeof(__u64), &s);

	while (!err && !s.done) {
		const struct sl_tally_key *keys;

		err = scan_next(&s, &n);
		keys = (const void *)s.keys;
		for (uint32_t i = 0; !err && i < n; i++) {
			if (keys[i].account < dp->cap.accounts && gone[keys[i].account])
				bpf_map_delete_elem(dp->tallies_fd, &keys[i]);
		}
	}
	return err;
}

int forget_accounts(struct dataplane *dp, const bool *gone)
{
	for (uint32_t id = 1; id < dp->cap.accounts; id++) {
		if (gone[id])
			forget_hot(dp, id);
		if (gone[id])
			forget_latency(dp, id);
	}
	return forget_tallies(dp, gone);
}

static bool is_tallied(enum sl_reason why)
{
	static const enum sl_reason_group group[] = {
#define X(name, action, group_, label, text) [SL_R_##name] = SL_G_##group_,
		SL_REASONS(X)
#undef X
	};

	return group[why] != SL_G_ADMITTED && group[why] != SL_G_RETURNED;
}

static int make_other_latencies(struct dataplane *dp)
{
	static const struct sl_latency zero;
	struct sl_latency_key key = { .account = SL_TALLY_OTHER };
	int err = 0;

	for (key.sort = 0; key.sort < SL_L__MAX && !err; key.sort++) {
		err = bpf_map_update_elem(dp->latencies_fd, &key, &zero, BPF_NOEXIST);
		err = err == -EEXIST ? 0 : err;
	}
	return err;
}

int forget_make_others(struct dataplane *dp)
{
	uint32_t cpus = dp->n_cpus < FORGET_OTHER_CPUS ? dp->n_cpus : FORGET_OTHER_CPUS;
	__u64 zero = 0;
	int err = make_other_latencies(dp);

	for (uint32_t i = 0; i < 2 * SL_R__MAX * cpus && !err; i++) {
		struct sl_tally_key key = {
			.account = SL_TALLY_OTHER,
			.reason = i / 2 % SL_R__MAX,
			.cpu = i / 2 / SL_R__MAX,
		};

		if (!is_tallied(key.reason))
			continue;
		if (i & 1)
			key.reason |= SL_TALLY_MARK;
		err = bpf_map_update_elem(dp->tallies_fd, &key, &zero, BPF_NOEXIST);
		err = err == -EEXIST ? 0 : err;
	}
	return err;
}
