// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Finding and editing objects in a configuration document; see overlay.h. */
#include <errno.h>
#include "overlay.h"

static bool is_named(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "name"));

	return text && !strcmp(text, name);
}

static cJSON *named(const cJSON *array, const char *name)
{
	cJSON *item;

	cJSON_ArrayForEach(item, array) {
		if (is_named(item, name))
			return item;
	}
	return NULL;
}

cJSON *document_object(const cJSON *doc, const char *array, const char *name)
{
	return named(cJSON_GetObjectItemCaseSensitive(doc, array), name);
}

cJSON *document_instances(cJSON *service)
{
	cJSON *instances = cJSON_GetObjectItemCaseSensitive(service, "instances");

	return instances ? instances : cJSON_AddArrayToObject(service, "instances");
}

cJSON *document_instance(const cJSON *instances, const char *name)
{
	return named(instances, name);
}

int document_set(cJSON *object, const char *member, const cJSON *value)
{
	cJSON *copy = cJSON_Duplicate(value, true);
	bool done;

	if (!copy)
		return -ENOMEM;
	if (cJSON_GetObjectItemCaseSensitive(object, member))
		done = cJSON_ReplaceItemInObjectCaseSensitive(object, member, copy);
	else
		done = cJSON_AddItemToObject(object, member, copy);
	if (!done)
		cJSON_Delete(copy);
	return done ? 0 : -ENOMEM;
}

int document_merge(cJSON *object, const char *member, const cJSON *changes)
{
	cJSON *to = cJSON_GetObjectItemCaseSensitive(object, member);
	const cJSON *change;
	int err = 0;

	if (!changes)
		return 0;
	if (!to)
		to = cJSON_AddObjectToObject(object, member);
	if (!to)
		return -ENOMEM;
	cJSON_ArrayForEach(change, changes) {
		if (cJSON_IsNull(change))
			cJSON_DeleteItemFromObjectCaseSensitive(to, change->string);
		else
			err = document_set(to, change->string, change);
		if (err)
			return err;
	}
	return 0;
}
