// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "figures.h"

/* -- reading -- */

struct gather {
	const struct dataplane *dp;
	struct figures *f;
	size_t cap;
	int err;
};

static int by_account(const void *key, const void *elem)
{
	const struct stats_tally *t = elem;
	uint32_t id = *(const uint32_t *)key;

	return id < t->account ? -1 : id > t->account;
}

/* The tallies of account @id: sorted, so they lie together. */
static void find_tallies(const struct figures *f, uint32_t id, size_t *ret_first, size_t *ret_n)
{
	const struct stats_tally *hit =
		f->n_tallies ? bsearch(&id, f->tallies, f->n_tallies, sizeof(*hit), by_account)
			     : NULL;
	size_t first, end;

	*ret_first = *ret_n = 0;
	if (!hit)
		return;
	first = end = hit - f->tallies;
	while (first && f->tallies[first - 1].account == id)
		first--;
	while (end < f->n_tallies && f->tallies[end].account == id)
		end++;
	*ret_first = first;
	*ret_n = end - first;
}

/* The times of account @id, likewise. */
static void find_latencies(const struct figures *f, uint32_t id, size_t *ret_first, size_t *ret_n)
{
	size_t low = 0, high = f->n_latencies;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (f->latencies[middle].account < id)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_first = low;
	while (high < f->n_latencies && f->latencies[high].account == id)
		high++;
	*ret_n = high - low;
}

static int accounts_grow(struct gather *g)
{
	size_t cap = g->cap ? 2 * g->cap : 64;
	struct figure_account *grown;

	if (g->f->n_accounts < g->cap)
		return 0;
	grown = reallocarray(g->f->accounts, cap, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	g->f->accounts = grown;
	g->cap = cap;
	return 0;
}

static void gather_account(void *arg, const char *text, const struct sl_name *name)
{
	struct gather *g = arg;
	struct figures *f = g->f;
	struct figure_account a = {};
	char *slash;

	if (g->err)
		return;
	stats_account(g->dp, name->id, &a.admitted);
	a.open = stats_open(g->dp, name->id);
	find_tallies(f, name->id, &a.tally, &a.n_tallies);
	find_latencies(f, name->id, &a.latency, &a.n_latencies);
	if (!a.admitted.packets && !a.n_tallies && !a.open)
		return;

	a.tenant = strdup(text);
	g->err = a.tenant ? accounts_grow(g) : -ENOMEM;
	if (g->err) {
		free(a.tenant);
		return;
	}
	slash = strchr(a.tenant, '/');
	if (slash)
		*slash = '\0';
	a.service = slash ? slash + 1 : "";
	for (size_t i = a.tally; i < a.tally + a.n_tallies; i++) {
		f->claimed[i] = 1;
		if (!f->tallies[i].mark)
			a.refused += f->tallies[i].packets;
	}
	f->accounts[f->n_accounts++] = a;
}

static int by_names(const void *a, const void *b)
{
	const struct figure_account *x = a, *y = b;
	int order = strcmp(x->tenant, y->tenant);

	return order ? order : strcmp(x->service, y->service);
}

static int group_tenants(struct figures *f)
{
	struct figure_tenant *t = NULL;

	if (!f->n_accounts)
		return 0;
	qsort(f->accounts, f->n_accounts, sizeof(*f->accounts), by_names);
	f->tenants = calloc(f->n_accounts, sizeof(*f->tenants));
	if (!f->tenants)
		return -ENOMEM;

	for (size_t i = 0; i < f->n_accounts; i++) {
		const struct figure_account *a = &f->accounts[i];

		if (!t || strcmp(t->name, a->tenant)) {
			t = &f->tenants[f->n_tenants++];
			t->name = a->tenant;
			t->account = i;
		}
		t->n_accounts++;
		t->admitted += a->admitted.packets;
		t->offered += a->admitted.packets + a->refused;
	}
	return 0;
}

int figures_read(const struct dataplane *dp, struct names *names, uint64_t now_ns,
		 struct figures *ret)
{
	struct figures f = { .time_ns = now_ns, .tallies_cap = dp->cap.tallies };
	struct gather g = { .dp = dp, .f = &f };
	int err;

	err = stats_tallies(dp, &f.tallies, &f.n_tallies);
	if (!err)
		err = stats_latencies(dp, &f.latencies, &f.n_latencies);
	if (err) {
		figures_free(&f);
		return err;
	}
	f.claimed = calloc(f.n_tallies + 1, 1);
	g.err = f.claimed ? 0 : -ENOMEM;
	while (f.none_n < f.n_tallies && !f.tallies[f.none_n].account)
		f.none_n++;

	if (!g.err)
		names_each(names, SL_NAME_ACCOUNT, gather_account, &g);
	if (!g.err)
		g.err = group_tenants(&f);
	if (g.err) {
		figures_free(&f);
		return g.err;
	}
	*ret = f;
	return 0;
}

void figures_free(struct figures *f)
{
	for (size_t i = 0; i < f->n_accounts; i++)
		free(f->accounts[i].tenant);
	free(f->accounts);
	free(f->tenants);
	free(f->tallies);
	free(f->claimed);
	free(f->latencies);
	*f = (struct figures){};
}

/* -- sums -- */

static int by_name(const void *key, const void *elem)
{
	return strcmp(key, ((const struct figure_tenant *)elem)->name);
}

const struct figure_tenant *figures_tenant(const struct figures *f, const char *name)
{
	if (!f->n_tenants)
		return NULL;
	return bsearch(name, f->tenants, f->n_tenants, sizeof(*f->tenants), by_name);
}

void figure_add_tally(const struct stats_tally *t, struct figure *sum)
{
	if (t->reason < SL_R__MAX)
		(t->mark ? sum->marked : sum->refused)[t->reason] += t->packets;
}

void figure_add_account(const struct figures *f, size_t account, struct figure *sum)
{
	const struct figure_account *a = &f->accounts[account];

	sum->admitted.packets += a->admitted.packets;
	sum->admitted.bytes += a->admitted.bytes;
	sum->admitted.messages += a->admitted.messages;
	sum->admitted.connections += a->admitted.connections;
	sum->open += a->open;
	for (size_t i = a->tally; i < a->tally + a->n_tallies; i++)
		figure_add_tally(&f->tallies[i], sum);
}

void figure_add_tenant(const struct figures *f, const struct figure_tenant *t, struct figure *sum)
{
	for (size_t i = t->account; i < t->account + t->n_accounts; i++)
		figure_add_account(f, i, sum);
}

void figure_add_none(const struct figures *f, struct figure *sum)
{
	for (size_t i = 0; i < f->none_n; i++)
		figure_add_tally(&f->tallies[i], sum);
}

void figure_add_unclaimed(const struct figures *f, struct figure *sum)
{
	for (size_t i = f->none_n; i < f->n_tallies; i++)
		if (!f->claimed[i])
			figure_add_tally(&f->tallies[i], sum);
}

static void add_times(const struct stats_latency *l, struct figure_times *sum)
{
	struct sl_latency *to = &sum->of[l->sort];

	to->sum_ns += l->times.sum_ns;
	for (size_t i = 0; i < SL_LATENCY_BUCKETS; i++)
		to->bucket[i] += l->times.bucket[i];
}

bool figure_add_account_times(const struct figures *f, size_t account, struct figure_times *sum)
{
	const struct figure_account *a = &f->accounts[account];

	for (size_t i = a->latency; i < a->latency + a->n_latencies; i++)
		add_times(&f->latencies[i], sum);
	return a->n_latencies;
}

bool figure_add_tenant_times(const struct figures *f, const struct figure_tenant *t,
			     struct figure_times *sum)
{
	bool any = false;

	for (size_t i = t->account; i < t->account + t->n_accounts; i++)
		any |= figure_add_account_times(f, i, sum);
	return any;
}

bool figure_add_other_times(const struct figures *f, struct figure_times *sum)
{
	size_t first, n;

	find_latencies(f, SL_TALLY_OTHER, &first, &n);
	for (size_t i = first; i < first + n; i++)
		add_times(&f->latencies[i], sum);
	return n;
}

uint64_t figure_refused(const struct figure *f)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < SL_R__MAX; i++)
		sum += f->refused[i];
	return sum;
}

