// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Counters of a service's accounts, read once a second. Accounts are found by
 * their names; quotas are looked up in the model in force at each reading, since
 * it may be another one than a second ago.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "service_load.h"
#include "../common/cleanup.h"

#define NO_TENANT SIZE_MAX

struct account {
	uint32_t id;
	bool read;     /* .last is a reading */
	size_t tenant; /* in the model; NO_TENANT: it has no such tenant any more */
	struct load_counters last;
	char name[SL_NAME_LEN]; /* of the tenant */
};

struct service_load {
	struct account *accounts; /* by id */
	size_t n;
	uint64_t last_ns; /* 0: never read */
	bool stale;	  /* look accounts up again */
};

struct service_load *service_load_new(void)
{
	return calloc(1, sizeof(struct service_load));
}

void service_load_free(struct service_load *l)
{
	if (!l)
		return;
	free(l->accounts);
	free(l);
}

enum sl_quota service_load_unit(const struct model_scaling *set)
{
	switch (set->target) {
	case TARGET_PACKETS:
		return SL_Q_PACKETS;
	case TARGET_BYTES:
		return SL_Q_BYTES;
	case TARGET_CONNECTIONS:
		return SL_Q_CONNECTIONS;
	case TARGET_MESSAGES:
	case TARGET_NONE:
		break;
	}
	return SL_Q_MESSAGES;
}

/* -- which accounts -- */

struct gather {
	const char *service;
	struct account *accounts;
	size_t n, cap;
	int err;
};

/* @text is "TENANT/SERVICE"; neither has a slash of its own. */
static void gather_account(void *arg, const char *text, const struct sl_name *name)
{
	const char *slash = strrchr(text, '/');
	struct gather *g = arg;
	struct account *grown, *a;

	if (g->err || !slash || strcmp(slash + 1, g->service) || slash - text >= SL_NAME_LEN)
		return;
	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 16;
		grown = reallocarray(g->accounts, g->cap, sizeof(*grown));
		if (!grown) {
			g->err = -ENOMEM;
			return;
		}
		g->accounts = grown;
	}
	a = &g->accounts[g->n++];
	*a = (struct account){ .id = name->id };
	memcpy(a->name, text, slash - text);
}

