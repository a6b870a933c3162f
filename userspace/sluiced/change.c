// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From a valid model to the configuration in force, all of it or nothing. */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include "../dataplane/sync.h"
#include "change.h"
#include "keys.h"
#include "links.h"
#include "registry_own.h"

int change_fail(struct change *c, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->reterr->text, sizeof(c->reterr->text), fmt, ap);
	va_end(ap);
	return err;
}

/* -- what cannot be changed while the data plane is loaded -- */

static int capacity_check(struct change *c)
{
	const struct model_capacity *want = &c->model->capacity, *have = &c->d->dp->cap;
	const struct {
		const char *member;
		uint32_t want, have;
	} members[] = {
		{ "services", want->services, have->services },
		{ "instances", want->instances, have->instances },
		{ "tenants", want->tenants, have->tenants },
		{ "accounts", want->accounts, have->accounts },
		{ "prefixes", want->prefixes, have->prefixes },
		{ "slots", want->slots, have->slots },
		{ "pins", want->pins, have->pins },
		{ "half_open", want->half_open, have->half_open },
		{ "exchanges", want->exchanges, have->exchanges },
		{ "device_lines", want->device_lines, have->device_lines },
		{ "tallies", want->tallies, have->tallies },
		{ "trie", want->trie, have->trie },
		{ "flows", want->flows, have->flows },
	};

	for (size_t i = 0; i < SL_ARRAY_SIZE(members); i++) {
		if (members[i].want && members[i].want != members[i].have)
			return change_fail(
				c, -EINVAL,
				"capacity.%s: want %u, as it is loaded; for another size "
				"stop sluiced, run \"sluiced --remove\" and start again",
				members[i].member, members[i].have);
	}
	return 0;
}

static int fixed_check(struct change *c)
{
	int err = c->services_only ? 0 : keys_check(c->d, c->model, c->reterr);

	return err || c->services_only ? err : capacity_check(c);
}

/* -- ids -- */

static int id_failed(struct change *c, int err, const char *capacity)
{
	if (err == -ENOSPC)
		return change_fail(c, err,
				   "capacity.%s: all ids are in use, those of what still drains "
				   "included: want a larger capacity",
				   capacity);
	return change_fail(c, err, "cannot take an id of capacity.%s: %s", capacity,
			   strerror(-err));
}

static int take_instance(struct change *c, const struct change_service *cs,
			 struct change_instance *ci)
{
	char text[REGISTRY_INSTANCE_TEXT];
	uint64_t tag = registry_instance_tag(&ci->want->addr, ci->want->port, cs->value.id);
	int err;

	registry_instance_text(cs->want->name, ci->want->name, text);
	err = names_take(c->d->registry->names, SL_NAME_INSTANCE, text, tag, &ci->name);
	if (!err)
		c->wanted[ci->name.id] = true;
	return err;
}

static int take_service(struct change *c, size_t index)
{
	struct change_service *cs = &c->services[index];
	const struct model_service *want = cs->want;
	struct live_service *live;
	struct sl_name name;
	int err = names_take(c->d->registry->names, SL_NAME_SERVICE, want->name,
			     registry_service_tag(&cs->endpoint), &name);

	if (err)
		return id_failed(c, err, "services");
	c->service_ids[index] = name.id;
	cs->value.id = name.id;
	live = registry_service_by_id(c->d->registry, name.id);
	cs->old_first = live ? live->ring_first : 0;
	cs->old_size = live ? live->ring_size : 0;
	for (size_t i = 0; i < want->n_instances && !err; i++)
		err = take_instance(c, cs, &cs->instances[i]);
	return err ? id_failed(c, err, "instances") : 0;
}

