// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The overlay as the JSON object that its file has; what it means is overlay.h's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../common/cleanup.h"
#include "../common/save.h"
#include "overlay.h"

#define OVERLAY_VERSION 1

static void json_deletep(cJSON **json)
{
	cJSON_Delete(*json);
}

static cJSON *get(const cJSON *object, const char *member)
{
	return object ? cJSON_GetObjectItemCaseSensitive(object, member) : NULL;
}

static cJSON *get_or_make(cJSON *object, const char *member)
{
	cJSON *found = get(object, member);

	if (found || !object)
		return found;
	return cJSON_AddObjectToObject(object, member);
}

/* -- the file -- */

static int check_shape(const char *path, const cJSON *root, struct config_error *reterr)
{
	static const char *const objects[] = { "document", "services", "tenants" };
	const cJSON *version = get(root, "version");
	bool good = cJSON_IsNumber(version) && version->valueint == OVERLAY_VERSION;

	for (size_t i = 0; i < SL_ARRAY_SIZE(objects); i++) {
		const cJSON *o = get(root, objects[i]);

		good = good && (!o || cJSON_IsObject(o));
	}
	if (good)
		return 0;
	snprintf(reterr->text, sizeof(reterr->text),
		 "%s: want the changes of the control API as sluiced of this version writes them; "
		 "move the file away to start without them",
		 path);
	return -EINVAL;
}

/* Takes @root over, also on failure. */
static int overlay_make(const char *path, cJSON *root, struct overlay **ret)
{
	struct overlay *o = calloc(1, sizeof(*o));

	if (o) {
		o->root = root;
		o->path = strdup(path);
		o->dropped = cJSON_CreateArray();
	}
	if (!o || !root || !o->path || !o->dropped) {
		overlay_close(o);
		if (!o)
			cJSON_Delete(root);
		return -ENOMEM;
	}
	*ret = o;
	return 0;
}

int overlay_make_empty(const char *path, struct overlay **ret)
{
	cJSON *root = cJSON_CreateObject();

	cJSON_AddNumberToObject(root, "version", OVERLAY_VERSION);
	return overlay_make(path, root, ret);
}

int overlay_open(const char *path, struct overlay **ret, struct config_error *reterr)
{
	sl_cleanup(json_deletep) cJSON *root = NULL;
	int err;

	if (access(path, F_OK) && errno == ENOENT)
		return overlay_make_empty(path, ret);
	err = config_read_file(path, &root, reterr);
	if (!err)
		err = check_shape(path, root, reterr);
	if (err)
		return err;
	return overlay_make(path, sl_take(root), ret);
}

int overlay_copy(const struct overlay *o, struct overlay **ret)
{
	return overlay_make(o->path, cJSON_Duplicate(o->root, true), ret);
}

void overlay_close(struct overlay *o)
{
	if (!o)
		return;
	cJSON_Delete(o->root);
	cJSON_Delete(o->dropped);
	free(o->path);
	free(o);
}

int overlay_save(const struct overlay *o)
{
	sl_autofree char *text = cJSON_Print(o->root);

	return text ? save_file(o->path, text) : -ENOMEM;
}

static bool has_members(const cJSON *object)
{
	return object && object->child;
}

bool overlay_is_empty(const struct overlay *o)
{
	return !get(o->root, "document") && !has_members(get(o->root, "services")) &&
	       !has_members(get(o->root, "tenants"));
}

/* -- instances -- */

static cJSON *instance_entry(const struct overlay *o, const char *service, const char *name)
{
	return get(get(get(o->root, "services"), service), name);
}

static cJSON *instance_make(struct overlay *o, const char *service, const char *name)
{
	cJSON *s = get_or_make(get_or_make(o->root, "services"), service);

	return s ? get_or_make(s, name) : NULL;
}

static void instance_drop(struct overlay *o, const char *service, const char *name)
{
	cJSON *services = get(o->root, "services"), *s = get(services, service);

	cJSON_DeleteItemFromObjectCaseSensitive(s, name);
	if (s && !s->child)
		cJSON_DeleteItemFromObjectCaseSensitive(services, service);
}

