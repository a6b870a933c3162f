// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Privileges of a tenant, and routes of a service, as JSON. */
#include "../config/identity.h"
#include "../config/onem2m.h"
#include "api.h"

static void add_text(cJSON *to, const char *text)
{
	cJSON_AddItemToArray(to, cJSON_CreateString(text));
}

static void add_onem2m(const struct model_tenant *t, cJSON *to)
{
	cJSON *operations = t->denied_operations ? json_arr(to, "onem2m_operations") : NULL;
	cJSON *types = t->types ? json_arr(to, "onem2m_types") : NULL;
	char text[ONEM2M_TYPE_TEXT];

	for (int i = 0; operations && i < SL_OP_OTHER; i++)
		if (!(t->denied_operations >> i & 1))
			add_text(operations, model_operation_word(i));
	for (int i = 0; i < SL_TYPES; i++)
		if (t->types >> i & 1)
			add_text(types, onem2m_type_text(i, text));
}

void api_add_allow(const struct model_tenant *t, cJSON *to)
{
	cJSON *methods = t->denied ? json_arr(to, "coap_methods") : NULL;
	cJSON *paths = t->n_paths ? json_arr(to, "coap_paths") : NULL;
	cJSON *versions = t->mqtt_denied ? json_arr(to, "mqtt_versions") : NULL;
	char text[IDENTITY_TEXT];

	for (unsigned int i = 0; methods && i < SL_METHODS; i++)
		if (!(t->denied >> i & 1))
			add_text(methods, model_method_word(i));
	for (size_t i = 0; i < t->n_paths; i++)
		add_text(paths, identity_text(&t->paths[i], text));
	for (unsigned int i = 0; versions && i < SL_MV_OTHER; i++)
		if (!(t->mqtt_denied >> i & 1))
			add_text(versions, model_mqtt_version_word(i));
	add_onem2m(t, to);
}

static void add_route(const struct model_route *r, cJSON *to)
{
	char path[IDENTITY_TEXT], type[ONEM2M_TYPE_TEXT];
	cJSON *o = cJSON_CreateObject();

	json_str(o, "path", identity_text(&r->path, path));
	if (r->method)
		json_str(o, "method", model_method_word(r->method - 1));
	if (r->has_type)
		json_str(o, "onem2m_type", onem2m_type_text(r->type, type));
	if (r->tenant[0])
		json_str(o, "tenant", r->tenant);
	json_str(o, "pool", r->pool);
	cJSON_AddItemToArray(to, o);
}

void api_add_routes(const struct model_service *s, cJSON *to)
{
	cJSON *routes = s->n_routes ? json_arr(to, "routes") : NULL;

	if (model_is_pool(s))
		json_str(to, "pool_of", s->pool_of);
	for (size_t i = 0; i < s->n_routes; i++)
		add_route(&s->routes[i], routes);
}
