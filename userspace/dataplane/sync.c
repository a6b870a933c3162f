// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Banks: fill the idle one, flip, wait, fill the other. */
#include <errno.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "../common/cleanup.h"
#include "filter.h"
#include "sync.h"
#include "sync_class.h"
#include "sync_hash.h"

struct address_record {
	struct sl_addr_key key;
	__u32 value;
};

/* One configuration on its way into the kernel. */
struct sync {
	struct dataplane *dp;
	const struct plan *want;
	struct address_record *addresses;
	sync_progress progress;
	void *arg;
	size_t done, total;
	struct dataplane_error *reterr;
};

static void fail(struct dataplane_error *reterr, const char *what, int err)
{
	snprintf(reterr->text, sizeof(reterr->text), "%s: %s", what, strerror(-err));
}

/* -- waiting -- */

/* Changing an array of maps makes the kernel wait likewise; for kernels whose
 * membarrier refuses (nohz_full).
 */
static int wait_by_map(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	sl_autoclose int inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 4, 1, NULL);
	sl_autoclose int outer = -1;
	__u32 zero = 0;

	if (inner < 0)
		return inner;
	opts.inner_map_fd = inner;
	outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, NULL, 4, 4, 1, &opts);
	return outer < 0 ? outer : bpf_map_update_elem(outer, &zero, &inner, BPF_ANY);
}

