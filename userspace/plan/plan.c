// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A validated model -> the wanted contents of the banked maps. Work grows with
 * the number of objects and accounts, never with tenants times services.
 */
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "../common/cleanup.h"
#include "plan.h"
#include "prefix.h"

#define NONE SIZE_MAX

/* The packet path multiplies the cost of a byte by a length of up to 2^16 and
 * adds up to two costs to the time, which must not pass 2^64.
 */
#define COST_MAX      (1ull << 56)
#define COST_MAX_BYTE (1ull << 47)
#define TIME_MAX      (1ull << 60)

/* -- quotas -- */

/* Units one object costs at @rate objects a second: rounded up, never nothing. */
static uint64_t cost_of(double units_per_s, double rate, uint64_t max)
{
	double cost = ceil(units_per_s / rate);

	if (!(cost < (double)max))
		return max;
	return cost < 1 ? 1 : (uint64_t)cost;
}

static uint64_t times_16(uint64_t ns)
{
	return ns < TIME_MAX / SL_TAT_PER_NS ? ns * SL_TAT_PER_NS : TIME_MAX;
}

static void quota_tenant(const struct model_quota *q, uint64_t tick_ns, struct sl_account *a)
{
	uint64_t burst = times_16(q->burst_ns), tick = times_16(tick_ns);
	const double second = 1e9 * SL_TAT_PER_NS;

	a->limit = burst > tick ? burst - tick : 0;
	for (int i = 0; i < SL_Q__MAX; i++) {
		if (!(q->rate[i] > 0))
			continue;
		a->quota_mask |= 1 << i;
		a->cost[i] = i == SL_Q_BYTES ? cost_of(second * (1 << SL_BYTE_COST_SHIFT),
						       q->rate[i], COST_MAX_BYTE)
					     : cost_of(second, q->rate[i], COST_MAX);
	}
}

static void quota_device(const struct model_quota *q, uint64_t tick_ns, struct sl_account *a)
{
	uint64_t limit = q->burst_ns > tick_ns ? (q->burst_ns - tick_ns) >> SL_DEV_NS_SHIFT : 0;
	const double second = 1e9 / (1 << SL_DEV_NS_SHIFT);

	a->device_limit = limit < UINT32_MAX ? limit : UINT32_MAX;
	for (int i = 0; i < SL_Q__MAX; i++) {
		double units = i == SL_Q_BYTES ? second * (1 << SL_DEV_BYTE_SHIFT) : second;

		if (!(q->rate[i] > 0))
			continue;
		a->device_mask |= 1 << i;
		a->device_cost[i] = cost_of(units, q->rate[i], UINT32_MAX);
	}
}

void plan_quota(const struct model_tenant *t, uint64_t tick_ns, struct sl_account *ret)
{
	ret->quota_mask = classes_mask(t);
	ret->device_mask = t->top_table << SL_TOP_SHIFT;
	ret->excess = t->excess;
	ret->denied = t->denied;
	ret->mqtt_denied = t->mqtt_denied;
	ret->open_max = t->quota.open_max;
	memset(ret->cost, 0, sizeof(ret->cost));
	memset(ret->device_cost, 0, sizeof(ret->device_cost));
	quota_tenant(&t->quota, tick_ns, ret);
	quota_device(&t->device_quota, tick_ns, ret);
}

/* -- names to positions -- */

struct name_at {
	const char *name;
	size_t at;
};

