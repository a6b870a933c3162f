// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Instances changed at run time: the service's object is edited in a copy, which
 * is decoded, validated and put in force like any other; tenants and accounts,
 * however many, are not looked at.
 */
#include <errno.h>
#include <stdio.h>
#include "../common/addr.h"
#include "../common/cleanup.h"
#include "change.h"
#include "links.h"
#include "registry_own.h"
#include "reload.h"
#include "sweep.h"

static void json_deletep(cJSON **json)
{
	cJSON_Delete(*json);
}

static int refuse(struct config_error *reterr, int err, const char *what, const char *name,
		  const char *why)
{
	snprintf(reterr->text, sizeof(reterr->text), "%s \"%.*s\": %s", what, SL_NAME_LEN, name,
		 why);
	return err;
}

/* -- a document of services alone -- */

/* A tenant that a service names must be there; what it may do does not matter. */
static void stub_tenant(cJSON *tenants, const cJSON *service, const char *member)
{
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(service, member));
	cJSON *stub;

	if (!name || document_instance(tenants, name))
		return;
	stub = cJSON_CreateObject();
	cJSON_AddStringToObject(stub, "name", name);
	cJSON_AddItemToArray(tenants, stub);
}

static cJSON *service_with(const cJSON *service, cJSON *instances)
{
	cJSON *copy = cJSON_CreateObject(), *member;

	cJSON_ArrayForEach(member, service) {
		if (strcmp(member->string, "instances"))
			cJSON_AddItemReferenceToObject(copy, member->string, member);
	}
	cJSON_AddItemReferenceToObject(copy, "instances", instances);
	return copy;
}

/* All services as they are, by reference, but for @edited's instances. */
static cJSON *services_document(const struct daemon *d, const cJSON *edited, cJSON *instances)
{
	static const char *const members[] = { "interfaces", "capacity" };
	cJSON *doc = cJSON_CreateObject(), *service, *route;
	cJSON *services = cJSON_AddArrayToObject(doc, "services");
	cJSON *tenants = cJSON_AddArrayToObject(doc, "tenants");

	cJSON_AddStringToObject(doc, "node", d->model->node);
	/* The one in force is not looked at: it need not be read again. */
	cJSON_AddStringToObject(doc, "secret", "00112233445566778899aabbccddeeff");
	for (size_t i = 0; i < SL_ARRAY_SIZE(members); i++) {
		cJSON *m = cJSON_GetObjectItemCaseSensitive(d->document, members[i]);

		if (m)
			cJSON_AddItemReferenceToObject(doc, members[i], m);
	}
	cJSON_ArrayForEach(service, cJSON_GetObjectItemCaseSensitive(d->document, "services")) {
		stub_tenant(tenants, service, "tenant");
		stub_tenant(tenants, service, "default_tenant");
		cJSON_ArrayForEach(route, cJSON_GetObjectItemCaseSensitive(service, "routes"))
			stub_tenant(tenants, route, "tenant");
		if (service == edited)
			cJSON_AddItemToArray(services, service_with(service, instances));
		else
			cJSON_AddItemReferenceToArray(services, service);
	}
	return doc;
}

/* -- editing -- */

struct edit {
	struct daemon *d;
	const char *service;
	cJSON *object;	  /* in the document in force */
	cJSON *instances; /* a copy, to be edited */
	struct config_error *reterr;
};

static void edit_end(struct edit *e)
{
	cJSON_Delete(e->instances);
}

static int edit_begin(struct edit *e)
{
	cJSON *instances;

	e->object = document_object(e->d->document, "services", e->service);
	if (!e->object)
		return refuse(e->reterr, -ENOENT, "service", e->service, "there is none");
	instances = document_instances(e->object);
	e->instances = cJSON_Duplicate(instances, true);
	return e->instances ? 0 : refuse(e->reterr, -ENOMEM, "service", e->service, "no memory");
}

static int edit_try(struct edit *e)
{
	sl_cleanup(json_deletep) cJSON *doc = services_document(e->d, e->object, e->instances);
	struct change c = {
		.d = e->d, .services_only = true, .service = e->service, .reterr = e->reterr
	};
	int err = config_load_json(doc, e->d->tick_ns, &c.model, e->reterr);

	if (err)
		return err;
	err = change_run(&c);
	model_free(c.model);
	return err;
}

/* Put the edited instances in force; the document follows. */
static int edit_enforce(struct edit *e)
{
	int err = edit_try(e);

	if (err == -ESTALE) {
		err = story_repair(e->d, e->reterr);
		if (!err)
			err = edit_try(e);
	}
	if (err)
		return err;
	cJSON_ReplaceItemInObjectCaseSensitive(e->object, "instances", e->instances);
	e->instances = NULL;
	return 0;
}

static cJSON *edit_instance(struct edit *e, const char *name, int *reterr)
{
	cJSON *found = document_instance(e->instances, name);
	struct live_service *s = registry_service(e->d->registry, e->service);

	if (found)
		return found;
	*reterr = refuse(e->reterr, -ENOENT, "instance", name,
			 s && registry_instance(s, name) ? "it is leaving" : "there is none");
	return NULL;
}

/* Keep it over restarts; without memory for that it is in force all the same. */
static void keep(struct daemon *d, int err)
{
	if (err)
		event_emit(d->events, LOG_ERR, (struct event_about){ .type = "overlay" },
			   "no memory to keep a change over restarts");
	overlay_keep(d);
}

int daemon_instance_add(struct daemon *d, const char *service, const cJSON *instance,
			enum live_origin origin, struct config_error *reterr)
{
	sl_cleanup(edit_end) struct edit e = { .d = d, .service = service, .reterr = reterr };
	struct live_service *s;
	struct live_instance *i;
	struct model_instance want;
	int err = config_instance(instance, "instance", &want, reterr);

