// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A model in force in a data plane of its own. Ids count from 1: nothing was there
 * before, and nothing comes after.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../common/cleanup.h"
#include "../dataplane/sync.h"
#include "../plan/choose.h"
#include "../plan/keys.h"
#include "../plan/plan.h"
#include "ground_own.h"

/* The event of each packet is wanted: no capture has 2^31 of one reason. */
#define EVERY_PACKET (1u << 31)

static int take_account(void *arg, const char *tenant, const char *service, uint32_t *ret)
{
	struct ground *g = arg;
	uint32_t id = ++g->n_accounts;
	char(*names)[GROUND_NAME_LEN] = realloc(g->accounts, (id + 1) * sizeof(*names));
	uint32_t *tenants = realloc(g->account_tenant, (id + 1) * sizeof(*tenants));

	g->accounts = names ? names : g->accounts;
	g->account_tenant = tenants ? tenants : g->account_tenant;
	if (!names || !tenants)
		return -ENOMEM;
	if (id > g->dp->cap.accounts)
		return -ENOSPC;
	snprintf(names[id], GROUND_NAME_LEN, "%.62s/%.62s", tenant, service);
	tenants[id] = 0;
	for (size_t t = 0; t < g->model->n_tenants; t++)
		if (!strcmp(g->model->tenants[t].name, tenant))
			tenants[id] = t + 1;
	*ret = id;
	return 0;
}

static int plan_of(struct ground *g, struct plan **ret)
{
	const struct model *m = g->model;
	sl_autofree uint16_t *services = calloc(m->n_services + 1, sizeof(*services));
	sl_autofree uint32_t *tenants = calloc(m->n_tenants + 1, sizeof(*tenants));
	struct plan_ids ids = {
		.service = services, .tenant = tenants, .account = take_account, .arg = g
	};

	if (!services || !tenants)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_services; i++)
		services[i] = i + 1;
	for (size_t i = 0; i < m->n_tenants; i++)
		tenants[i] = i + 1;
	return plan_build(m, &ids, g->dp->tick_ns, ret);
}

/* -- instances and rings -- */

/* As the daemon marks one that an administrator has taken out. */
static uint8_t flags_of(const struct model_service *s, const struct model_instance *i)
{
	if (i->admin == ADMIN_DRAINING)
		return s->drain_moves ? SL_I_DOWN : 0;
	if (i->admin == ADMIN_UP)
		return 0;
	return s->health.on_down == ON_DOWN_RESET ? SL_I_DOWN | SL_I_RESET : SL_I_DOWN;
}

static int instance_write(struct ground *g, const struct model_service *s,
			  const struct plan_service *ps, const struct model_instance *want)
{
	uint16_t id = ++g->n_instances;
	struct sl_instance record = {
		.addr = want->addr,
		.port = htons(want->port),
		.service = ps->value.id,
		.generation = 1,
		.flags = flags_of(s, want),
	};
	const struct sl_service_key vip = plan_endpoint(s);
	struct sl_hop hop = {};
	int err;

	if (id >= g->dp->cap.instances)
		return -ENOSPC;
	snprintf(g->instances[id], GROUND_NAME_LEN, "%.62s/%.62s", s->name, want->name);
	sync_deltas(&vip.addr, vip.port, &record.addr, record.port, &record.l3_delta,
		    &record.l4_delta);
	/* Services have their ids in the model's order, from 1. */
	err = sync_instance_write(g->dp, id, &record, &vip, model_is_pool(s) ? s->front + 1 : 0);
	if (!err)
		err = sync_instance_server_id(g->dp, id, want->has_server_id, want->server_id);
	if (!err)
		err = ground_hop(&want->addr, &hop);
	if (!err && hop.ifindex)
		sync_instance_hop(g->dp, id, &hop);
	return err;
}

/* @all: also those that an administrator has taken out. Free the table. */
static int ring_table(const struct model_service *s, uint16_t first_id, uint32_t size, bool all,
		      uint16_t **ret)
{
	sl_autofree struct ring_candidate *c = calloc(s->n_instances + 1, sizeof(*c));
	struct ring_choice choice = {};
	int err;

	if (!c)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_instances; i++)
		c[i] = (struct ring_candidate){
			.id = first_id + i,
			.weight = s->instances[i].weight,
			.hash = ring_name_hash(s->name, s->instances[i].name),
			.wanted = all || s->instances[i].admin == ADMIN_UP,
			.healthy = true,
		};
	err = ring_choose(c, s->n_instances, s->health.min_healthy, NULL, size, &choice);
	*ret = choice.table;
	return err;
}

