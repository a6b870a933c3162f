// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sums over CPUs. Each counter has one writer and is one word: a plain load
 * sees it whole.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../common/cleanup.h"
#include "scan.h"
#include "stats.h"

static uint64_t load(const __u64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void stats_reasons(const struct dataplane *dp, struct stats_reasons *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (uint32_t cpu = 0; cpu < dp->n_cpus; cpu++) {
		const struct sl_cpu_counters *c = &dp->counters[cpu];

		for (int i = 0; i < SL_R__MAX; i++)
			ret->reason[i] += load(&c->reason[i]);
		for (int i = 0; i < SL_N__MAX; i++)
			ret->note[i] += load(&c->note[i]);
	}
}

void stats_kinds(const struct dataplane *dp, uint16_t service, uint64_t ret[SL_K__MAX])
{
	memset(ret, 0, sizeof(*ret) * SL_K__MAX);
	if (service >= dp->services_per_cpu)
		return;
	for (size_t cpu = 0; cpu < dp->n_cpus; cpu++) {
		const struct sl_kind_counters *c = &dp->kinds[cpu * dp->services_per_cpu + service];

		for (int i = 0; i < SL_K__MAX; i++)
			ret[i] += load(&c->kind[i]);
	}
}

uint32_t stats_open(const struct dataplane *dp, uint32_t account)
{
	struct sl_open_count n = {};

	if (account < dp->cap.accounts)
		__atomic_load(&dp->open[account], &n, __ATOMIC_RELAXED);
	return n.opened - n.ended;
}

void stats_account(const struct dataplane *dp, uint32_t account, struct sl_hot *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (account >= dp->accounts_per_cpu)
		return;
	for (size_t cpu = 0; cpu < dp->n_cpus; cpu++) {
		const struct sl_hot *h = &dp->hot[cpu * dp->accounts_per_cpu + account];

		ret->packets += load(&h->packets);
		ret->bytes += load(&h->bytes);
		ret->messages += load(&h->messages);
		ret->connections += load(&h->connections);
	}
}

/* A table that grows while the map is read; the map's size is its limit. */
struct tallies {
	struct stats_tally *at;
	size_t n, room;
};

static int tallies_add(struct tallies *t, const struct sl_tally_key *key, uint64_t packets)
{
	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 1024;
		struct stats_tally *at = reallocarray(t->at, room, sizeof(*at));

		if (!at)
			return -ENOMEM;
		t->at = at;
		t->room = room;
	}
	t->at[t->n++] = (struct stats_tally){
		.account = key->account,
		.service = key->service,
		.reason = key->reason & (uint16_t)~SL_TALLY_MARK,
		.mark = key->reason & SL_TALLY_MARK,
		.packets = packets,
	};
	return 0;
}

static int read_tallies(const struct dataplane *dp, struct tallies *t)
{
	sl_cleanup(scan_close) struct scan s = { 0 };
	int err = scan_open(dp->tallies_fd, sizeof(struct sl_tally_key), sizeof(uint64_t), &s);

	while (!err && !s.done) {
		uint32_t n = 0;

		err = scan_next(&s, &n);
		for (uint32_t i = 0; !err && i < n; i++) {
			struct sl_tally_key key;
			uint64_t packets;

			memcpy(&key, s.keys + i * sizeof(key), sizeof(key));
			memcpy(&packets, s.values + i * sizeof(packets), sizeof(packets));
			err = tallies_add(t, &key, packets);
		}
	}
	return err;
}

static int compare(const void *pa, const void *pb)
{
	const struct stats_tally *a = pa, *b = pb;

	if (a->account != b->account)
		return a->account < b->account ? -1 : 1;
	if (a->service != b->service)
		return a->service < b->service ? -1 : 1;
	if (a->reason != b->reason)
		return a->reason < b->reason ? -1 : 1;
	return (int)a->mark - (int)b->mark;
}

/* Sort, and make one row of the CPUs' parts. Returns how many are left. */
static size_t merge(struct stats_tally *t, size_t n)
{
	size_t kept = 0;

	qsort(t, n, sizeof(*t), compare);
	for (size_t i = 0; i < n; i++) {
		if (kept && !compare(&t[kept - 1], &t[i]))
			t[kept - 1].packets += t[i].packets;
		else
			t[kept++] = t[i];
	}
	return kept;
}