int sync_wait(void)
{
	if (!syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		return 0;
	return wait_by_map();
}

/* -- one bank -- */

/* Index, values and further roots of the plan count from 0; the bank's begin at
 * its base.
 */
static __u32 prefix_value(__u32 value, uint32_t bank)
{
	return value & SL_PREFIX_ROOT ? value + bank * SL_PREFIX_ROOTS_PER_BANK : value;
}

static void fill_prefixes(struct sync *s, uint32_t bank)
{
	const struct plan_prefix_table *t = &s->want->prefixes;
	struct dataplane *dp = s->dp;
	struct sl_prefix_range *ranges = dp->prefix_ranges + (size_t)bank * dp->ranges_per_bank;
	struct sl_prefix_index *index = dp->prefix_index + (size_t)bank * dp->index_per_bank;
	struct sl_prefix_root *roots = dp->prefix_roots + bank * SL_PREFIX_ROOTS_PER_BANK;

	for (size_t i = 0; i < t->n_ranges; i++) {
		ranges[i] = t->ranges[i];
		ranges[i].value = prefix_value(ranges[i].value, bank);
	}
	for (size_t i = 0; i < t->n_index; i++) {
		index[i] = t->index[i];
		index[i].first += bank * dp->ranges_per_bank;
	}
	for (size_t i = 0; i < t->n_roots; i++) {
		roots[i] = t->roots[i];
		roots[i].index += bank * dp->index_per_bank;
		roots[i].outside = prefix_value(roots[i].outside, bank);
	}
}

static void tell_progress(struct sync *s, size_t n)
{
	s->done += n;
	if (s->progress)
		s->progress(s->arg, s->done, s->total);
}

static int fill_table(struct sync *s, const struct hash_want *want, const char *capacity,
		      uint32_t bank)
{
	int err = hash_sync(want, bank);

	if (err)
		fail(s->reterr, capacity, err);
	else
		tell_progress(s, want->n);
	return err;
}

static struct hash_want want_services(const struct dataplane *dp, const struct plan_service *p,
				      size_t n)
{
	return (struct hash_want){
		.kind = &hash_services,
		.fd = dp->services_fd,
		.records = (const char *)p,
		.n = n,
		.stride = sizeof(*p),
		.value_at = offsetof(struct plan_service, value),
	};
}

static struct hash_want want_accounts(const struct dataplane *dp, const struct plan_account *p,
				      size_t n)
{
	return (struct hash_want){
		.kind = &hash_accounts,
		.fd = dp->accounts_fd,
		.records = (const char *)p,
		.n = n,
		.stride = sizeof(*p),
		.value_at = offsetof(struct plan_account, value),
	};
}

static struct hash_want want_responses(const struct dataplane *dp, const struct plan_response *p,
				       size_t n)
{
	return (struct hash_want){
		.kind = &hash_responses,
		.fd = dp->responses_fd,
		.records = (const char *)p,
		.n = n,
		.stride = sizeof(*p),
		.value_at = offsetof(struct plan_response, value),
	};
}

static int fill_bank(struct sync *s, uint32_t bank)
{
	const struct plan *p = s->want;
	struct hash_want services = want_services(s->dp, p->services, p->n_services);
	struct hash_want accounts = want_accounts(s->dp, p->accounts, p->n_accounts);
	struct hash_want responses = want_responses(s->dp, p->responses, p->n_responses);
	struct hash_want addresses = {
		.kind = &hash_addresses,
		.fd = s->dp->addresses_fd,
		.records = (const char *)s->addresses,
		.n = p->n_addresses,
		.stride = sizeof(struct address_record),
		.value_at = offsetof(struct address_record, value),
	};
	struct hash_want trie = {
		.kind = &hash_trie,
		.fd = s->dp->trie_fd,
		.records = (const char *)p->trie.steps,
		.n = p->trie.n_steps,
		.stride = sizeof(struct plan_trie_step),
		.value_at = offsetof(struct plan_trie_step, node),
	};
	struct hash_want classes = {
		.kind = &hash_classes,
		.fd = s->dp->class_sets_fd,
		.records = (const char *)p->classes.sets,
		.n = p->classes.n_sets,
		.stride = sizeof(struct plan_class_set),
		.value_at = offsetof(struct plan_class_set, value),
	};
	int err = fill_table(s, &classes, "capacity.tenants", bank);

	if (!err)
		err = fill_table(s, &accounts, "capacity.accounts", bank);
	if (!err)
		err = fill_table(s, &responses, "responses", bank);
	if (!err)
		err = fill_table(s, &trie, "capacity.trie", bank);
	if (!err)
		err = fill_table(s, &services, "capacity.services", bank);
	if (!err)
		err = fill_table(s, &addresses, "capacity.services", bank);
	if (err)
		return err;
	fill_prefixes(s, bank);
	return 0;
}

/* -- the whole -- */

static int check_room(const struct dataplane *dp, const struct plan *p,
		      struct dataplane_error *reterr)
{
	const struct {
		const char *member;
		size_t want, room;
	} rooms[] = {
		{ "services", p->n_services, dp->cap.services },
		{ "accounts", p->n_accounts, dp->cap.accounts },
		{ "services", p->n_addresses, dp->cap.services },
		{ "prefixes", p->prefixes.n_index, dp->index_per_bank },
		{ "prefixes", p->prefixes.n_ranges, dp->ranges_per_bank },
		{ "prefixes", p->prefixes.n_roots, SL_PREFIX_ROOTS_PER_BANK },
		{ "trie", p->trie.n_steps, dp->cap.trie },
	};

	for (size_t i = 0; i < SL_ARRAY_SIZE(rooms); i++) {
		if (rooms[i].want <= rooms[i].room)
			continue;
		snprintf(reterr->text, sizeof(reterr->text),
			 "capacity.%s: %zu entries are wanted, %zu fit: want a larger capacity",
			 rooms[i].member, rooms[i].want, rooms[i].room);
		return -ENOSPC;
	}
	return 0;
}

static int addresses_build(const struct plan *p, struct address_record **ret)
{
	struct address_record *a = calloc(p->n_addresses + 1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_addresses; i++) {
		a[i].key.addr = p->addresses[i];
		a[i].value = 1;
	}
	*ret = a;
	return 0;
}

static uint32_t bank_flip(struct dataplane *dp)
{
	uint32_t old = dp->control->bank & 1;

	__atomic_store_n(&dp->control->bank, !old, __ATOMIC_SEQ_CST);
	return old;
}

int sync_plan(struct dataplane *dp, const struct plan *want, sync_progress progress, void *arg,
	      bool *ret_stale, struct dataplane_error *reterr)
{
	sl_autofree void *addresses = NULL;
	struct sync s = {
		.dp = dp,
		.want = want,
		.progress = progress,
		.arg = arg,
		.total = 2 * (want->n_services + want->n_accounts + want->n_addresses +
			      want->trie.n_steps + want->classes.n_sets + want->n_responses),
		.reterr = reterr,
	};
	uint32_t old;
	int err = check_room(dp, want, reterr);

	if (err)
		return err;
	err = addresses_build(want, &s.addresses);
	if (err) {
		fail(reterr, "sync", err);
		return err;
	}
	addresses = s.addresses;

	dp->banks_equal = false;
	err = class_states_make(dp, &want->classes);
	if (err) {
		fail(reterr, "capacity.tenants", err);
		return err;
	}
	err = fill_bank(&s, !(dp->control->bank & 1));
	if (err)
		return err;
	for (size_t i = 0; i < want->n_addresses; i++)
		filter_add(dp, &want->addresses[i]);
	old = bank_flip(dp);

	err = sync_wait();
	if (!err)
		err = fill_bank(&s, old);
	if (!err)
		err = class_states_prune(dp, &want->classes);
	if (!err) {
		dp->banks_equal = true;
		err = filter_rewrite(dp, want->addresses, want->n_addresses);
	}
	*ret_stale = !dp->banks_equal;
	return 0;
}

/* -- single objects -- */

static int put_all(const struct hash_want *w, uint32_t bank)
{
	int err = 0;

	for (size_t i = 0; i < w->n && !err; i++)
		err = hash_put(w, i, bank);
	return err;
}

static int all_in_force(const struct hash_want *w, uint32_t bank)
{
	char key[sizeof(struct sl_service_key)], value[sizeof(struct sl_response)];
	int err = 0;

	for (size_t i = 0; i < w->n && !err; i++) {
		memcpy(key, w->records + i * w->stride, w->kind->key_size);
		w->kind->set_bank(key, bank);
		err = bpf_map_lookup_elem(w->fd, key, value);
	}
	return err;
}

/* All of them into @bank. */
static int put_objects(const struct hash_want *w, size_t n, uint32_t bank)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = put_all(&w[i], bank);
	return err;
}

