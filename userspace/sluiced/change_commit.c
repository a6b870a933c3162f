// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The configuration is in force: the daemon's own view follows it. */
#include <errno.h>
#include <stdlib.h>
#include "../common/cleanup.h"
#include "../dataplane/flows.h"
#include "../dataplane/forget.h"
#include "../plan/plan.h"
#include "change.h"
#include "links.h"
#include "overlay.h"
#include "packet_events.h"
#include "registry_own.h"
#include "rings.h"
#include "sweep.h"
#include "top.h"

static void no_memory(struct daemon *d, const char *service, const char *instance)
{
	event_emit(
		d->events, LOG_ERR,
		(struct event_about){ .type = "memory", .service = service, .instance = instance },
		"no memory: it is in force, but not looked after until the daemon restarts");
}

/* -- instances -- */

static void instance_commit(struct daemon *d, struct live_service *s,
			    const struct change_instance *ci)
{
	const struct model_instance *want = ci->want;
	struct live_instance *i = registry_instance_by_id(d->registry, ci->name.id);
	struct event_about about = { "instance_added", s->name, want->name, NULL };
	int err;

	if (!i) {
		i = registry_add_instance(d->registry, s, want->name, &ci->name);
		if (!i) {
			no_memory(d, s->name, want->name);
			return;
		}
		i->addr = want->addr;
		i->port = want->port;
		err = neigh_watch(d->neigh, i->id, &i->addr);
		if (err)
			event_emit(d->events, LOG_WARN, about, "its next hop is not known: %s",
				   strerror(-err));
		event_emit(d->events, LOG_INFO, about, "weight %u", want->weight);
	} else if (i->leaving) {
		i->leaving = false;
		i->given_up = false;
		event_emit(d->events, LOG_INFO, about, "back, before it had drained");
	}
	change_cid_commit(d, i, want);
	i->weight = change_weight(i, want);
	if (want->weight != i->ramp.to)
		i->ramp = (struct ramp){};
	i->admin = want->admin;
	i->origin = overlay_origin(d->overlay, s->name, want->name);
}

static void instance_leave(struct daemon *d, struct live_instance *i)
{
	struct event_about about = { "instance_leaving", i->service->name, i->name, NULL };

	if (i->leaving)
		return;
	i->leaving = true;
	i->timeout_told = false;
	i->sweep_seen = false;
	if (!i->service->leaving)
		event_emit(d->events, LOG_INFO, about,
			   "no longer in the configuration: drains, then goes");
}

/* -- services -- */

static void service_leave(struct daemon *d, struct live_service *s)
{
	struct event_about about = { .type = "service_leaving", .service = s->name };

	s->model = NULL;
	if (s->leaving)
		return;
	s->leaving = true;
	s->sweep_seen = false;
	s->below_min_healthy = false;
	event_emit(d->events, LOG_INFO, about, "no longer in the configuration");
	sweep_soon(d->sweep);
}

static void service_fill(struct change *c, const struct change_service *cs, struct live_service *s)
{
	struct sl_slot *slots;

	if (cs->moved && cs->old_size && !c->stale)
		regions_free(&c->d->registry->regions, cs->old_first, cs->old_size);
	s->key = cs->endpoint;
	s->pool = model_is_pool(cs->want);
	s->model = cs->want;
	s->ring_first = cs->value.ring_first;
	s->ring_size = cs->value.ring_size;
	s->drain_moves = cs->want->drain_moves;
	s->affinity = cs->value.flags & SL_SVC_AFFINITY;
	s->leaving = false;
	slots = c->d->dp->slots + s->ring_first;
	if (s->keep_s < cs->value.keep_s)
		ring_prolong(slots, s->ring_size, daemon_now_s(), cs->value.keep_s);
	ring_clamp(slots, s->ring_size, daemon_now_s(), cs->value.keep_s);
	s->keep_s = cs->value.keep_s;
	s->idle_s = cs->want->track ? cs->want->idle_s : 0;
	__atomic_store_n(&c->d->dp->service_states[s->id].watch, plan_watch(cs->want),
			 __ATOMIC_RELAXED);
	registry_set_pool(c->d->dp, s->id, s->pool);
}

static void service_commit(struct change *c, const struct change_service *cs)
{
	struct daemon *d = c->d;
	struct live_service *s = registry_service_by_id(d->registry, cs->value.id);

	if (!s)
		s = registry_add_service(d->registry, cs->want->name, cs->value.id);
	if (!s) {
		no_memory(d, cs->want->name, NULL);
		return;
	}
	service_fill(c, cs, s);
	for (size_t k = 0; k < cs->want->n_instances; k++)
		instance_commit(d, s, &cs->instances[k]);
}

static void service_settle(struct change *c, struct live_service *s)
{
	for (struct live_instance *i = s->instances; i; i = i->next) {
		if (!c->wanted[i->id])
			instance_leave(c->d, i);
		registry_settle(c->d, i);
	}
	registry_ring_count(c->d, s, daemon_now_s());
}