uint64_t figure_offered_packets(const struct figure *f)
{
	return f->admitted.packets + figure_refused(f);
}

uint64_t figure_offered_messages(const struct figure *f)
{
	return f->admitted.messages + f->refused[SL_R_DEVICE_MESSAGES] +
	       f->refused[SL_R_CLASS_MESSAGES] + f->refused[SL_R_TENANT_MESSAGES];
}

uint64_t figure_offered_connections(const struct figure *f)
{
	return f->admitted.connections + f->refused[SL_R_DEVICE_CONNECTIONS] +
	       f->refused[SL_R_TENANT_CONNECTIONS];
}

/* -- order -- */

struct order_by {
	const struct figures *f;
	enum figures_order by;
};

static uint64_t order_figure(const struct order_by *o, size_t i)
{
	const struct figure_tenant *t = &o->f->tenants[i];

	return o->by == FIGURES_BY_ADMITTED ? t->admitted : t->offered;
}

static int by_figure(const void *a, const void *b, void *arg)
{
	size_t i = *(const size_t *)a, k = *(const size_t *)b;
	uint64_t x = order_figure(arg, i), y = order_figure(arg, k);

	if (x != y)
		return x > y ? -1 : 1;
	return i < k ? -1 : i > k; /* by name: a stable picture */
}

int figures_order(const struct figures *f, enum figures_order by, size_t **ret)
{
	struct order_by o = { .f = f, .by = by };
	size_t *order = calloc(f->n_tenants + 1, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_tenants; i++)
		order[i] = i;
	qsort_r(order, f->n_tenants, sizeof(*order), by_figure, &o);
	*ret = order;
	return 0;
}