	if (!err)
		err = edit_begin(&e);
	if (err)
		return err;
	if (document_instance(e.instances, want.name))
		return refuse(reterr, -EEXIST, "instance", want.name, "there is one already");
	cJSON_AddItemToArray(e.instances, cJSON_Duplicate(instance, true));
	err = edit_enforce(&e);
	if (err)
		return err;
	s = registry_service(d->registry, service);
	i = s ? registry_instance(s, want.name) : NULL;
	if (i)
		i->origin = origin;
	keep(d, overlay_instance_added(d->overlay, service, want.name, instance, origin));
	return 0;
}

static void give_up(struct daemon *d, struct live_instance *i)
{
	struct event_about about = { "instance_given_up", i->service->name, i->name, NULL };

	if (i->given_up)
		return;
	i->given_up = true;
	i->sweep_seen = false;
	registry_settle(d, i);
	sweep_soon(d->sweep);
	event_emit(d->events, LOG_WARN, about, "%u pinned flows are given up, as was asked for",
		   i->pins);
}

int daemon_instance_remove(struct daemon *d, const char *service, const char *instance, bool now,
			   struct config_error *reterr)
{
	sl_cleanup(edit_end) struct edit e = { .d = d, .service = service, .reterr = reterr };
	struct live_service *s = registry_service(d->registry, service);
	struct live_instance *i = s ? registry_instance(s, instance) : NULL;
	cJSON *found;
	int err = edit_begin(&e);

	if (err)
		return err;
	found = document_instance(e.instances, instance);
	if (!found && !(i && i->leaving))
		return refuse(reterr, -ENOENT, "instance", instance, "there is none");
	if (found) {
		cJSON_Delete(cJSON_DetachItemViaPointer(e.instances, found));
		err = edit_enforce(&e);
		if (err)
			return err;
		keep(d, overlay_instance_removed(d->overlay, service, instance));
	}
	if (now && i)
		give_up(d, i);
	return 0;
}

/* One member of an instance gets @value, which becomes the edit's. */
static int instance_set(struct daemon *d, const char *service, const char *instance,
			const char *member, cJSON *value, struct config_error *reterr)
{
	sl_cleanup(edit_end) struct edit e = { .d = d, .service = service, .reterr = reterr };
	sl_cleanup(json_deletep) cJSON *owned = value;
	sl_autofree char *text = cJSON_PrintUnformatted(value);
	struct event_about about = { "instance_changed", service, instance, NULL };
	cJSON *found;
	int err = edit_begin(&e);

	if (err)
		return err;
	found = edit_instance(&e, instance, &err);
	if (!found)
		return err;
	err = document_set(found, member, owned);
	if (!err)
		err = edit_enforce(&e);
	if (err)
		return err;
	event_emit(d->events, LOG_INFO, about, "%s: %s", member, text ? text : "?");
	keep(d, overlay_instance_changed(d->overlay, service, instance, member, owned));
	return 0;
}

/* The instance as it is, as an object of a configuration. */
static cJSON *instance_object(const struct live_instance *i)
{
	cJSON *o = cJSON_CreateObject();
	char addr[ADDR_TEXT];

	cJSON_AddStringToObject(o, "name", i->name);
	cJSON_AddStringToObject(o, "address", addr_text(&i->addr, addr));
	cJSON_AddNumberToObject(o, "port", i->port);
	cJSON_AddNumberToObject(o, "weight", i->ramp.over_ns ? i->ramp.to : i->weight);
	if (i->has_server_id)
		cJSON_AddNumberToObject(o, "server_id", i->server_id);
	return o;
}

/* Back into the configuration that it has left, before it has drained. */
static int take_back(struct daemon *d, struct live_instance *i, struct config_error *reterr)
{
	sl_cleanup(json_deletep) cJSON *object = instance_object(i);

	return daemon_instance_add(d, i->service->name, object, i->origin, reterr);
}

int daemon_instance_admin(struct daemon *d, const char *service, const char *instance,
			  enum model_admin admin, struct config_error *reterr)
{
	static const char *const text[] = {
		[ADMIN_UP] = "up", [ADMIN_DRAINING] = "draining", [ADMIN_DOWN] = "down"
	};
	struct live_service *s = registry_service(d->registry, service);
	struct live_instance *i = s ? registry_instance(s, instance) : NULL;

	if (i && i->leaving && !s->leaving && admin == ADMIN_UP)
		return take_back(d, i, reterr);
	return instance_set(d, service, instance, "admin", cJSON_CreateString(text[admin]), reterr);
}

int daemon_instance_weight(struct daemon *d, const char *service, const char *instance,
			   uint32_t weight, uint64_t over_ns, struct config_error *reterr)
{
	struct live_service *s = registry_service(d->registry, service);
	struct live_instance *i = s ? registry_instance(s, instance) : NULL;
	struct ramp before = i ? i->ramp : (struct ramp){};
	int err;

	/* First, so that the change finds the way and leaves the weight alone. */
	if (i)
		i->ramp = (struct ramp){ .from = i->weight,
					 .to = weight,
					 .begun_ns = daemon_now_ns(),
					 .over_ns = i->weight == weight ? 0 : over_ns };
	err = instance_set(d, service, instance, "weight", cJSON_CreateNumber(weight), reterr);
	if (err && i)
		i->ramp = before;
	ramps_update(d->ramps);
	return err;
}

int daemon_detach(struct daemon *d, const char *ifname, struct config_error *reterr)
{
	int err = links_detach(d, ifname);

	if (err == -ENOENT)
		return refuse(reterr, err, "interface", ifname,
			      "nothing of ours is attached to it");
	return err ? refuse(reterr, err, "interface", ifname, strerror(-err)) : 0;
}
