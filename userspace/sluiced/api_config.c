// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* /v1/config, /v1/check, /v1/reload: whole documents. */
#include <errno.h>
#include "../common/cleanup.h"
#include "api.h"

/* "file:PATH" tells where the secret is and not what it is. */
static bool is_secret(const cJSON *item)
{
	const char *text = cJSON_GetStringValue(item);

	return item && (!text || strncmp(text, "file:", strlen("file:")));
}

void api_get_config(struct api_request *r)
{
	cJSON *doc = cJSON_Duplicate(r->api->d->document, true);

	if (is_secret(cJSON_GetObjectItemCaseSensitive(doc, "secret")))
		cJSON_DeleteItemFromObjectCaseSensitive(doc, "secret");
	api_reply(r, MHD_HTTP_OK, doc);
}

/* What GET gave without its secret may come back so: the secret stays. */
static void keep_secret(const struct daemon *d, cJSON *doc)
{
	const cJSON *now = cJSON_GetObjectItemCaseSensitive(d->document, "secret");

	if (now && !cJSON_GetObjectItemCaseSensitive(doc, "secret"))
		cJSON_AddItemToObject(doc, "secret", cJSON_Duplicate(now, true));
}

static cJSON *model_summary(const struct daemon *d, const struct model *m)
{
	cJSON *o = cJSON_CreateObject();

	json_u64(o, "generation", d->generation);
	json_u64(o, "services", m->n_services);
	json_u64(o, "tenants", m->n_tenants);
	return o;
}

void api_put_config(struct api_request *r)
{
	struct daemon *d = r->api->d;
	cJSON *doc = api_body(r);
	struct config_error why = {};
	int err;

	if (!doc)
		return;
	keep_secret(d, doc);
	err = daemon_apply(d, doc, &why);
	cJSON_Delete(doc);
	api_result(r, err, &why, MHD_HTTP_OK, err ? NULL : model_summary(d, d->model));
}

/* The same way as a file goes: a document that is checked is checked whole. */
void api_check(struct api_request *r)
{
	sl_cleanup(model_freep) struct model *m = NULL;
	struct daemon *d = r->api->d;
	struct config_error why = {};
	int err;

	/* Nothing is a malformed document like any other: the error says where. */
	err = config_load_text(r->len ? r->body : "", r->len, d->tick_ns, &m, &why);
	if (err && err != -ENOMEM)
		api_fail(r, MHD_HTTP_UNPROCESSABLE_CONTENT, "%s",
			 why.text[0] ? why.text : strerror(-err));
	else
		api_result(r, err, &why, MHD_HTTP_OK, err ? NULL : model_summary(d, m));
}

void api_reload(struct api_request *r)
{
	struct daemon *d = r->api->d;
	struct config_error why = {};
	int err = daemon_reload(d, &why);

	/* Whatever is wrong with the file, it is the file and not this path. */
	if (err && err != -ENOMEM)
		api_fail(r, MHD_HTTP_UNPROCESSABLE_CONTENT, "%.256s: %s", d->config_path,
			 why.text[0] ? why.text : strerror(-err));
	else
		api_result(r, err, &why, MHD_HTTP_OK, err ? NULL : model_summary(d, d->model));
}
