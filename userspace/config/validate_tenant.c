// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tenants and services name each other; prefixes belong to one tenant. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../common/addr.h"
#include "../common/cleanup.h"
#include "../common/num.h"
#include "index.h"
#include "validate.h"

/* "TENANT/SERVICE" is a key of names too, see validate.c. */
#define NAMES_LEN (SL_NAME_KEY - 18)

#define MIN_TICKS 2 /* of the coarse clock in a burst: one is lost to its steps */

struct names {
	const struct model *m;
	struct index tenants, services;
	size_t *listed_by;   /* by service: the last tenant that listed it, plus 1 */
	size_t longest_open; /* name of a service without fixed tenant */
};

static void names_close(struct names *n)
{
	index_close(&n->tenants);
	index_close(&n->services);
	free(n->listed_by);
}

static int names_open(struct names *n, const struct model *m, struct config_error *reterr)
{
	n->m = m;
	n->listed_by = calloc(m->n_services + 1, sizeof(*n->listed_by));
	if (!n->listed_by || index_open(&n->tenants, m->n_tenants) ||
	    index_open(&n->services, m->n_services))
		return -ENOMEM;

	for (size_t i = 0; i < m->n_services; i++) {
		const char *name = m->services[i].name;

		index_add(&n->services, name, strlen(name), i);
		if (!m->services[i].tenant[0] && strlen(name) > n->longest_open)
			n->longest_open = strlen(name);
	}
	for (size_t i = 0; i < m->n_tenants; i++) {
		const char *name = m->tenants[i].name;
		uint64_t first = index_add(&n->tenants, name, strlen(name), i);

		if (first != INDEX_NONE)
			return invalid(reterr,
				       "tenants[%zu].name: \"%s\" is used by tenants[%zu] too", i,
				       name, (size_t)first);
	}
	return 0;
}

int quota_validate(const struct model_quota *q, uint64_t tick_ns, const char *where,
		   struct config_error *reterr)
{
	char min[NUM_TEXT], tick[NUM_TEXT];

	if (q->burst_ns < MIN_TICKS * tick_ns)
		return invalid(
			reterr,
			"%s.burst: want at least \"%s\", two steps of this node's clock (%s)",
			where, num_duration_text(MIN_TICKS * tick_ns, min),
			num_duration_text(tick_ns, tick));
	return 0;
}

static int tenant_quotas_validate(const struct model_tenant *t, size_t n, uint64_t tick_ns,
				  struct config_error *reterr)
{
	char where[64];
	int err;

	/* no text is made for the good ones, which are many */
	if (t->quota.burst_ns >= MIN_TICKS * tick_ns &&
	    t->device_quota.burst_ns >= MIN_TICKS * tick_ns)
		return 0;
	snprintf(where, sizeof(where), "tenants[%zu].quota", n);
	err = quota_validate(&t->quota, tick_ns, where, reterr);
	if (err)
		return err;
	snprintf(where, sizeof(where), "tenants[%zu].device_quota", n);
	return quota_validate(&t->device_quota, tick_ns, where, reterr);
}

static int tenant_service_validate(struct names *n, size_t ti, size_t li,
				   struct config_error *reterr)
{
	const struct model_tenant *t = &n->m->tenants[ti];
	const char *name = t->services[li];
	uint64_t si = index_find(&n->services, name, strlen(name));
	const struct model_service *s;

	if (si == INDEX_NONE)
		return invalid(reterr,
			       "tenants[%zu].services[%zu]: no service is called \"%s\"; want the "
			       "name of one in services",
			       ti, li, name);
	if (n->listed_by[si] == ti + 1)
		return invalid(reterr, "tenants[%zu].services[%zu]: \"%s\" is listed twice", ti, li,
			       name);
	n->listed_by[si] = ti + 1;
	s = &n->m->services[si];
	if (s->tenant[0] && strcmp(s->tenant, t->name))
		return invalid(reterr,
			       "tenants[%zu].services[%zu]: \"%s\" belongs to its fixed tenant "
			       "\"%s\" alone",
			       ti, li, name, s->tenant);
	return 0;
}

/* @member of a service names a tenant: it exists, and it may use the service. */
static int service_tenant_validate(const struct names *n, size_t si, const char *member,
				   const char *tenant, struct config_error *reterr)
{
	const char *service = n->m->services[si].name;
	uint64_t ti;

	if (!tenant[0])
		return 0;
	ti = index_find(&n->tenants, tenant, strlen(tenant));
	if (ti == INDEX_NONE)
		return invalid(reterr,
			       "services[%zu].%s: no tenant is called \"%s\"; want the name of one "
			       "in tenants",
			       si, member, tenant);
	if (!model_lists(&n->m->tenants[ti], service))
		return invalid(reterr,
			       "services[%zu].%s: tenant \"%s\" may not use this service; want "
			       "\"%s\" in tenants[%zu].services",
			       si, member, tenant, service, (size_t)ti);
	return 0;
}