static int name_compare(const void *a, const void *b)
{
	const struct name_at *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static size_t name_find(const struct name_at *names, size_t n, const char *name)
{
	struct name_at key = { .name = name };
	const struct name_at *found;

	found = n ? bsearch(&key, names, n, sizeof(*names), name_compare) : NULL;
	return found ? found->at : NONE;
}

/* What is worked out on the way. */
struct draft {
	const struct model *m;
	const struct plan_ids *ids;
	uint64_t tick_ns;
	struct name_at *tenants, *services; /* sorted by name */
	size_t *owner;	 /* [n_services] the fixed tenant, else the default one, or NONE */
	size_t *owned;	 /* [n_tenants] its first service by that, or NONE */
	size_t *sibling; /* [n_services] the next one */
	size_t *seen;	 /* [n_services] by which tenant, + 1 */
	bool any_source;
	size_t cap_accounts;
	struct plan *p;
};

static void draft_release(struct draft *d)
{
	free(d->tenants);
	free(d->services);
	free(d->owner);
	free(d->owned);
	free(d->sibling);
	free(d->seen);
	plan_free(d->p);
}

static bool is_fixed(const struct model_service *s)
{
	return s->tenant[0];
}

static int draft_names(struct draft *d)
{
	const struct model *m = d->m;

	/* One more, because there may be none, and calloc of nothing may be NULL. */
	d->tenants = calloc(m->n_tenants + 1, sizeof(*d->tenants));
	d->services = calloc(m->n_services + 1, sizeof(*d->services));
	d->owner = calloc(m->n_services + 1, sizeof(*d->owner));
	d->owned = calloc(m->n_tenants + 1, sizeof(*d->owned));
	d->sibling = calloc(m->n_services + 1, sizeof(*d->sibling));
	d->seen = calloc(m->n_services + 1, sizeof(*d->seen));
	d->p = calloc(1, sizeof(*d->p));
	if (!d->tenants || !d->services || !d->owner || !d->owned || !d->sibling || !d->seen ||
	    !d->p)
		return -ENOMEM;

	for (size_t i = 0; i < m->n_tenants; i++) {
		d->tenants[i] = (struct name_at){ .name = m->tenants[i].name, .at = i };
		d->owned[i] = NONE;
		d->any_source |= m->tenants[i].n_sources > 0;
	}
	for (size_t i = 0; i < m->n_services; i++)
		d->services[i] = (struct name_at){ .name = m->services[i].name, .at = i };
	qsort(d->tenants, m->n_tenants, sizeof(*d->tenants), name_compare);
	qsort(d->services, m->n_services, sizeof(*d->services), name_compare);
	return 0;
}

/* A list of services need not have the pools of those it has. */
static bool is_pool_of_tenant(const struct model_tenant *t, const struct model_service *pool)
{
	for (size_t i = 0; i < t->n_services; i++)
		if (!strcmp(t->services[i], pool->name))
			return true;
	return !t->n_services;
}

/* -EINVAL: a service names a tenant that is not there. */
static int draft_owners(struct draft *d)
{
	const struct model *m = d->m;

	for (size_t i = 0; i < m->n_services; i++) {
		const struct model_service *s = &m->services[i];
		const char *name = is_fixed(s) ? s->tenant : s->default_tenant;

		d->owner[i] = NONE;
		if (!name[0])
			continue;
		d->owner[i] = name_find(d->tenants, m->n_tenants, name);
		if (d->owner[i] == NONE)
			return -EINVAL;
		if (model_is_pool(s) && !is_pool_of_tenant(&m->tenants[d->owner[i]], s))
			continue;
		d->sibling[i] = d->owned[d->owner[i]];
		d->owned[d->owner[i]] = i;
	}
	return 0;
}

/* -- services and their addresses -- */

static uint8_t service_flags(const struct draft *d, const struct model_service *s)
{
	uint8_t flags = 0;

	if (s->drop_malformed)
		flags |= SL_SVC_DROP_MALFORMED;
	if (!is_fixed(s) && d->any_source)
		flags |= SL_SVC_BY_SOURCE;
	if (s->protocol != SL_P_UDP)
		flags |= SL_SVC_AFFINITY;
	if (s->health.outlier.present)
		flags |= SL_SVC_OUTLIERS;
	if (s->latency)
		flags |= SL_SVC_LATENCY;
	if (s->echo_s || s->track) /* also where nobody may use it */
		flags |= SL_SVC_CONTENT;
	if (s->n_routes)
		flags |= SL_SVC_CONTENT | SL_SVC_ROUTES;
	return flags;
}

uint32_t plan_watch(const struct model_service *s)
{
	uint32_t watch = s->health.outlier.present ? SL_W_OUTLIERS : 0, sorts = 0;

	if (s->latency)
		sorts = s->protocol == SL_P_COAP ? 1 << SL_L_COAP : 1 << SL_L_TCP;
	if (s->latency && s->protocol == SL_P_MQTT)
		sorts |= 1 << SL_L_MQTT;
	return watch | sorts << SL_W_LATENCY_SHIFT | (s->track ? SL_W_TRACK : 0);
}

/* By rotation id, 4 bits each. */
static uint32_t cid_rotations(const struct model_cid *c)
{
	uint32_t ret = 0;

	for (int i = 0; i < SL_CID_ROTATIONS; i++)
		ret |= (uint32_t)c->server_id_length[i] << 4 * i;
	return ret;
}

static uint64_t reply_cost(double rate)
{
	return rate > 0 ? (uint64_t)(1e9 * SL_TAT_PER_NS / rate + 0.5) : 0;
}

/* Which looks into its messages, if any does. */
static enum sl_program program_of(const struct model_service *s)
{
	if (s->track)
		return SL_PROG_STREAM;
	if (s->protocol == SL_P_COAP)
		return SL_PROG_CONTENT;
	return model_is_udp(s->protocol) ? SL_PROG_DATAGRAM : SL_PROG_CLASSES;
}

struct sl_service_key plan_endpoint(const struct model_service *s)
{
	return (struct sl_service_key){
		.addr = s->addr,
		.port = bpf_htons(s->port),
		.proto = model_is_udp(s->protocol) ? IPPROTO_UDP : IPPROTO_TCP,
	};
}

struct sl_service_key plan_service_key(const struct model_service *s, uint16_t id)
{
	if (model_is_pool(s))
		return (struct sl_service_key)SL_POOL_KEY(id);
	return plan_endpoint(s);
}

static struct plan_service service_plan(const struct draft *d, size_t i)
{
	const struct model_service *s = &d->m->services[i];

	return (struct plan_service){
		.key = plan_service_key(s, d->ids->service[i]),
		.value = {
			.id = d->ids->service[i],
			.protocol = s->protocol,
			.flags = service_flags(d, s),
			.tenant = d->owner[i] == NONE ? 0 : d->ids->tenant[d->owner[i]],
			.keep_s = s->keep_s,
			.half_open_max = s->half_open_max,
			.cid_layout = s->cid.layout,
			.cid_len = s->track ? s->delimiter : s->cid.length, /* one place */
			.device_key = s->device_key,
			.program = program_of(s),
			.cid_rotations = cid_rotations(&s->cid),
			.reply_cost = reply_cost(s->reply_rate),
			.echo_s = s->echo_s,
			.cid_tenant_at = s->cid.tenant_at,
			.cid_tenant_bits = s->cid.tenant_bits,
		},
	};
}

static int addr_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct sl_addr));
}

