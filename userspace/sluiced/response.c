// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A tenant's responses changed at run time: their records alone where only what is said has
 * changed, as of a resource that tells the time; else the document as a whole.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "../common/cleanup.h"
#include "../dataplane/sync.h"
#include "../plan/keys.h"
#include "registry_own.h"
#include "reload.h"

static bool same_places(const struct model_tenant *a, const struct model_tenant *b)
{
	bool same = a->n_responses == b->n_responses;

	for (size_t i = 0; i < a->n_responses && same; i++)
		same = model_response_is(&a->responses[i], &b->responses[i].path,
					 b->responses[i].service);
	return same;
}

static int records_put(struct daemon *d, const struct model_tenant *t)
{
	const struct siphash_key etag = keys_etag(d->model);
	sl_autofree struct plan_response *list = calloc(t->n_responses + 1, sizeof(*list));
	struct sync_objects o = { .responses = list, .n_responses = t->n_responses };
	struct dataplane_error ignored;
	struct sl_name name;
	int err = list ? names_find(d->registry->names, SL_NAME_TENANT, t->name, &name) : -ENOMEM;

	if (err)
		return err;
	for (size_t i = 0; i < t->n_responses; i++) {
		list[i].key.tenant = name.id;
		list[i].key.number = i + 1;
		response_plan(&t->responses[i], &etag, &list[i].value);
	}
	return sync_objects(d->dp, &o, &ignored);
}

/* Put what is said in force, where nothing else differs. False: nothing has changed. */
static bool say_otherwise(struct daemon *d, struct model_tenant *t, const cJSON *responses)
{
	cJSON *object = document_object(d->document, "tenants", t->name);
	struct model_tenant changed = {};
	struct config_error ignored;
	bool done;

	snprintf(changed.name, sizeof(changed.name), "%s", t->name);
	done = object && !config_responses(responses, "responses", &changed, &ignored) &&
	       same_places(t, &changed) && !records_put(d, &changed);
	if (!done) {
		model_responses_free(changed.responses, changed.n_responses);
		return false;
	}
	model_responses_free(t->responses, t->n_responses);
	t->responses = changed.responses;
	if (document_set(object, "responses", responses) ||
	    overlay_responses(d->overlay, t->name, responses))
		event_emit(d->events, LOG_ERR,
			   (struct event_about){ .type = "responses", .tenant = t->name },
			   "not kept over restarts: %s", strerror(ENOMEM));
	overlay_keep(d);
	return true;
}

int daemon_tenant_responses(struct daemon *d, const char *tenant, const cJSON *responses,
			    struct config_error *reterr)
{
	struct model_tenant *t = model_tenant(d->model, tenant);
	struct event_about about = { .type = "responses", .tenant = tenant };
	int err = 0;

	if (!t || !say_otherwise(d, t, responses))
		err = story_responses(d, tenant, responses, reterr);
	if (!err)
		event_emit(d->events, LOG_INFO, about, "changed: there are %d now",
			   cJSON_GetArraySize(responses));
	return err;
}
