// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Counts are kept by packets and by this daemon, each with what it does to the table. A daemon
 * that was killed between the two leaves a count that is wrong for good; so each pass counts
 * what it reads. Where the counter has not moved since the pass before began, and both passes
 * came to the same difference, that is taken off.
 */
#include <errno.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include "../dataplane/flows.h"
#include "../dataplane/scan.h"
#include "../plan/flow.h"
#include "registry_own.h"
#include "sweep_flows.h"

struct tally {
	struct sl_open_count before; /* when the pass began */
	uint32_t counted;
	int32_t off; /* what the pass before found; 0: nothing */
};

struct sweep_flows {
	struct daemon *d;
	struct scan flows, opens;
	struct tally *accounts, *tenants; /* [cap.accounts], [cap.tenants] */
	bool idle;			  /* nothing is tracked */
};

/* -- one pass -- */

static bool anything_is_tracked(const struct daemon *d)
{
	for (const struct live_service *s = d->registry->services; s; s = s->next) {
		const struct sl_service_state *state = &d->dp->service_states[s->id];

		if (s->idle_s || state->flows || state->flow_opens)
			return true;
	}
	return false;
}

static bool same(struct sl_open_count a, struct sl_open_count b)
{
	return a.opened == b.opened && a.ended == b.ended;
}

static struct sl_open_count load(const struct sl_open_count *c)
{
	struct sl_open_count n;

	__atomic_load(c, &n, __ATOMIC_RELAXED);
	return n;
}

static void tallies_begin(struct tally *t, const struct sl_open_count *c, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct sl_open_count now = load(&c[i]);

		if (!same(now, t[i].before))
			t[i].off = 0;
		t[i].before = now;
		t[i].counted = 0;
	}
}

void sweep_flows_begin(struct sweep_flows *s)
{
	struct dataplane *dp = s->d->dp;

	s->idle = !anything_is_tracked(s->d);
	if (s->idle)
		return;
	tallies_begin(s->accounts, dp->open, dp->cap.accounts);
	tallies_begin(s->tenants, dp->open_tenants, dp->cap.tenants);
	scan_rewind(&s->flows);
	scan_rewind(&s->opens);
}

/* For how long a connection of the service may be silent; 0: not at all, it is not tracked. */
static uint32_t idle_of(const struct sweep_flows *s, uint16_t service)
{
	const struct live_service *svc = registry_service_by_id(s->d->registry, service);

	return svc && !svc->leaving ? svc->idle_s : 0;
}

static void count(const struct sweep_flows *s, const struct sl_flow *f)
{
	uint32_t account = flow_account_of(f), tenant = flow_tenant_of(f);

	if (flow_has(f, SL_FLOW_OVER))
		return;
	if (account < s->d->dp->cap.accounts)
		s->accounts[account].counted++;
	if (tenant < s->d->dp->cap.tenants)
		s->tenants[tenant].counted++;
}

static int flows_step(struct sweep_flows *s)
{
	const struct sl_flow_key *keys;
	const struct sl_flow *flows;
	uint32_t n, now = daemon_now_s();
	int err = scan_next(&s->flows, &n);

	keys = (const void *)s->flows.keys;
	flows = (const void *)s->flows.values;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t idle = idle_of(s, keys[i].service);
		bool due = flow_is_stale(&flows[i], now, idle) || flow_has_lapsed(&flows[i], now);

		if (!due || !flows_end(s->d->dp, &keys[i], now, idle))
			count(s, &flows[i]);
	}
	return err;
}

static int opens_step(struct sweep_flows *s)
{
	struct dataplane *dp = s->d->dp;
	const struct sl_flow_key *keys;
	const struct sl_flow_open *opens;
	uint32_t n, now = daemon_now_s();
	int err = scan_next(&s->opens, &n);

	keys = (const void *)s->opens.keys;
	opens = (const void *)s->opens.values;
	for (uint32_t i = 0; i < n; i++) {
		if (idle_of(s, keys[i].service) && !flow_open_is_stale(&opens[i], now))
			continue;
		if (!bpf_map_delete_elem(dp->flow_opens_fd, &keys[i]) &&
		    keys[i].service < dp->cap.services)
			__atomic_fetch_sub(&dp->service_states[keys[i].service].flow_opens, 1,
					   __ATOMIC_RELAXED);
	}
	return err;
}

/* -- what counts them -- */

static void tallies_end(struct tally *t, struct sl_open_count *c, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct sl_open_count now = load(&c[i]), right = now;
		int32_t off = now.opened - now.ended - t[i].counted;

		if (!same(now, t[i].before))
			off = 0;
		if (off && off == t[i].off) {
			right.ended += off;
			__atomic_compare_exchange(&c[i], &now, &right, false, __ATOMIC_RELAXED,
						  __ATOMIC_RELAXED);
			off = 0;
		}
		t[i].off = off;
	}
}

int sweep_flows_step(struct sweep_flows *s, bool *ret_done)
{
	struct dataplane *dp = s->d->dp;
	int err = 0;

	*ret_done = s->idle;
	if (s->idle)
		return 0;
	if (!s->flows.done) {
		err = flows_step(s);
	} else if (!s->opens.done) {
		err = opens_step(s);
	} else {
		tallies_end(s->accounts, dp->open, dp->cap.accounts);
		tallies_end(s->tenants, dp->open_tenants, dp->cap.tenants);
		*ret_done = true;
	}
	return err;
}

/* -- opening -- */

int sweep_flows_open(struct daemon *d, struct sweep_flows **ret)
{
	struct sweep_flows *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->d = d;
	s->accounts = calloc(d->dp->cap.accounts, sizeof(*s->accounts));
	s->tenants = calloc(d->dp->cap.tenants, sizeof(*s->tenants));
	err = s->accounts && s->tenants ? 0 : -ENOMEM;
	if (!err)
		err = scan_open(d->dp->flows_fd, sizeof(struct sl_flow_key), sizeof(struct sl_flow),
				&s->flows);
	if (!err)
		err = scan_open(d->dp->flow_opens_fd, sizeof(struct sl_flow_key),
				sizeof(struct sl_flow_open), &s->opens);
	if (err) {
		sweep_flows_close(s);
		return err;
	}
	*ret = s;
	return 0;
}

void sweep_flows_close(struct sweep_flows *s)
{
	if (!s)
		return;
	scan_close(&s->flows);
	scan_close(&s->opens);
	free(s->accounts);
	free(s->tenants);
	free(s);
}
