// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Live services and instances: lists, look-ups, and their end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../common/addr.h"
#include "../common/siphash.h"
#include "../dataplane/forget.h"
#include "../dataplane/sync.h"
#include "../plan/choose.h"
#include "registry_own.h"

/* -- look-ups -- */

struct live_service *registry_services(struct registry *r)
{
	return r->services;
}

struct names *registry_names(struct registry *r)
{
	return r->names;
}

struct live_service *registry_service_by_id(struct registry *r, uint16_t id)
{
	return id < r->dp->cap.services ? r->service_by_id[id] : NULL;
}

struct live_instance *registry_instance_by_id(struct registry *r, uint16_t id)
{
	return id < r->dp->cap.instances ? r->instance_by_id[id] : NULL;
}

struct live_service *registry_service(struct registry *r, const char *name)
{
	struct sl_name found;

	if (names_find(r->names, SL_NAME_SERVICE, name, &found))
		return NULL;
	return registry_service_by_id(r, found.id);
}

struct live_instance *registry_instance(struct live_service *s, const char *name)
{
	for (struct live_instance *i = s->instances; i; i = i->next) {
		if (!strcmp(i->name, name))
			return i;
	}
	return NULL;
}

/* -- names and tags -- */

void registry_instance_text(const char *service, const char *instance,
			    char ret[REGISTRY_INSTANCE_TEXT])
{
	snprintf(ret, REGISTRY_INSTANCE_TEXT, "%.*s/%.*s", SL_NAME_LEN - 1, service,
		 SL_NAME_LEN - 1, instance);
}

static uint64_t tag_of(const void *data, size_t len)
{
	const struct siphash_key fixed = { 0, 0 };

	return siphash(&fixed, data, len) ?: 1; /* 0 is "no tag" */
}

uint64_t registry_service_tag(const struct sl_service_key *key)
{
	struct sl_service_key plain = *key;

	plain.bank = 0;
	return tag_of(&plain, sizeof(plain));
}

uint64_t registry_instance_tag(const struct sl_addr *addr, uint16_t port, uint16_t service)
{
	const struct sl_pin_key bytes = { .addr = *addr, .port = port, .service = service };

	return tag_of(&bytes, sizeof(bytes));
}

static void name_set(char to[SL_NAME_LEN], const char *from)
{
	snprintf(to, SL_NAME_LEN, "%.*s", SL_NAME_LEN - 1, from);
}

/* Of "SERVICE/NAME", the last part. */
static const char *instance_part(const char *text)
{
	const char *slash = strchr(text, '/');

	return slash ? slash + 1 : text;
}

void registry_refresh_names(struct registry *r)
{
	const char *text;

	for (struct live_service *s = r->services; s; s = s->next) {
		text = names_text(r->names, SL_NAME_SERVICE, s->id);
		if (text)
			name_set(s->name, text);
		for (struct live_instance *i = s->instances; i; i = i->next) {
			text = names_text(r->names, SL_NAME_INSTANCE, i->id);
			if (text)
				name_set(i->name, instance_part(text));
		}
	}
}

/* -- lists -- */

struct live_service *registry_add_service(struct registry *r, const char *name, uint16_t id)
{
	struct live_service *s = calloc(1, sizeof(*s)), **at = &r->services;

	if (!s)
		return NULL;
	s->id = id;
	name_set(s->name, name);
	while (*at)
		at = &(*at)->next;
	*at = s;
	r->service_by_id[id] = s;
	return s;
}

struct live_instance *registry_add_instance(struct registry *r, struct live_service *s,
					    const char *name, const struct sl_name *id)
{
	struct live_instance *i = calloc(1, sizeof(*i)), **at = &s->instances;

	if (!i)
		return NULL;
	i->service = s;
	i->id = id->id;
	i->generation = id->generation;
	i->weight = 100;
	name_set(i->name, instance_part(name));
	while (*at)
		at = &(*at)->next;
	*at = i;
	r->instance_by_id[i->id] = i;
	return i;
}

void registry_drop_instance(struct registry *r, struct live_instance *i)
{
	struct live_instance **at = &i->service->instances;

	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	r->instance_by_id[i->id] = NULL;
	free(i);
}

void registry_drop_service(struct registry *r, struct live_service *s)
{
	struct live_service **at = &r->services;

	while (s->instances)
		registry_drop_instance(r, s->instances);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	r->service_by_id[s->id] = NULL;
	free(s);
}

/* -- the end of objects -- */

void registry_free_instance(struct daemon *d, struct live_instance *i)
{
	struct live_service *s = i->service;
	struct registry *r = d->registry;
	struct event_about about = { "instance_removed", s->name, i->name, NULL };
	char text[sizeof(struct sl_name_key) + 1];
	const char *name = names_text(r->names, SL_NAME_INSTANCE, i->id);
	int err;

	snprintf(text, sizeof(text), "%s", name ? name : "");
	neigh_forget(d->neigh, i->id);
	ring_forget(d->dp->slots + s->ring_first, s->ring_size, i->id);
	err = sync_instance_clear(d->dp, i->id, s->key.proto);
	if (!err)
		err = names_drop(r->names, SL_NAME_INSTANCE, text);
	if (err) {
		/* It stays in the list, and the next sweep tries again. */
		event_emit(d->events, LOG_ERR, about, "cannot be removed: %s", strerror(-err));
		return;
	}
	event_emit(d->events, LOG_INFO, about, "nothing names it any more; its id %u is free",
		   i->id);
	registry_drop_instance(r, i);
}

void registry_free_service(struct daemon *d, struct live_service *s)
{
	struct registry *r = d->registry;
	struct event_about about = { .type = "service_removed", .service = s->name };
	struct live_instance *i, *next;
	const char *text;
	int err;

	for (i = s->instances; i; i = next) {
		next = i->next;
		registry_free_instance(d, i);
	}
	if (s->instances)
		return;
	forget_service(d->dp, s->id);
	text = names_text(r->names, SL_NAME_SERVICE, s->id);
	err = text ? names_drop(r->names, SL_NAME_SERVICE, text) : 0;
	if (err) {
		event_emit(d->events, LOG_ERR, about, "cannot be removed: %s", strerror(-err));
		return;
	}
	if (s->ring_size)
		regions_free(&r->regions, s->ring_first, s->ring_size);
	event_emit(d->events, LOG_INFO, about, "nothing names it any more; its id %u is free",
		   s->id);
	registry_drop_service(r, s);
}