/* Who is told by source has all that its devices send; and an ACK names no path, so it is the
 * front's.
 */
static int tenant_fronts_validate(const struct names *n, size_t ti, struct config_error *reterr)
{
	const struct model_tenant *t = &n->m->tenants[ti];

	for (size_t i = 0; i < t->n_services && t->n_sources; i++) {
		uint64_t si = index_find(&n->services, t->services[i], strlen(t->services[i]));
		const struct model_service *s = &n->m->services[si];

		if (n->listed_by[s->front] != ti + 1)
			return invalid(
				reterr,
				"tenants[%zu].services[%zu]: \"%s\" is a pool; want \"%s\" in "
				"the list, too: what devices of a source answer servers "
				"names no path, and is that one's",
				ti, i, s->name, s->pool_of);
	}
	return 0;
}

static int tenant_validate(struct names *n, size_t ti, uint64_t tick_ns,
			   struct config_error *reterr)
{
	const struct model_tenant *t = &n->m->tenants[ti];
	size_t longest = t->n_services ? 0 : n->longest_open;

	for (size_t i = 0; i < t->n_services; i++) {
		int err = tenant_service_validate(n, ti, i, reterr);

		if (err)
			return err;
		if (strlen(t->services[i]) > longest)
			longest = strlen(t->services[i]);
	}
	if (tenant_fronts_validate(n, ti, reterr))
		return -EINVAL;
	if (strlen(t->name) + longest > NAMES_LEN)
		return invalid(reterr,
			       "tenants[%zu].name: want at most %d characters together with the "
			       "name of any service it uses",
			       ti, NAMES_LEN);
	return tenant_quotas_validate(t, ti, tick_ns, reterr);
}

struct prefix_key {
	struct sl_addr addr;
	uint32_t len;
};
_Static_assert(sizeof(struct prefix_key) == 20, "compared as bytes");

static int prefix_taken(const struct prefix_key *key, uint64_t first, size_t ti, size_t pi,
			struct config_error *reterr)
{
	char text[ADDR_TEXT];

	return invalid(
		reterr,
		"tenants[%zu].match[%zu].source: %s is tenants[%zu].match[%zu] too; want each "
		"prefix once",
		ti, pi, addr_prefix_text(&key->addr, key->len, text), (size_t)(first >> 32),
		(size_t)(uint32_t)first);
}

static int prefixes_validate(const struct model *m, struct config_error *reterr)
{
	sl_cleanup(index_close) struct index seen = {};
	sl_autofree struct prefix_key *keys = NULL;
	size_t n = 0;

	for (size_t i = 0; i < m->n_tenants; i++)
		n += m->tenants[i].n_sources;
	keys = calloc(n + 1, sizeof(*keys));
	if (!keys || index_open(&seen, n))
		return -ENOMEM;

	n = 0;
	for (size_t i = 0; i < m->n_tenants; i++) {
		for (size_t j = 0; j < m->tenants[i].n_sources; j++, n++) {
			const struct model_prefix *p = &m->tenants[i].sources[j];
			uint64_t first;

			keys[n] = (struct prefix_key){ .addr = p->addr, .len = p->len };
			first = index_add(&seen, &keys[n], sizeof(keys[n]),
					  (uint64_t)i << 32 | p->at);
			if (first != INDEX_NONE)
				return prefix_taken(&keys[n], first, i, p->at, reterr);
		}
	}
	return 0;
}

static int top_validate(const struct model *m, struct config_error *reterr)
{
	uint8_t tables = 0;

	for (size_t i = 0; i < m->n_tenants; i++) {
		if (!m->tenants[i].top_devices)
			continue;
		if (tables == SL_TOP_TENANTS)
			return invalid(reterr,
				       "tenants[%zu].top_devices: want it of at most %d tenants", i,
				       SL_TOP_TENANTS);
		m->tenants[i].top_table = ++tables;
	}
	return 0;
}

int tenants_validate(const struct model *m, uint64_t tick_ns, struct config_error *reterr)
{
	sl_cleanup(names_close) struct names names = {};
	int err = names_open(&names, m, reterr);

	for (size_t i = 0; !err && i < m->n_services; i++) {
		const struct model_service *s = &m->services[i];

		if (model_is_pool(s)) /* it may be for others than the front's */
			continue;
		err = service_tenant_validate(&names, i, "tenant", s->tenant, reterr);
		if (!err)
			err = service_tenant_validate(&names, i, "default_tenant",
						      s->default_tenant, reterr);
	}
	for (size_t i = 0; !err && i < m->n_tenants; i++)
		err = tenant_validate(&names, i, tick_ns, reterr);
	if (!err)
		err = top_validate(m, reterr);
	return err ? err : prefixes_validate(m, reterr);
}
