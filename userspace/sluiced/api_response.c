// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* /v1/tenants/T/responses: what the node says in the tenant's name. One is known by its path,
 * which is the rest of the URL, and its service (?service=S), of all if that is left out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "../common/cleanup.h"
#include "../common/num.h"
#include "../config/identity.h"
#include "api.h"
#include "overlay.h"

static cJSON *response_json(const struct model_response *r)
{
	char path[IDENTITY_TEXT], age[NUM_TEXT];
	cJSON *o = cJSON_CreateObject();

	json_str(o, "path", identity_text(&r->path, path));
	if (r->service[0])
		json_str(o, "service", r->service);
	if (r->format != SL_FORMAT_NONE)
		json_u64(o, "content_format", r->format);
	json_str(o, "max_age", num_duration_text(r->max_age_s * NUM_NS_PER_S, age));
	json_str(o, "payload", r->payload);
	return o;
}

void api_get_responses(struct api_request *r)
{
	const struct model_tenant *t = api_tenant(r);
	cJSON *out, *list;

	if (!t)
		return;
	out = cJSON_CreateObject();
	list = json_arr(out, "responses");
	for (size_t i = 0; i < t->n_responses; i++)
		cJSON_AddItemToArray(list, response_json(&t->responses[i]));
	api_reply(r, MHD_HTTP_OK, out);
}

/* -- one of them -- */

struct wanted {
	const struct model_tenant *tenant;
	char path[API_REST_LEN + 1]; /* as a configuration has it */
	const char *service;	     /* "": of all */
	size_t at;   /* its place among the tenant's; their number: it is none of them */
	cJSON *list; /* a copy of the document's, to be edited */
};

static void wanted_release(struct wanted *w)
{
	cJSON_Delete(w->list);
}

static size_t find(const struct model_tenant *t, const struct model_identity *path,
		   const char *service)
{
	size_t i = 0;

	while (i < t->n_responses && !model_response_is(&t->responses[i], path, service))
		i++;
	return i;
}

/* The document's list is in the order of the model's. False: it has been answered. */
static bool wanted_read(struct api_request *r, struct wanted *w)
{
	const cJSON *object, *list;
	struct config_error why = {};
	struct model_identity path;
	int err;

	w->tenant = api_tenant(r);
	if (!w->tenant)
		return false;
	w->service = api_query(r, "service");
	w->service = w->service ? w->service : "";
	snprintf(w->path, sizeof(w->path), "/%s", r->rest + (r->rest[0] == '/'));
	err = config_response_path(w->path, "path", &path, &why);
	if (err) {
		api_result(r, err, &why, 0, NULL);
		return false;
	}
	w->at = find(w->tenant, &path, w->service);
	free(path.bytes);
	object = document_object(r->api->d->document, "tenants", w->tenant->name);
	list = cJSON_GetObjectItemCaseSensitive(object, "responses");
	w->list = list ? cJSON_Duplicate(list, true) : cJSON_CreateArray();
	return w->list;
}

static void put(struct api_request *r, struct wanted *w, const cJSON *body)
{
	bool is_new = w->at == w->tenant->n_responses;
	cJSON *o = cJSON_Duplicate(body, true);
	struct config_error why = {};
	int err;

	cJSON_AddStringToObject(o, "path", w->path);
	if (w->service[0])
		cJSON_AddStringToObject(o, "service", w->service);
	if (is_new)
		cJSON_AddItemToArray(w->list, o);
	else
		cJSON_ReplaceItemInArray(w->list, w->at, o);
	err = daemon_tenant_responses(r->api->d, r->name[0], w->list, &why);
	/* The model in force is another one now. */
	w->tenant = err ? NULL : api_tenant(r);
	if (err || (w->tenant && w->at < w->tenant->n_responses))
		api_result(r, err, &why, is_new ? MHD_HTTP_CREATED : MHD_HTTP_OK,
			   err ? NULL : response_json(&w->tenant->responses[w->at]));
}

void api_put_response(struct api_request *r)
{
	sl_cleanup(wanted_release) struct wanted w = {};
	cJSON *body = wanted_read(r, &w) ? api_body(r) : NULL;

	if (body)
		put(r, &w, body);
	cJSON_Delete(body);
}

void api_delete_response(struct api_request *r)
{
	sl_cleanup(wanted_release) struct wanted w = {};
	struct config_error why = {};
	int err;

	if (!wanted_read(r, &w))
		return;
	if (w.at == w.tenant->n_responses) {
		api_fail(r, MHD_HTTP_NOT_FOUND, "tenant %s has no response to %.200s%s%.64s",
			 w.tenant->name, w.path, w.service[0] ? " of service " : "", w.service);
		return;
	}
	cJSON_DeleteItemFromArray(w.list, w.at);
	err = daemon_tenant_responses(r->api->d, r->name[0], w.list, &why);
	api_result(r, err, &why, MHD_HTTP_OK, err ? NULL : cJSON_CreateObject());
}