int stats_tallies(const struct dataplane *dp, struct stats_tally **ret, size_t *ret_n)
{
	struct tallies t = { 0 };
	int err = read_tallies(dp, &t);

	if (err) {
		free(t.at);
		return err;
	}
	*ret_n = t.n ? merge(t.at, t.n) : 0;
	*ret = t.at;
	return 0;
}

/* -- times -- */

static bool is_empty(const struct sl_latency *l)
{
	static const struct sl_latency zero;

	return !memcmp(l->bucket, zero.bucket, sizeof(l->bucket));
}

static int latencies_add(struct stats_latency **io_at, size_t *io_n, const struct scan *s,
			 uint32_t n)
{
	struct stats_latency *at;

	if (!n)
		return 0;
	at = reallocarray(*io_at, *io_n + n, sizeof(*at));
	if (!at)
		return -ENOMEM;
	*io_at = at;
	for (uint32_t i = 0; i < n; i++) {
		struct stats_latency *l = &at[*io_n];
		struct sl_latency_key key;

		memcpy(&key, s->keys + i * sizeof(key), sizeof(key));
		memcpy(&l->times, s->values + i * sizeof(l->times), sizeof(l->times));
		l->account = key.account;
		l->sort = key.sort;
		*io_n += !is_empty(&l->times) && key.sort < SL_L__MAX;
	}
	return 0;
}

static int by_account(const void *pa, const void *pb)
{
	const struct stats_latency *a = pa, *b = pb;

	if (a->account != b->account)
		return a->account < b->account ? -1 : 1;
	return a->sort < b->sort ? -1 : a->sort > b->sort;
}

int stats_latencies(const struct dataplane *dp, struct stats_latency **ret, size_t *ret_n)
{
	sl_cleanup(scan_close) struct scan s = { 0 };
	struct stats_latency *at = NULL;
	size_t n = 0;
	int err = scan_open(dp->latencies_fd, sizeof(struct sl_latency_key),
			    sizeof(struct sl_latency), &s);

	while (!err && !s.done) {
		uint32_t got = 0;

		err = scan_next(&s, &got);
		if (!err)
			err = latencies_add(&at, &n, &s, got);
	}
	if (err) {
		free(at);
		return err;
	}
	if (n)
		qsort(at, n, sizeof(*at), by_account);
	*ret = at;
	*ret_n = n;
	return 0;
}

/* -- classes -- */

static int classes_add(struct stats_class **io_at, size_t *io_n, const struct scan *s, uint32_t n)
{
	struct stats_class *at = n ? reallocarray(*io_at, *io_n + n, sizeof(*at)) : *io_at;

	if (n && !at)
		return -ENOMEM;
	*io_at = at;
	for (uint32_t i = 0; i < n; i++) {
		struct sl_class_state_key key;

		memcpy(&key, s->keys + i * sizeof(key), sizeof(key));
		if (key.cls >= SL_CLASS_SLOTS)
			continue;
		at[*io_n].tenant = key.tenant;
		at[*io_n].cls = key.cls;
		memcpy(&at[*io_n].state, s->values + i * sizeof(at->state), sizeof(at->state));
		++*io_n;
	}
	return 0;
}

static int by_class(const void *pa, const void *pb)
{
	const struct stats_class *a = pa, *b = pb;

	if (a->tenant != b->tenant)
		return a->tenant < b->tenant ? -1 : 1;
	return a->cls < b->cls ? -1 : a->cls > b->cls;
}

int stats_classes(const struct dataplane *dp, struct stats_class **ret, size_t *ret_n)
{
	sl_cleanup(scan_close) struct scan s = { 0 };
	struct stats_class *at = NULL;
	size_t n = 0;
	int err = scan_open(dp->class_states_fd, sizeof(struct sl_class_state_key),
			    sizeof(struct sl_class_state), &s);

	while (!err && !s.done) {
		uint32_t got = 0;

		err = scan_next(&s, &got);
		if (!err)
			err = classes_add(&at, &n, &s, got);
	}
	if (err) {
		free(at);
		return err;
	}
	if (n)
		qsort(at, n, sizeof(*at), by_class);
	*ret = at;
	*ret_n = n;
	return 0;
}

void stats_device(uint64_t hash, char ret[STATS_DEVICE_LEN])
{
	snprintf(ret, STATS_DEVICE_LEN, "d-%016" PRIx64, hash);
}