static int plan_services(struct draft *d)
{
	struct plan *p = d->p;
	size_t n = d->m->n_services, kept = 0;

	p->services = calloc(n + 1, sizeof(*p->services));
	p->addresses = calloc(n + 1, sizeof(*p->addresses));
	if (!p->services || !p->addresses)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		p->services[i] = service_plan(d, i);
		p->addresses[i] = d->m->services[i].addr;
	}
	qsort(p->addresses, n, sizeof(*p->addresses), addr_compare);
	for (size_t i = 0; i < n; i++) {
		if (!kept || addr_compare(&p->addresses[kept - 1], &p->addresses[i]))
			p->addresses[kept++] = p->addresses[i];
	}
	p->n_services = n;
	p->n_addresses = kept;
	return 0;
}

/* -- accounts -- */

/* Tenant @t may use service @s: once, however often the model says so. */
static int account_add(struct draft *d, size_t t, size_t s, const struct sl_account *quota)
{
	struct plan *p = d->p;
	struct plan_account a = { .value = *quota };
	int err;

	if (d->seen[s] == t + 1)
		return 0;
	d->seen[s] = t + 1;
	p->services[d->m->services[s].front].value.flags |=
		trie_flags(&d->m->tenants[t], &d->m->services[s]) |
		classes_flags(&d->m->tenants[t], &d->m->services[s]);
	p->services[s].value.responses |= trie_responds(&d->m->tenants[t], &d->m->services[s]);
	if (p->n_accounts == d->cap_accounts) {
		size_t cap = d->cap_accounts ? 2 * d->cap_accounts : 64;
		void *bigger = realloc(p->accounts, cap * sizeof(*p->accounts));

		if (!bigger)
			return -ENOMEM;
		p->accounts = bigger;
		d->cap_accounts = cap;
	}
	err = d->ids->account(d->ids->arg, d->m->tenants[t].name, d->m->services[s].name,
			      &a.value.id);
	if (err)
		return err;
	a.value.tenant = d->ids->tenant[t];
	a.key.tenant = a.value.tenant;
	a.key.service = d->ids->service[s];
	p->accounts[p->n_accounts++] = a;
	return 0;
}