int overlay_instance_added(struct overlay *o, const char *service, const char *name,
			   const cJSON *instance, enum live_origin origin)
{
	cJSON *entry;

	instance_drop(o, service, name);
	entry = instance_make(o, service, name);
	if (!entry ||
	    !cJSON_AddStringToObject(entry, "origin", origin == ORIGIN_SCALING ? "scaling" : "api"))
		return -ENOMEM;
	return document_set(entry, "instance", instance);
}

int overlay_instance_removed(struct overlay *o, const char *service, const char *name)
{
	cJSON *entry = instance_entry(o, service, name);
	bool was_added = get(entry, "instance");

	instance_drop(o, service, name);
	if (was_added)
		return 0;
	entry = instance_make(o, service, name);
	return entry && cJSON_AddTrueToObject(entry, "removed") ? 0 : -ENOMEM;
}

int overlay_instance_changed(struct overlay *o, const char *service, const char *name,
			     const char *member, const cJSON *value)
{
	cJSON *entry = instance_make(o, service, name);
	cJSON *added = get(entry, "instance");

	return entry ? document_set(added ? added : entry, member, value) : -ENOMEM;
}

enum live_origin overlay_origin(const struct overlay *o, const char *service, const char *name)
{
	const char *origin = cJSON_GetStringValue(get(instance_entry(o, service, name), "origin"));

	if (!origin)
		return ORIGIN_FILE;
	return strcmp(origin, "scaling") ? ORIGIN_API : ORIGIN_SCALING;
}

/* -- documents and quotas -- */

const cJSON *overlay_document(const struct overlay *o)
{
	return get(o->root, "document");
}

void overlay_drop_document(struct overlay *o)
{
	cJSON_DeleteItemFromObjectCaseSensitive(o->root, "document");
}

int overlay_drop_quotas(struct overlay *o)
{
	int n = cJSON_GetArraySize(get(o->root, "tenants"));

	cJSON_DeleteItemFromObjectCaseSensitive(o->root, "tenants");
	return n;
}

/* Of a service that the new document has: keep who added the instances in it. */
static void keep_origins(cJSON *entries, const cJSON *service)
{
	cJSON *entry, *next;

	for (entry = entries->child; entry; entry = next) {
		cJSON *instances = get(service, "instances");
		const cJSON *now = document_instance(instances, entry->string);

		next = entry->next;
		if (now && get(entry, "instance"))
			document_set(entry, "instance", now);
		else
			cJSON_Delete(cJSON_DetachItemViaPointer(entries, entry));
	}
}

int overlay_put_document(struct overlay *o, const cJSON *doc)
{
	cJSON *services = get(o->root, "services"), *entries, *next;
	int err = document_set(o->root, "document", doc);

	if (err)
		return err;
	overlay_drop_quotas(o);
	for (entries = services ? services->child : NULL; entries; entries = next) {
		next = entries->next;
		keep_origins(entries, document_object(doc, "services", entries->string));
		if (!entries->child)
			cJSON_Delete(cJSON_DetachItemViaPointer(services, entries));
	}
	return 0;
}

int overlay_quota(struct overlay *o, const char *tenant, const cJSON *quota,
		  const cJSON *device_quota)
{
	const struct {
		const char *member;
		const cJSON *changes;
	} parts[] = { { "quota", quota }, { "device_quota", device_quota } };
	cJSON *entry = get_or_make(get_or_make(o->root, "tenants"), tenant);
	const cJSON *change;
	int err = entry ? 0 : -ENOMEM;

	for (size_t i = 0; i < SL_ARRAY_SIZE(parts) && !err; i++) {
		cJSON *to = parts[i].changes ? get_or_make(entry, parts[i].member) : NULL;

		/* A lifted limit is kept as null, so not document_merge(). */
		cJSON_ArrayForEach(change, parts[i].changes) {
			if (to && !err)
				err = document_set(to, change->string, change);
		}
	}
	return err;
}

int overlay_responses(struct overlay *o, const char *tenant, const cJSON *responses)
{
	cJSON *entry = get_or_make(get_or_make(o->root, "tenants"), tenant);

	return entry ? document_set(entry, "responses", responses) : -ENOMEM;
}