static int by_id(const void *a, const void *b)
{
	const struct account *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int by_tenant_name(const void *a, const void *b)
{
	const struct model_tenant *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int name_to_tenant(const void *key, const void *elem)
{
	const struct model_tenant *const *t = elem;

	return strcmp(key, (*t)->name);
}

/* Where each account's tenant is in the model: by a sorted index, as there may be
 * 100,000 of both.
 */
static int find_tenants(const struct model *m, struct gather *g)
{
	sl_autofree const struct model_tenant **index = calloc(m->n_tenants + 1, sizeof(*index));

	if (!index)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_tenants; i++)
		index[i] = &m->tenants[i];
	qsort(index, m->n_tenants, sizeof(*index), by_tenant_name);
	for (size_t i = 0; i < g->n; i++) {
		struct account *a = &g->accounts[i];
		const struct model_tenant *const *hit =
			bsearch(a->name, index, m->n_tenants, sizeof(*index), name_to_tenant);

		a->tenant = hit ? (size_t)(*hit - m->tenants) : NO_TENANT;
	}
	return 0;
}

/* Accounts that were known keep their last reading. */
static void keep_readings(const struct service_load *l, struct gather *g)
{
	for (size_t i = 0; l->n && i < g->n; i++) {
		struct account *a = &g->accounts[i];
		const struct account *old = bsearch(a, l->accounts, l->n, sizeof(*old), by_id);

		if (!old || strcmp(old->name, a->name))
			continue;
		a->last = old->last;
		a->read = old->read;
	}
}

static int find_accounts(struct service_load *l, struct daemon *d, const struct live_service *svc)
{
	struct gather g = { .service = svc->name };

	names_each(registry_names(d->registry), SL_NAME_ACCOUNT, gather_account, &g);
	if (!g.err)
		g.err = find_tenants(d->model, &g);
	if (g.err) {
		free(g.accounts);
		return g.err;
	}
	if (g.n)
		qsort(g.accounts, g.n, sizeof(*g.accounts), by_id);
	keep_readings(l, &g);
	free(l->accounts);
	l->accounts = g.accounts;
	l->n = g.n;
	return 0;
}

/* -- their counters -- */

static size_t first_tally(const struct stats_tally *tallies, size_t n, uint32_t account)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (tallies[mid].account < account)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void add_tally(const struct stats_tally *t, struct load_counters *to)
{
	switch ((enum sl_reason)t->reason) {
	case SL_R_TENANT_PACKETS:
		to->refused[SL_Q_PACKETS] += t->packets;
		break;
	case SL_R_TENANT_BYTES:
		to->refused[SL_Q_BYTES] += t->packets;
		break;
	case SL_R_TENANT_MESSAGES:
		to->refused[SL_Q_MESSAGES] += t->packets;
		break;
	case SL_R_TENANT_CONNECTIONS:
		to->refused[SL_Q_CONNECTIONS] += t->packets;
		break;
	case SL_R_DEVICE_PACKETS:
	case SL_R_DEVICE_BYTES:
	case SL_R_DEVICE_MESSAGES:
	case SL_R_DEVICE_CONNECTIONS:
	case SL_R_ANSWERED_DEVICE:
	case SL_R_CLASS_MESSAGES:
	case SL_R_ANSWERED_CLASS:
		to->refused_device += t->packets;
		break;
	case SL_R_NO_INSTANCE:
		to->unserved += t->packets;
		break;
	default: /* malformed, too big, not allowed: more instances would not help */
		break;
	}
}

static void read_counters(const struct daemon *d, uint32_t account,
			  const struct stats_tally *tallies, size_t n, struct load_counters *ret)
{
	struct sl_hot hot;

	stats_account(d->dp, account, &hot);
	*ret = (struct load_counters){
		.admitted = {
			[SL_Q_PACKETS] = hot.packets,
			[SL_Q_BYTES] = hot.bytes,
			[SL_Q_MESSAGES] = hot.messages,
			[SL_Q_CONNECTIONS] = hot.connections,
		},
	};
	/* What is only marked was admitted, and is counted there. */
	for (size_t i = first_tally(tallies, n, account); i < n && tallies[i].account == account;
	     i++)
		if (!tallies[i].mark)
			add_tally(&tallies[i], ret);
}

/* What the tenant is held to; 0: nothing, and "mark" holds it to nothing either.
 * False: the model is another one than when accounts were looked up.
 */
static bool quota_of(const struct model *m, const struct account *a, enum sl_quota unit,
		     double *ret)
{
	const struct model_tenant *t;

	if (a->tenant == NO_TENANT) {
		*ret = 0;
		return true;
	}
	if (a->tenant >= m->n_tenants)
		return false;
	t = &m->tenants[a->tenant];
	if (strcmp(t->name, a->name))
		return false;
	*ret = t->excess == SL_X_MARK ? 0 : t->quota.rate[unit];
	return true;
}

/* Add what @a's counters say since they were last read. */
static void add_account(struct service_load *l, const struct model *m, struct account *a,
			const struct load_counters *now, uint64_t dt_ns, enum sl_quota unit,
			struct load_rates *sum)
{
	struct load_rates rates;
	double quota;

	if (!a->read || !memcmp(&a->last, now, sizeof(*now)))
		return;
	if (!quota_of(m, a, unit, &quota)) {
		l->stale =
			true; /* a second without this account rather than one without its quota */
		return;
	}
	if (!load_rates(&a->last, now, dt_ns, unit, quota, &rates))
		return;
	sum->offered += rates.offered;
	sum->load += rates.load;
}

int service_load_read(struct service_load *l, struct daemon *d, const struct live_service *svc,
		      const struct stats_tally *tallies, size_t n, bool accounts_changed,
		      uint64_t now_ns, struct load_rates *ret, uint64_t *ret_dt_ns)
{
	enum sl_quota unit = service_load_unit(&svc->model->scaling);
	uint64_t dt_ns = l->last_ns ? now_ns - l->last_ns : 0;
	struct load_rates sum = { 0 };
	int err;

	if (accounts_changed || l->stale || !l->last_ns) {
		err = find_accounts(l, d, svc);
		if (err)
			return err;
		l->stale = false;
	}

	for (size_t i = 0; i < l->n; i++) {
		struct account *a = &l->accounts[i];
		struct load_counters now;

		read_counters(d, a->id, tallies, n, &now);
		add_account(l, d->model, a, &now, dt_ns, unit, &sum);
		a->last = now;
		a->read = true;
	}
	l->last_ns = now_ns;
	if (!dt_ns)
		return -EAGAIN;

	*ret = sum;
	*ret_dt_ns = dt_ns;
	return 0;
}