/* Services that @t names, or all; those with a tenant of their own are that one's. */
static int accounts_listed(struct draft *d, size_t t, const struct sl_account *quota)
{
	const struct model *m = d->m;
	const struct model_tenant *tenant = &m->tenants[t];
	size_t n = tenant->n_services ? tenant->n_services : m->n_services;

	for (size_t i = 0; i < n; i++) {
		size_t s = i;
		int err;

		if (tenant->n_services)
			s = name_find(d->services, m->n_services, tenant->services[i]);
		if (s == NONE)
			return -EINVAL;
		err = is_fixed(&m->services[s]) ? 0 : account_add(d, t, s, quota);
		if (err)
			return err;
	}
	return 0;
}

static int account_compare(const void *a, const void *b)
{
	const struct sl_account_key *x = a, *y = b; /* first in plan_account */

	if (x->tenant != y->tenant)
		return x->tenant < y->tenant ? -1 : 1;
	return (x->service > y->service) - (x->service < y->service);
}

static int plan_accounts(struct draft *d)
{
	for (size_t t = 0; t < d->m->n_tenants; t++) {
		struct sl_account quota = {};
		int err;

		plan_quota(&d->m->tenants[t], d->tick_ns, &quota);
		err = accounts_listed(d, t, &quota);
		for (size_t s = d->owned[t]; s != NONE && !err; s = d->sibling[s])
			err = account_add(d, t, s, &quota);
		if (err)
			return err;
	}
	if (d->p->n_accounts)
		qsort(d->p->accounts, d->p->n_accounts, sizeof(*d->p->accounts), account_compare);
	return 0;
}

/* -- prefixes -- */

static int plan_prefixes(struct draft *d)
{
	const struct model *m = d->m;
	sl_autofree struct prefix *prefixes = NULL;
	size_t n = 0;

	for (size_t t = 0; t < m->n_tenants; t++)
		n += m->tenants[t].n_sources;
	prefixes = calloc(n + 1, sizeof(*prefixes));
	if (!prefixes)
		return -ENOMEM;

	n = 0;
	for (size_t t = 0; t < m->n_tenants; t++) {
		for (size_t i = 0; i < m->tenants[t].n_sources; i++) {
			prefixes[n++] = (struct prefix){
				.addr = m->tenants[t].sources[i].addr,
				.len = m->tenants[t].sources[i].len,
				.value = d->ids->tenant[t],
			};
		}
	}
	return prefix_table_build(prefixes, n, &d->p->prefixes);
}

int plan_build(const struct model *m, const struct plan_ids *ids, uint64_t tick_ns,
	       struct plan **ret)
{
	sl_cleanup(draft_release) struct draft d = { .m = m, .ids = ids, .tick_ns = tick_ns };
	int err = draft_names(&d);

	if (!err)
		err = draft_owners(&d);
	if (!err)
		err = plan_services(&d);
	if (!err)
		err = plan_accounts(&d);
	if (!err)
		err = plan_prefixes(&d);
	if (!err)
		err = trie_build(m, ids->tenant, ids->service, &d.p->trie);
	if (!err)
		err = classes_build(m, ids->tenant, tick_ns, &d.p->classes);
	if (!err)
		err = responses_build(m, ids->tenant, &d.p->responses, &d.p->n_responses);
	if (err)
		return err;

	*ret = sl_take(d.p);
	return 0;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	free(p->services);
	free(p->addresses);
	free(p->accounts);
	prefix_table_free(&p->prefixes);
	free(p->trie.steps);
	free(p->classes.sets);
	free(p->classes.states);
	free(p->responses);
	free(p);
}
