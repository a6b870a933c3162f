// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <bpf/bpf.h>
#include "../common/cleanup.h"
#include "../plan/flow.h"
#include "flows.h"
#include "scan.h"

static void count_end(struct dataplane *dp, const struct sl_flow *f)
{
	uint32_t account = flow_account_of(f), tenant = flow_tenant_of(f);

	if (flow_has(f, SL_FLOW_OVER))
		return;
	if (account < dp->cap.accounts)
		__atomic_fetch_add(&dp->open[account].ended, 1, __ATOMIC_RELAXED);
	if (tenant < dp->cap.tenants)
		__atomic_fetch_add(&dp->open_tenants[tenant].ended, 1, __ATOMIC_RELAXED);
}

/* What is taken out is looked at as it was then: packets may have changed it meanwhile. */
static bool take(struct dataplane *dp, const struct sl_flow_key *key, struct sl_flow *ret)
{
	if (bpf_map_lookup_and_delete_elem(dp->flows_fd, key, ret))
		return false;
	if (key->service < dp->cap.services)
		__atomic_fetch_sub(&dp->service_states[key->service].flows, 1, __ATOMIC_RELAXED);
	return true;
}

bool flows_end(struct dataplane *dp, const struct sl_flow_key *key, uint32_t now_s, uint32_t idle_s)
{
	bool stale, lapsed;
	struct sl_flow f;

	if (!take(dp, key, &f))
		return false;
	stale = flow_is_stale(&f, now_s, idle_s);
	lapsed = flow_has_lapsed(&f, now_s);
	if (stale || lapsed)
		count_end(dp, &f);
	if (stale)
		return true;
	if (lapsed)
		f.who |= SL_FLOW_FLAG(SL_FLOW_OVER | SL_FLOW_LAPSED);
	if (!bpf_map_update_elem(dp->flows_fd, key, &f, BPF_NOEXIST)) {
		if (key->service < dp->cap.services)
			__atomic_fetch_add(&dp->service_states[key->service].flows, 1,
					   __ATOMIC_RELAXED);
		return lapsed;
	}
	count_end(dp, &f); /* a new one has come in between */
	return true;
}

int flows_forget(struct dataplane *dp, const bool *used)
{
	sl_cleanup(scan_close) struct scan s = {};
	int err = scan_open(dp->flows_fd, sizeof(struct sl_flow_key), sizeof(struct sl_flow), &s);
	uint32_t n;

	while (!err && !s.done) {
		const struct sl_flow_key *keys;
		const struct sl_flow *flows;
		struct sl_flow f;

		err = scan_next(&s, &n);
		keys = (const void *)s.keys;
		flows = (const void *)s.values;
		for (uint32_t i = 0; !err && i < n; i++) {
			uint32_t account = flow_account_of(&flows[i]);

			if ((account >= dp->cap.accounts || !used[account]) &&
			    take(dp, &keys[i], &f))
				count_end(dp, &f);
		}
	}
	return err;
}