static int services_make(struct change *c)
{
	const struct model *m = c->model;

	c->services = calloc(m->n_services + 1, sizeof(*c->services));
	c->wanted = calloc(c->d->dp->cap.instances, sizeof(*c->wanted));
	c->service_ids = calloc(m->n_services + 1, sizeof(*c->service_ids));
	c->tenant_ids = calloc(m->n_tenants + 1, sizeof(*c->tenant_ids));
	if (!c->services || !c->wanted || !c->service_ids || !c->tenant_ids)
		return change_fail(c, -ENOMEM, "no memory");
	for (size_t i = 0; i < m->n_services; i++, c->n_services++) {
		struct change_service *cs = &c->services[i];

		cs->want = &m->services[i];
		cs->endpoint = plan_endpoint(cs->want);
		cs->instances = calloc(cs->want->n_instances + 1, sizeof(*cs->instances));
		if (!cs->instances)
			return change_fail(c, -ENOMEM, "no memory");
		for (size_t k = 0; k < cs->want->n_instances; k++)
			cs->instances[k].want = &cs->want->instances[k];
	}
	return 0;
}

static int take_ids(struct change *c)
{
	struct sl_name name;
	int err = services_make(c);

	for (size_t i = 0; i < c->n_services && !err; i++)
		err = take_service(c, i);
	if (c->services_only)
		return err;
	for (size_t i = 0; i < c->model->n_tenants && !err; i++) {
		err = names_take(c->d->registry->names, SL_NAME_TENANT, c->model->tenants[i].name,
				 0, &name);
		if (err)
			return id_failed(c, err, "tenants");
		c->tenant_ids[i] = name.id;
	}
	return err;
}

/* -- plan -- */

static int take_account(void *arg, const char *tenant, const char *service, uint32_t *ret)
{
	struct change *c = arg;
	char text[REGISTRY_INSTANCE_TEXT];
	struct sl_name name;
	int err;

	registry_instance_text(tenant, service, text); /* of the same form */
	err = names_take(c->d->registry->names, SL_NAME_ACCOUNT, text, 0, &name);
	if (err)
		return id_failed(c, err, "accounts");
	*ret = name.id;
	return 0;
}

static int plan_make(struct change *c)
{
	const struct plan_ids ids = {
		.service = c->service_ids,
		.tenant = c->tenant_ids,
		.account = take_account,
		.arg = c,
	};
	int err;

	c->reterr->text[0] = '\0';
	err = plan_build(c->model, &ids, c->d->tick_ns, &c->plan);
	if (err && !c->reterr->text[0])
		return change_fail(c, err, "%s: %s",
				   err == -E2BIG ? "tenants: their source prefixes are too crowded"
						 : "cannot plan the configuration",
				   strerror(-err));
	if (err)
		return err;
	for (size_t i = 0; i < c->n_services; i++)
		c->services[i].value = c->plan->services[i].value;
	return 0;
}

/* Services as they are in force, for changes of instances only. */
static int plan_from_kernel(struct change *c)
{
	int err = 0;

	for (size_t i = 0; i < c->n_services && !err; i++) {
		struct change_service *cs = &c->services[i];
		struct sl_service_key key = plan_service_key(cs->want, c->service_ids[i]);

		key.bank = c->d->dp->control->bank & 1;
		err = bpf_map_lookup_elem(c->d->dp->services_fd, &key, &cs->value);
		if (!err && cs->value.id != c->service_ids[i])
			err = -ESTALE;
	}
	return err ? change_fail(c, err, "the services in force are not those of the document: %s",
				 strerror(-err))
		   : 0;
}

/* -- records -- */

static int write_instance(struct change *c, const struct change_service *cs,
			  struct change_instance *ci)
{
	struct dataplane *dp = c->d->dp;
	const struct model_instance *want = ci->want;
	struct sl_instance record = dp->instances[ci->name.id];
	uint16_t front = model_is_pool(cs->want) ? c->service_ids[cs->want->front] : 0;
	bool same = record.generation == (uint16_t)ci->name.generation && record.service;
	int err;

