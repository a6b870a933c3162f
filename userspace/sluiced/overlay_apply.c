// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The overlay onto a document, and what of it no longer fits; see overlay.h. */
#include <errno.h>
#include "overlay.h"

static cJSON *get(const cJSON *object, const char *member)
{
	return object ? cJSON_GetObjectItemCaseSensitive(object, member) : NULL;
}

/* Told when the configuration is in force; if it is refused nothing is dropped. */
static void note_dropped(struct overlay *o, const char *service, const char *instance,
			 const char *tenant, const char *why)
{
	cJSON *note = cJSON_CreateObject();

	cJSON_AddStringToObject(note, "service", service);
	cJSON_AddStringToObject(note, "instance", instance);
	cJSON_AddStringToObject(note, "tenant", tenant);
	cJSON_AddStringToObject(note, "why", why);
	cJSON_AddItemToArray(o->dropped, note);
}

void overlay_tell_dropped(struct overlay *o, struct events *events)
{
	const cJSON *note;

	cJSON_ArrayForEach(note, o->dropped) {
		struct event_about about = {
			.type = "overlay",
			.service = cJSON_GetStringValue(get(note, "service")),
			.instance = cJSON_GetStringValue(get(note, "instance")),
			.tenant = cJSON_GetStringValue(get(note, "tenant")),
		};
		const char *why = cJSON_GetStringValue(get(note, "why"));

		event_emit(events, LOG_WARN, about, "a change made at run time is dropped: %s",
			   why ? why : "no memory");
	}
	while (o->dropped->child)
		cJSON_DeleteItemFromArray(o->dropped, 0);
}

static bool same_member(const cJSON *a, const cJSON *b, const char *member)
{
	return cJSON_Compare(get(a, member), get(b, member), true);
}

static const cJSON *same_server(const cJSON *instances, const cJSON *added)
{
	const cJSON *i;

	cJSON_ArrayForEach(i, instances) {
		if (same_member(i, added, "address") && same_member(i, added, "port"))
			return i;
	}
	return NULL;
}

/* NULL: applied; else why the entry is dropped. */
static const char *apply_added(struct overlay *o, cJSON *instances, const cJSON *entry)
{
	const cJSON *added = get(entry, "instance");

	if (document_instance(instances, entry->string))
		/* In a document that was put it is the same instance, and only its
		 * origin is to be remembered.
		 */
		return overlay_document(o) ? NULL : "the file defines this instance now";
	if (same_server(instances, added))
		return "the file has another instance with its address and port";
	return cJSON_AddItemToArray(instances, cJSON_Duplicate(added, true)) ? NULL : "no memory";
}

static const char *apply_entry(struct overlay *o, cJSON *instances, const cJSON *entry)
{
	static const char *const members[] = { "admin", "weight" };
	cJSON *instance = document_instance(instances, entry->string);

	if (get(entry, "instance"))
		return apply_added(o, instances, entry);
	if (!instance)
		return "the instance is gone";
	if (get(entry, "removed")) {
		cJSON_Delete(cJSON_DetachItemViaPointer(instances, instance));
		return NULL;
	}
	for (size_t i = 0; i < SL_ARRAY_SIZE(members); i++) {
		const cJSON *value = get(entry, members[i]);

		if (value && document_set(instance, members[i], value))
			return "no memory";
	}
	return NULL;
}

static void apply_service(struct overlay *o, cJSON *entries, cJSON *service)
{
	cJSON *instances = service ? document_instances(service) : NULL;
	cJSON *entry, *next;

	for (entry = entries->child; entry; entry = next) {
		const char *why =
			instances ? apply_entry(o, instances, entry) : "the service is gone";

		next = entry->next;
		if (!why)
			continue;
		note_dropped(o, entries->string, entry->string, "", why);
		cJSON_Delete(cJSON_DetachItemViaPointer(entries, entry));
	}
}

static int apply_tenant(cJSON *tenant, const cJSON *entry)
{
	const cJSON *responses = get(entry, "responses");
	int err = document_merge(tenant, "quota", get(entry, "quota"));

	if (!err)
		err = document_merge(tenant, "device_quota", get(entry, "device_quota"));
	if (!err && responses)
		err = document_set(tenant, "responses", responses);
	return err;
}

int overlay_apply(struct overlay *o, cJSON *doc)
{
	cJSON *services = get(o->root, "services"), *tenants = get(o->root, "tenants");
	cJSON *entry, *next;
	int err = 0;

	for (entry = services ? services->child : NULL; entry; entry = next) {
		next = entry->next;
		apply_service(o, entry, document_object(doc, "services", entry->string));
		if (!entry->child)
			cJSON_Delete(cJSON_DetachItemViaPointer(services, entry));
	}
	for (entry = tenants ? tenants->child : NULL; entry && !err; entry = next) {
		cJSON *tenant = document_object(doc, "tenants", entry->string);

		next = entry->next;
		if (tenant) {
			err = apply_tenant(tenant, entry);
			continue;
		}
		note_dropped(o, "", "", entry->string, "the tenant is gone");
		cJSON_Delete(cJSON_DetachItemViaPointer(tenants, entry));
	}
	return err;
}
