// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A request is routed when its head is there, so that a body is read only where
 * one is wanted, and only as far as that route allows.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "../common/num.h"
#include "api_request.h"

/* -- routing -- */

/* Does @url match @path? Names are copied to @name; @rest is what "**" stands for. */
static bool path_match(const char *path, const char *url, char name[][SL_NAME_LEN],
		       char rest[API_REST_LEN])
{
	size_t n = 0;

	while (*path) {
		size_t len;

		if (*path != '*') {
			if (*path++ != *url++)
				return false;
			continue;
		}
		if (path[1] == '*')
			return *url && snprintf(rest, API_REST_LEN, "%s", url) < API_REST_LEN;
		len = strcspn(url, "/");
		if (!len || len >= SL_NAME_LEN)
			return false;
		memcpy(name[n], url, len);
		name[n++][len] = '\0';
		url += len;
		path++;
	}
	return !*url;
}

static bool method_match(const char *route, const char *method)
{
	return !strcmp(route, method) || (!strcmp(route, "GET") && !strcmp(method, "HEAD"));
}

static void allow_add(struct api_request *r, const char *method)
{
	size_t len = strlen(r->allow);

	snprintf(r->allow + len, sizeof(r->allow) - len, "%s%s", len ? ", " : "", method);
}

static void find_route(struct api_request *r, const struct api_call *call)
{
	for (const struct api_route *t = call->routes; t->method; t++) {
		if (!path_match(t->path, call->url, r->name, r->rest))
			continue;
		if (method_match(t->method, call->method)) {
			r->route = t;
			return;
		}
		allow_add(r, t->method);
	}
	if (r->allow[0])
		api_fail(r, MHD_HTTP_METHOD_NOT_ALLOWED, "%s is answered to %s only", call->url,
			 r->allow);
	else
		api_fail(r, MHD_HTTP_NOT_FOUND, "%.200s: no such path", call->url);
}

/* -- the body -- */

static bool body_too_large(struct api_request *r, size_t len)
{
	if (len <= r->route->max_body)
		return false;
	if (r->route->max_body)
		api_fail(r, MHD_HTTP_CONTENT_TOO_LARGE, "the body is over %zu bytes",
			 r->route->max_body);
	else
		api_fail(r, MHD_HTTP_CONTENT_TOO_LARGE, "no body is wanted here");
	return true;
}

/* Refuse by the announced length, before reading any of it. */
static void check_length(struct api_request *r)
{
	const char *text = MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND,
						       MHD_HTTP_HEADER_CONTENT_LENGTH);
	uint64_t len;

	if (text && !num_count(text, 0, UINT64_MAX, &len))
		body_too_large(r, len > SIZE_MAX ? SIZE_MAX : len);
}

static void body_take(struct api_request *r, const char *data, size_t size)
{
	struct api *a = r->api;
	size_t cap = r->cap ? r->cap : 4096;
	char *grown;

	if (r->status || body_too_large(r, r->len + size))
		return; /* answered already: what still comes is thrown away */
	while (cap < r->len + size + 1)
		cap *= 2;
	if (cap != r->cap) {
		grown = a->body_bytes + cap - r->cap > API_MAX_BODIES ? NULL
								      : realloc(r->body, cap);
		if (!grown) {
			api_fail(r, MHD_HTTP_SERVICE_UNAVAILABLE,
				 "too many large requests at once; try again");
			return;
		}
		a->body_bytes += cap - r->cap;
		r->body = grown;
		r->cap = cap;
	}
	memcpy(r->body + r->len, data, size);
	r->len += size;
	r->body[r->len] = '\0';
}

cJSON *api_body(struct api_request *r)
{
	struct config_error why = {};
	cJSON *json = NULL;

	if (r->len && config_read_text(r->body, r->len, &json, &why)) {
		api_fail(r, MHD_HTTP_BAD_REQUEST, "body: %s", why.text);
		return NULL;
	}
	if (!cJSON_IsObject(json)) {
		cJSON_Delete(json);
		api_fail(r, MHD_HTTP_BAD_REQUEST, "want a JSON object as the request's body");
		return NULL;
	}
	return json;
}

/* -- the answer -- */

