// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The routes of a CoAP service: which requests are which pool's. */
#include <errno.h>
#include <stdlib.h>
#include "decode.h"

#define ROUTES_MAX 1024

static int decode_route_method(const cJSON *value, const struct path *at, void *out,
			       struct config_error *reterr)
{
	struct model_route *r = out;
	int method, err = method_decode(value, at, &method, reterr);

	if (!err)
		r->method = method + 1; /* CoAP's code: RFC 7252 12.1.1 */
	return err;
}

static int decode_route_type(const cJSON *value, const struct path *at, void *out,
			     struct config_error *reterr)
{
	struct model_route *r = out;
	int err = onem2m_type_decode(value, at, &r->type, reterr);

	r->has_type = !err;
	return err;
}

/* clang-format off */
const struct decode_field route_fields[] = {
	FIELD("path",        struct model_route, path,   route_path_decode),
	FIELD_OF("method", decode_route_method),
	FIELD_OF("onem2m_type", decode_route_type),
	FIELD("tenant",      struct model_route, tenant, decode_name),
	FIELD("pool",        struct model_route, pool,   decode_name, .required = true),
	{},
};
/* clang-format on */

/* A route without a path is of all paths. */
static int path_fill(struct model_identity *path)
{
	if (path->bytes)
		return 0;
	path->bytes = malloc(1);
	if (!path->bytes)
		return -ENOMEM;
	path->bytes[0] = SL_T_ROUTE;
	path->size = 1;
	return 0;
}

static int route_decode(const cJSON *value, const struct path *at, void *out,
			struct config_error *reterr)
{
	struct model_route *r = out;
	int err = decode_object(value, at, route_fields, r, reterr);

	if (!err && !r->path.bytes && !r->method && !r->has_type && !r->tenant[0])
		return decode_fail(at, reterr,
				   "want at least one of path, method, onem2m_type and tenant; "
				   "of all requests the path is \"/\"");
	return err ? err : path_fill(&r->path);
}

int routes_decode(const cJSON *value, const struct path *at, void *out, struct config_error *reterr)
{
	static const struct decode_items items = {
		.size = sizeof(struct model_route),
		.max = ROUTES_MAX,
		.what = "routes",
		.decode = route_decode,
	};
	struct model_service *s = out;
	struct decode_list list = {};
	int err = decode_list(value, at, &items, &list, reterr);

	s->routes = list.items;
	s->n_routes = list.n;
	for (size_t i = 0; i < s->n_routes; i++)
		s->routes[i].path.at = i;
	return err;
}