/* Instances that drain or are down have been told so just before the first frame. */
static int ring_write(struct ground *g, const struct model_service *s, struct plan_service *ps,
		      uint16_t first_id, uint32_t *io_slot)
{
	sl_autofree uint16_t *before = NULL, *table = NULL;
	uint32_t size = s->n_instances ? ring_size_for(s->n_instances) : 0;
	struct sl_slot *slots = g->dp->slots + *io_slot;
	int err;

	if (!size)
		return 0;
	if (size > g->dp->cap.slots - *io_slot)
		return -ENOSPC;
	err = ring_table(s, first_id, size, true, &before);
	if (!err)
		err = ring_table(s, first_id, size, false, &table);
	if (err)
		return err;
	for (uint32_t i = 0; i < size; i++)
		slots[i] = (struct sl_slot){ .cur = before[i] };
	ring_update(slots, table, size, GROUND_BEGIN_S, ps->value.keep_s,
		    ps->value.flags & SL_SVC_AFFINITY);
	ps->value.ring_first = *io_slot;
	ps->value.ring_size = size;
	*io_slot += size;
	return 0;
}

static int services_write(struct ground *g, struct plan *plan)
{
	uint32_t slot = 0;
	int err = 0;

	for (size_t i = 0; i < g->model->n_services && !err; i++) {
		const struct model_service *s = &g->model->services[i];
		uint16_t first = g->n_instances + 1;

		if (model_is_pool(s))
			g->dp->service_states[plan->services[i].value.id].unsettled = SL_U_POOL;
		for (size_t k = 0; k < s->n_instances && !err; k++)
			err = instance_write(g, s, &plan->services[i], &s->instances[k]);
		if (!err)
			err = ring_write(g, s, &plan->services[i], first, &slot);
		if (s->track) /* what instances answer belongs to the flow table */
			g->dp->service_states[i + 1].watch = SL_W_TRACK;
	}
	return err;
}

/* -- the whole -- */

static int in_force(struct ground *g, struct dataplane_error *reterr)
{
	struct plan *plan = NULL;
	bool stale;
	int err;

	keys_derive(g->model, g->dp->control);
	g->dp->control->event_max = 0;
	g->dp->control->event_mask = EVERY_PACKET;
	err = plan_of(g, &plan);
	if (!err)
		err = ground_targets(g->dp->targets_fd);
	if (!err)
		err = services_write(g, plan);
	if (!err)
		err = sync_plan(g->dp, plan, NULL, NULL, &stale, reterr);
	plan_free(plan);
	if (err && !reterr->text[0])
		snprintf(reterr->text, sizeof(reterr->text), "the configuration%s: %s",
			 err == -ENOSPC ? " does not fit its own capacity" : "", strerror(-err));
	return err;
}

int ground_open(const struct model *model, struct ground **ret, struct dataplane_error *reterr)
{
	struct dataplane_opts opts = { .capacity = model->capacity, .explain = true };
	sl_cleanup(ground_closep) struct ground *g = calloc(1, sizeof(*g));
	size_t n = 1;
	int err;

	reterr->text[0] = '\0';
	if (!g)
		return -ENOMEM;
	g->model = model;
	for (size_t i = 0; i < model->n_services; i++)
		n += model->services[i].n_instances;
	g->instances = calloc(n, sizeof(*g->instances));
	if (!g->instances)
		return -ENOMEM;
	err = dataplane_open(&opts, &g->dp, reterr);
	if (!err)
		err = in_force(g, reterr);
	if (!err)
		err = ground_events_open(g);
	if (err) {
		if (!reterr->text[0])
			snprintf(reterr->text, sizeof(reterr->text), "%s", strerror(-err));
		return err;
	}
	*ret = sl_take(g);
	return 0;
}

void ground_close(struct ground *g)
{
	if (!g)
		return;
	ground_events_close(g);
	dataplane_close(g->dp);
	free(g->instances);
	free(g->accounts);
	free(g->account_tenant);
	free(g);
}