void api_reply(struct api_request *r, unsigned int status, cJSON *json)
{
	if (!json) {
		api_fail(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
		return;
	}
	r->status = status;
	r->json = json;
}

void api_fail(struct api_request *r, unsigned int status, const char *fmt, ...)
{
	char text[sizeof(struct config_error)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	cJSON_Delete(r->json);
	r->json = cJSON_CreateObject();
	r->status = status;
	json_str(r->json, "error", text);
}

static unsigned int status_of(int err)
{
	switch (err) {
	case -ENOENT:
	case -ENODEV:
		return MHD_HTTP_NOT_FOUND;
	case -EEXIST:
	case -EBUSY:
	case -ENOSPC:
		return MHD_HTTP_CONFLICT;
	case -EINVAL:
	case -ERANGE:
	case -EBADMSG:
	case -E2BIG:
		return MHD_HTTP_UNPROCESSABLE_CONTENT;
	default:
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
}

void api_result(struct api_request *r, int err, const struct config_error *why, unsigned int ok,
		cJSON *json)
{
	if (err) {
		cJSON_Delete(json);
		api_fail(r, status_of(err), "%s", why->text[0] ? why->text : strerror(-err));
		return;
	}
	api_reply(r, ok, json ? json : cJSON_CreateObject());
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
	MHD_add_response_header(response, name, value);
}

static struct MHD_Response *make_response(struct api_request *r)
{
	const char *type =
		r->text ? "text/plain; version=0.0.4; charset=utf-8" : "application/json";
	struct MHD_Response *response;
	char *text = r->text;
	size_t len = r->text_len;

	r->text = NULL;
	if (!text) {
		text = cJSON_PrintUnformatted(r->json);
		len = text ? strlen(text) : 0;
	}
	cJSON_Delete(r->json);
	r->json = NULL;
	if (!text)
		return NULL;
	response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return NULL;
	}
	add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	return response;
}

static enum MHD_Result send_answer(struct api_request *r)
{
	struct MHD_Response *response = r->response ? r->response : make_response(r);
	enum MHD_Result sent;

	r->response = NULL;
	if (!response)
		return MHD_NO;
	if (r->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		add_header(response, MHD_HTTP_HEADER_ALLOW, r->allow);
	sent = MHD_queue_response(r->conn, r->status, response);
	MHD_destroy_response(response);
	return sent;
}

static struct api_request *request_begin(const struct api_call *call)
{
	struct api_request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->api = call->api;
	r->conn = call->conn;
	find_route(r, call);
	if (!r->status)
		check_length(r);
	return r;
}

enum MHD_Result api_request_step(const struct api_call *call, const char *data, size_t *size,
				 void **state)
{
	struct api_request *r = *state;

	if (!r) {
		*state = r = request_begin(call);
		if (!r)
			return MHD_NO;
		/* An answer now, without reading the body, closes the connection. */
		return r->status ? send_answer(r) : MHD_YES;
	}
	if (*size) {
		body_take(r, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (!r->status)
		r->route->fn(r);
	return send_answer(r);
}

void api_request_free(struct api *a, struct api_request *r)
{
	if (!r)
		return;
	a->body_bytes -= r->cap;
	cJSON_Delete(r->json);
	free(r->text);
	free(r->body);
	free(r);
}

/* -- what handlers ask for -- */

const char *api_query(struct api_request *r, const char *name)
{
	return MHD_lookup_connection_value(r->conn, MHD_GET_ARGUMENT_KIND, name);
}

bool api_query_u64(struct api_request *r, const char *name, uint64_t min, uint64_t max,
		   uint64_t *io)
{
	const char *text = api_query(r, name);

	if (!text || !num_count(text, min, max, io))
		return true;
	if (max == UINT64_MAX)
		api_fail(r, MHD_HTTP_BAD_REQUEST, "%s: want an integer", name);
	else
		api_fail(r, MHD_HTTP_BAD_REQUEST, "%s: want an integer from %llu to %llu", name,
			 (unsigned long long)min, (unsigned long long)max);
	return false;
}

void api_names_add(struct api_names *l, const char *name)
{
	int len;

	if (l->n++ >= API_NAMES_IN_ERROR || l->len >= sizeof(l->text))
		return;
	len = snprintf(l->text + l->len, sizeof(l->text) - l->len, "%s%s", l->told ? ", " : "",
		       name);
	l->len += len > 0 ? len : 0;
	l->told++;
}

const char *api_names_end(struct api_names *l)
{
	if (!l->n)
		return "there is none";
	if (l->n > l->told)
		snprintf(l->text, sizeof(l->text), "there are %zu others", l->n);
	return l->text;
}

struct live_service *api_service(struct api_request *r)
{
	struct registry *reg = r->api->d->registry;
	struct live_service *s = registry_service(reg, r->name[0]);
	struct api_names names = {};

	if (s)
		return s;
	for (s = registry_services(reg); s; s = s->next)
		api_names_add(&names, s->name);
	api_fail(r, MHD_HTTP_NOT_FOUND, "no service \"%s\"; services: %s", r->name[0],
		 api_names_end(&names));
	return NULL;
}

struct live_instance *api_instance(struct api_request *r)
{
	struct live_service *s = api_service(r);
	struct live_instance *i = s ? registry_instance(s, r->name[1]) : NULL;
	struct api_names names = {};

	if (i || !s)
		return i;
	for (i = s->instances; i; i = i->next)
		api_names_add(&names, i->name);
	api_fail(r, MHD_HTTP_NOT_FOUND, "service %s has no instance \"%s\"; instances: %s", s->name,
		 r->name[1], api_names_end(&names));
	return NULL;
}

const struct model_tenant *api_tenant(struct api_request *r)
{
	const struct model *m = r->api->d->model;
	struct api_names names = {};

	for (size_t i = 0; i < m->n_tenants; i++) {
		if (!strcmp(m->tenants[i].name, r->name[0]))
			return &m->tenants[i];
		api_names_add(&names, m->tenants[i].name);
	}
	api_fail(r, MHD_HTTP_NOT_FOUND, "no tenant \"%s\"; tenants: %s", r->name[0],
		 api_names_end(&names));
	return NULL;
}