	ci->return_key = (struct sl_return_key){ .addr = want->addr,
						 .port = htons(want->port),
						 .proto = cs->endpoint.proto };
	err = bpf_map_lookup_elem(dp->returns_fd, &ci->return_key, &ci->return_before);
	ci->had_return = !err;
	if (same && !err && ci->return_before.instance == ci->name.id &&
	    ci->return_before.front == front)
		return 0;
	if (!same) {
		record = (struct sl_instance){
			.addr = want->addr,
			.port = htons(want->port),
			.service = cs->value.id,
			.generation = ci->name.generation,
		};
		sync_deltas(&cs->endpoint.addr, cs->endpoint.port, &record.addr, record.port,
			    &record.l3_delta, &record.l4_delta);
	}
	ci->written = true;
	ci->is_new = !same;
	err = sync_instance_write(dp, ci->name.id, &record, &cs->endpoint, front);
	return err ? change_fail(c, err, "cannot write instance %s/%s (capacity.instances): %s",
				 cs->want->name, want->name, strerror(-err))
		   : 0;
}

static int write_instances(struct change *c)
{
	int err = 0;

	for (size_t i = 0; i < c->n_services; i++) {
		struct change_service *cs = &c->services[i];

		for (size_t k = 0; k < cs->want->n_instances && !err; k++)
			err = write_instance(c, cs, &cs->instances[k]);
	}
	return err;
}

static void instances_undo(struct change *c)
{
	struct dataplane *dp = c->d->dp;

	for (size_t i = 0; i < c->n_services; i++) {
		struct change_service *cs = &c->services[i];

		for (size_t k = 0; cs->instances && k < cs->want->n_instances; k++) {
			struct change_instance *ci = &cs->instances[k];

			if (ci->is_new)
				sync_instance_clear(dp, ci->name.id, cs->endpoint.proto);
			if (ci->written && ci->had_return)
				bpf_map_update_elem(dp->returns_fd, &ci->return_key,
						    &ci->return_before, BPF_ANY);
		}
	}
}

/* -- into force -- */

static int sync_whole(struct change *c)
{
	struct dataplane_error why = {};
	int err;

	for (size_t i = 0; i < c->n_services; i++)
		c->plan->services[i].value = c->services[i].value;
	err = sync_plan(c->d->dp, c->plan, NULL, NULL, &c->stale, &why);
	return err ? change_fail(c, err, "%s", why.text) : 0;
}

static int sync_moved(struct change *c)
{
	struct plan_service *moved = calloc(c->n_services + 1, sizeof(*moved));
	struct sync_objects o = { .services = moved };
	struct dataplane_error why = {};
	int err = 0;

	if (!moved)
		return change_fail(c, -ENOMEM, "no memory");
	for (size_t i = 0; i < c->n_services; i++) {
		const struct change_service *cs = &c->services[i];

		if (cs->moved)
			moved[o.n_services++] = (struct plan_service){
				.key = plan_service_key(cs->want, c->service_ids[i]),
				.value = cs->value,
			};
	}
	if (o.n_services)
		err = sync_objects(c->d->dp, &o, &why);
	free(moved);
	c->stale = !c->d->dp->banks_equal;
	return err ? change_fail(c, err, "%s", why.text) : 0;
}

static void change_free(struct change *c)
{
	for (size_t i = 0; i < c->n_services; i++)
		free(c->services[i].instances);
	free(c->services);
	free(c->wanted);
	free(c->service_ids);
	free(c->tenant_ids);
	plan_free(c->plan);
}

int change_run(struct change *c)
{
	struct names *names = c->d->registry->names;
	int err = fixed_check(c);

	if (err)
		return err;
	names_mark(names);
	err = take_ids(c);
	if (!err)
		err = change_cids_check(c);
	if (!err)
		err = c->services_only ? plan_from_kernel(c) : plan_make(c);
	if (!err)
		err = write_instances(c);
	if (!err)
		err = change_rings(c);
	/* A new interface begins with the configuration that is in force. */
	if (!err && !c->services_only && c->d->ready)
		err = links_attach(c->d, c->model, c->reterr);
	if (!err)
		err = c->services_only ? sync_moved(c) : sync_whole(c);
	if (!err) {
		names_commit(names);
		change_commit(c);
	} else {
		links_undo(c->d);
		change_rings_undo(c);
		instances_undo(c);
		names_rollback(names);
	}
	change_free(c);
	return err;
}
