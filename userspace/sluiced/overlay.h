/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the API and scaling have changed, kept over restarts in one JSON file that
 * is replaced as a whole:
 *
 *	{ "version": 1,
 *	  "document": { ... },				put by the API, instead of the file
 *	  "services": { "broker": {
 *		"mq-2": { "origin": "scaling", "instance": { ... } },	added
 *		"mq-1": { "removed": true },
 *		"mq-3": { "admin": "draining", "weight": 50 } } },
 *	  "tenants": { "acme": { "quota": { "messages": "5k/s" }, "device_quota": { },
 *				 "responses": [ ... ] } } }		all of them
 *
 * Which wins: a document that was put replaces the file until the next reload.
 * Of instances, what was changed here stays over reloads, because they are
 * servers that run; an instance that the file defines by itself is the file's.
 * Quotas and responses are the file's after a reload. What concerns a service or tenant that
 * is gone is dropped. Each of these is told by an event.
 */
#ifndef SL_OVERLAY_H
#define SL_OVERLAY_H

#include "daemon.h"

struct overlay {
	char *path;
	cJSON *root;
	cJSON *dropped; /* what overlay_apply() found no use for */
};

/* A file that is not there is an empty overlay; one that cannot be read or is
 * malformed is an error that names it.
 */
int overlay_open(const char *path, struct overlay **ret, struct config_error *reterr);
int overlay_make_empty(const char *path, struct overlay **ret);
void overlay_close(struct overlay *o);
/* For a change that may be refused: edit the copy, keep it if it is in force. */
int overlay_copy(const struct overlay *o, struct overlay **ret);
static inline void overlay_closep(struct overlay **o)
{
	overlay_close(*o);
}
/* Write it: a new file, synced, then renamed. */
int overlay_save(const struct overlay *o);
bool overlay_is_empty(const struct overlay *o);

/* The document that was put, NULL if the file is in force. */
const cJSON *overlay_document(const struct overlay *o);
/* @doc replaces the file, and what was changed before; who has added which of
 * its instances is remembered.
 */
int overlay_put_document(struct overlay *o, const cJSON *doc);
void overlay_drop_document(struct overlay *o);

/* A reload: the file's quotas and responses win. Returns how many tenants had others. */
int overlay_drop_quotas(struct overlay *o);

int overlay_instance_added(struct overlay *o, const char *service, const char *name,
			   const cJSON *instance, enum live_origin origin);
int overlay_instance_removed(struct overlay *o, const char *service, const char *name);
/* One member changed: "admin" or "weight". */
int overlay_instance_changed(struct overlay *o, const char *service, const char *name,
			     const char *member, const cJSON *value);
/* Members of quota and device_quota that were changed; null: lifted. */
int overlay_quota(struct overlay *o, const char *tenant, const cJSON *quota,
		  const cJSON *device_quota);

/* All responses of a tenant. */
int overlay_responses(struct overlay *o, const char *tenant, const cJSON *responses);

enum live_origin overlay_origin(const struct overlay *o, const char *service, const char *name);

/* Apply all of it to @doc, and drop what no longer fits: overlay_tell_dropped()
 * makes events of that, for when it is certain.
 */
int overlay_apply(struct overlay *o, cJSON *doc);
void overlay_tell_dropped(struct overlay *o, struct events *events);

/* -- editing documents -- */

/* The object called @name in the array @doc[@array]; NULL: there is none. */
cJSON *document_object(const cJSON *doc, const char *array, const char *name);
/* The instances of a service object, made if it has none. */
cJSON *document_instances(cJSON *service);
cJSON *document_instance(const cJSON *instances, const char *name);
/* Set or (@value null) remove each member of @changes in object[@member]. */
int document_merge(cJSON *object, const char *member, const cJSON *changes);
/* Replace or add a copy of @value. */
int document_set(cJSON *object, const char *member, const cJSON *value);

#endif /* SL_OVERLAY_H */