static void tell_health(struct change *c, const struct change_service *cs)
{
	struct live_service *s = registry_service_by_id(c->d->registry, cs->value.id);
	const struct ring_choice choice = {
		.wanted = cs->wanted,
		.healthy = cs->healthy,
		.below_min_healthy = cs->below_min_healthy,
	};

	if (s && cs->chosen)
		registry_tell_min_healthy(c->d, s, &choice);
	/* on_down may be another, or fewer are wanted. */
	if (s && registry_move_by_probes(c->d, s))
		registry_ring_update(c->d, s);
}

static void services_commit(struct change *c)
{
	struct registry *r = c->d->registry;

	for (size_t i = 0; i < c->n_services; i++)
		service_commit(c, &c->services[i]);
	registry_refresh_names(r);
	for (struct live_service *s = r->services; s; s = s->next) {
		bool wanted = false;

		for (size_t i = 0; i < c->n_services && !wanted; i++)
			wanted = c->service_ids[i] == s->id;
		if (!wanted)
			service_leave(c->d, s);
		service_settle(c, s);
	}
	for (size_t i = 0; i < c->n_services; i++)
		tell_health(c, &c->services[i]);
}

/* -- names of tenants and accounts that nothing names any more -- */

struct gone {
	struct daemon *d;
	bool *tenants, *accounts; /* still in use; then, which have gone */
	bool any_account;
};

static void find_gone(void *arg, const char *text, const struct sl_name *name)
{
	struct gone *g = arg;

	(void)text;
	g->any_account |= !g->accounts[name->id];
}

/* Before anybody may be given their ids: also if this daemon does not get to drop the names. */
static void forget_connections(struct gone *g)
{
	struct event_about about = { .type = "sweep" };
	int err;

	names_each(g->d->registry->names, SL_NAME_ACCOUNT, find_gone, g);
	err = g->any_account ? flows_forget(g->d->dp, g->accounts) : 0;
	if (err)
		event_emit(g->d->events, LOG_ERR, about, "cannot read the flow table: %s",
			   strerror(-err));
	g->any_account = false;
}

static void drop_tenant(void *arg, const char *text, const struct sl_name *name)
{
	struct gone *g = arg;

	if (!g->tenants[name->id] && !names_drop(g->d->registry->names, SL_NAME_TENANT, text))
		forget_tenant(g->d->dp, name->id);
}

static void drop_account(void *arg, const char *text, const struct sl_name *name)
{
	struct gone *g = arg;
	bool used = g->accounts[name->id];

	g->accounts[name->id] = !used && !names_drop(g->d->registry->names, SL_NAME_ACCOUNT, text);
	g->any_account |= g->accounts[name->id];
}

static void drop_names(struct change *c)
{
	struct daemon *d = c->d;
	sl_autofree bool *tenants = calloc(d->dp->cap.tenants, sizeof(bool));
	sl_autofree bool *accounts = calloc(d->dp->cap.accounts, sizeof(bool));
	struct gone g = { .d = d, .tenants = tenants, .accounts = accounts };

	if (!tenants || !accounts)
		return; /* the next change does it */
	for (size_t i = 0; i < d->model->n_tenants; i++)
		tenants[c->tenant_ids[i]] = true;
	for (size_t i = 0; i < c->plan->n_accounts; i++)
		accounts[c->plan->accounts[i].value.id] = true;
	forget_connections(&g);
	names_each(d->registry->names, SL_NAME_TENANT, drop_tenant, &g);
	names_each(d->registry->names, SL_NAME_ACCOUNT, drop_account, &g);
	/* What is left true now has gone: ids in use were cleared on the way. */
	for (size_t i = 0; i < c->plan->n_accounts; i++)
		accounts[c->plan->accounts[i].value.id] = false;
	if (g.any_account)
		forget_accounts(d->dp, accounts);
}

/* -- all of it -- */

static void model_take(struct change *c)
{
	struct daemon *d = c->d;
	struct model *old = d->model;

	if (!c->services_only) {
		d->model = c->model;
		c->model = old;
		return;
	}
	struct model_service *services = old->services;
	size_t n = old->n_services;

	old->services = c->model->services;
	old->n_services = c->model->n_services;
	c->model->services = services;
	c->model->n_services = n;
}

void change_commit(struct change *c)
{
	struct daemon *d = c->d;

	model_take(c);
	services_commit(c);
	packet_events_sampling(d);
	if (!c->services_only) {
		links_commit(d, d->model);
		top_update(d->top, d->model);
		if (!c->stale)
			drop_names(c);
	}
	if (c->stale)
		event_emit(d->events, LOG_WARN, (struct event_about){ .type = "sync" },
			   "in force, but the idle bank is not a copy of it yet; the next change "
			   "repairs it");
	d->generation++;
	health_update(d->health);
	if (d->scaling)
		scaling_update(d->scaling);
	api_update(d->api);
}
