// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Are the maps large enough for what the document contains? */
#include <errno.h>
#include <string.h>
#include <sluice/limits.h>
#include "../common/cleanup.h"
#include "identity.h"
#include "index.h"
#include "validate.h"

#define HALF_OPEN_DEFAULT 16384

/* @need of @member's map are needed, it has @have and could have @max. */
static int room_validate(const char *member, uint64_t need, uint32_t have, uint32_t max,
			 struct config_error *reterr)
{
	if (need <= have)
		return 0;
	if (need > max)
		return invalid(
			reterr,
			"capacity.%s: this document needs %llu, and there can be %u at most; "
			"want a smaller document",
			member, (unsigned long long)need, max);
	return invalid(reterr, "capacity.%s: %u is too small for this document; want at least %llu",
		       member, have, (unsigned long long)need);
}

static uint64_t power_of_two_from(uint64_t n)
{
	uint64_t p = SL_RING_MIN_SLOTS;

	while (p < n)
		p *= 2;
	return p;
}

static size_t most_instances(const struct model_service *s)
{
	return s->n_instances > s->scaling.max ? s->n_instances : s->scaling.max;
}

static int services_room(const struct model *m, struct config_error *reterr)
{
	const struct model_capacity *c = &m->capacity;
	uint64_t instances = 0, slots = 0;
	int err;

	for (size_t i = 0; i < m->n_services; i++) {
		size_t n = most_instances(&m->services[i]);

		instances += n;
		slots += power_of_two_from((uint64_t)n * SL_RING_SLOTS_PER_INSTANCE);
	}
	err = room_validate("services", m->n_services + 1, c->services, SL_MAX_SERVICES, reterr);
	if (!err)
		err = room_validate("instances", instances + 1, c->instances, SL_MAX_INSTANCES - 1,
				    reterr);
	/* as much again: a ring that grows, or is replaced, needs both for a while */
	if (!err)
		err = room_validate("slots", power_of_two_from(2 * slots), c->slots, SL_MAX_SLOTS,
				    reterr);
	return err;
}

/* How many (tenant, service) pairs are in use: a tenant's list, or all services
 * without a fixed tenant; and each of those with that one.
 */
static int count_accounts(const struct model *m, uint64_t *ret)
{
	sl_cleanup(index_close) struct index listing = {};
	uint64_t open = 0, fixed = 0, n = 0;

	if (index_open(&listing, m->n_tenants))
		return -ENOMEM;
	for (size_t i = 0; i < m->n_services; i++)
		open += !m->services[i].tenant[0];
	for (size_t i = 0; i < m->n_tenants; i++) {
		const struct model_tenant *t = &m->tenants[i];

		n += t->n_services ? t->n_services : open;
		if (t->n_services)
			index_add(&listing, t->name, strlen(t->name), i);
	}
	/* a list has them already: service_tenant_validate() saw to it */
	for (size_t i = 0; i < m->n_services; i++) {
		const char *tenant = m->services[i].tenant;

		if (tenant[0] && index_find(&listing, tenant, strlen(tenant)) == INDEX_NONE)
			fixed++;
	}
	*ret = n + fixed;
	return 0;
}

static int tenants_room(const struct model *m, struct config_error *reterr)
{
	const struct model_capacity *c = &m->capacity;
	uint64_t accounts, steps, prefixes = 0, classes = 0, tenants = m->n_tenants + 1;
	int err = count_accounts(m, &accounts);

	for (size_t i = 0; i < m->n_tenants; i++) {
		prefixes += m->tenants[i].n_sources;
		classes += m->tenants[i].n_classes;
	}
	classes = (classes + SL_MEAN_CLASSES - 1) / SL_MEAN_CLASSES;
	if (!err)
		err = room_validate("tenants", tenants > classes ? tenants : classes, c->tenants,
				    SL_MAX_TENANTS, reterr);
	if (!err)
		err = room_validate("accounts", accounts + 1, c->accounts, SL_MAX_ACCOUNTS, reterr);
	if (!err)
		err = room_validate("prefixes", prefixes, c->prefixes, SL_MAX_PREFIXES, reterr);
	if (!err)
		err = identity_count_steps(m, &steps);
	if (!err)
		err = room_validate("trie", steps, c->trie, SL_MAX_TRIE, reterr);
	return err;
}

/* A budget is of half-open pins, and of as many exchanges. */
static int pin_budgets(struct model *m, struct config_error *reterr)
{
	const struct model_capacity *c = &m->capacity;
	bool pins_less = c->half_open <= c->exchanges;
	uint32_t have = pins_less ? c->half_open : c->exchanges;

	for (size_t i = 0; i < m->n_services; i++) {
		struct model_service *s = &m->services[i];

		if (s->half_open_max > have)
			return invalid(reterr,
				       "services[%zu].pin_budget: want at most capacity.%s, %u", i,
				       pins_less ? "half_open" : "exchanges", have);
		if (!s->half_open_max)
			s->half_open_max = have < HALF_OPEN_DEFAULT ? have : HALF_OPEN_DEFAULT;
	}
	return 0;
}

int capacity_validate(struct model *m, struct config_error *reterr)
{
	int err = services_room(m, reterr);

	if (!err)
		err = tenants_room(m, reterr);
	if (!err)
		err = pin_budgets(m, reterr);
	return err;
}