int sync_objects(struct dataplane *dp, const struct sync_objects *o, struct dataplane_error *reterr)
{
	const struct hash_want wants[] = {
		want_services(dp, o->services, o->n_services),
		want_accounts(dp, o->accounts, o->n_accounts),
		want_responses(dp, o->responses, o->n_responses),
	};
	uint32_t bank = dp->control->bank & 1;
	int err = dp->banks_equal ? 0 : -ESTALE;

	for (size_t i = 0; i < SL_ARRAY_SIZE(wants) && !err; i++)
		err = all_in_force(&wants[i], bank);
	if (err) {
		fail(reterr, "change of single objects", err);
		return err;
	}

	dp->banks_equal = false;
	err = put_objects(wants, SL_ARRAY_SIZE(wants), !bank);
	if (err) {
		fail(reterr, "change of single objects", err);
		return err;
	}
	bank_flip(dp);

	err = sync_wait();
	if (!err)
		err = put_objects(wants, SL_ARRAY_SIZE(wants), bank);
	dp->banks_equal = !err;
	return 0;
}

/* A bucket further ahead than its new burst explains would refuse for as long as
 * the old quota was slow.
 */
static void bucket_cap(struct dataplane *dp, const struct sl_account *a, uint64_t now)
{
	for (int q = 0; q < SL_Q__MAX; q++) {
		__u64 *tat = &dp->buckets[a->tenant].tat[q];
		__u64 old = __atomic_load_n(tat, __ATOMIC_RELAXED);

		if (!(a->quota_mask >> q & 1))
			continue;
		while (old > now + a->limit &&
		       !__atomic_compare_exchange_n(tat, &old, now + a->limit, false,
						    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			;
	}
}

int sync_accounts(struct dataplane *dp, const struct plan_account *accounts, size_t n,
		  struct dataplane_error *reterr)
{
	const struct sync_objects o = { .accounts = accounts, .n_accounts = n };
	int err = sync_objects(dp, &o, reterr);
	struct timespec ts;
	uint64_t now;

	if (err)
		return err;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	now = ((uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec) * SL_TAT_PER_NS;
	for (size_t i = 0; i < n; i++) {
		if (accounts[i].value.tenant < dp->cap.tenants)
			bucket_cap(dp, &accounts[i].value, now);
	}
	return 0;
}
