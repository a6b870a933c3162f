/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of the control API share: a request, its reply, and small
 * helpers for JSON. docs/api.md is the contract with clients.
 */
#ifndef SL_API_H
#define SL_API_H

#include <microhttpd.h>
#include "daemon.h"
#include "figures.h"

#define API_CONNECTIONS	      64
#define API_TIMEOUT_S	      30
#define API_MAX_BODY	      CONFIG_MAX_BYTES
#define API_SMALL_BODY	      (64u << 10)		 /* of what is one object */
#define API_MAX_BODIES	      (2 * (size_t)API_MAX_BODY) /* held at once */
#define API_STREAMS	      16
#define API_NAMES_IN_ERROR    8
#define API_PATH_NAMES	      2
#define API_REST_LEN	      2200 /* a CoAP path of any length, percent-encoded */
#define API_LIST_LIMIT	      1000
#define API_LIST_LIMIT_MAX    10000
#define API_TOP_LIMIT	      100
#define API_EVENTS_LIMIT      1000
#define API_DEVICES_LIMIT     10
#define API_DEVICES_LIMIT_MAX 1000

struct api_stream;
struct api_trace;
struct http;

struct api {
	struct daemon *d;
	struct http *control, *metrics;
	char *metrics_listen; /* what @metrics listens on */
	size_t body_bytes;    /* of all requests being read */
	/* server-sent events */
	struct api_stream *streams;
	unsigned int n_streams;
	struct api_trace *trace; /* NULL: nobody traces */
	uv_timer_t heartbeat;
	uint64_t last_seq;
	/* learnt from events of type "reload" */
	uint64_t reloads_ok, reloads_failed;
	time_t last_reload;	/* that succeeded; 0: none yet */
	char reload_error[256]; /* of the last one, "" if it succeeded */
};

struct api_request;
typedef void (*api_fn)(struct api_request *r);

struct api_route {
	const char *method,
		*path;	 /* a segment "*" is a name; "**" at the end is all that is left */
	size_t max_body; /* 0: a body is refused */
	api_fn fn;
};

struct api_request {
	struct api *api;
	struct MHD_Connection *conn;
	const struct api_route *route;
	char name[API_PATH_NAMES][SL_NAME_LEN]; /* the "*" of the route */
	char rest[API_REST_LEN];		/* its "**" */
	char *body;
	size_t len, cap;
	/* the reply */
	unsigned int status;
	cJSON *json;
	char *text; /* instead of @json */
	size_t text_len;
	struct MHD_Response *response; /* instead of both */
	char allow[64];
};

/* Answer with @json, which belongs to the request then; NULL: out of memory. */
void api_reply(struct api_request *r, unsigned int status, cJSON *json);
void api_fail(struct api_request *r, unsigned int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Answer with what a daemon_*() function returned: @ok with @json where it is
 * not NULL, or the status that fits @err with @why. Consumes @json.
 */
void api_result(struct api_request *r, int err, const struct config_error *why, unsigned int ok,
		cJSON *json);

/* The request's body as JSON, the caller's to free; NULL: it has been answered. */
cJSON *api_body(struct api_request *r);

/* Query parameters. False: the parameter is malformed, and has been answered. */
bool api_query_u64(struct api_request *r, const char *name, uint64_t min, uint64_t max,
		   uint64_t *io);
const char *api_query(struct api_request *r, const char *name);

/* The object that the path names; NULL: it is not there, and has been answered. */
struct live_service *api_service(struct api_request *r);
struct live_instance *api_instance(struct api_request *r);
const struct model_tenant *api_tenant(struct api_request *r);

/* A list of names for an error: few are told, of many the number. */
struct api_names {
	char text[512];
	size_t len, n, told;
};
void api_names_add(struct api_names *l, const char *name);
const char *api_names_end(struct api_names *l);

/* -- JSON -- */
void json_u64(cJSON *to, const char *name, uint64_t value); /* exact, also over 2^53 */
void json_str(cJSON *to, const char *name, const char *value);
cJSON *json_obj(cJSON *to, const char *name);
cJSON *json_arr(cJSON *to, const char *name);
void json_addr(cJSON *to, const char *name, const struct sl_addr *addr);
void json_event(cJSON *to, const struct event *ev);

extern const char *const reason_labels[SL_R__MAX];
extern const char *const reason_texts[SL_R__MAX];
extern const uint8_t reason_groups[SL_R__MAX]; /* enum sl_reason_group */
extern const char *const group_labels[SL_G__MAX];
extern const char *const note_labels[SL_N__MAX];
extern const char *const note_texts[SL_N__MAX];
extern const char *const kind_labels[SL_K__MAX];
extern const char *const quota_labels[SL_Q__MAX];
const char *link_mode_label(enum link_mode mode);
const char *hop_label(enum neigh_hop_state hop);
const char *origin_label(enum live_origin origin);
const char *admin_label(enum model_admin admin);

/* -- handlers, by file -- */
/* api_allow.c: what is limited, in the words of a configuration; and of a pool its front, of a
 * front its routes.
 */
void api_add_allow(const struct model_tenant *t, cJSON *to);
void api_add_routes(const struct model_service *s, cJSON *to);

void api_get_status(struct api_request *r); /* api_status.c */
void api_get_reasons(struct api_request *r);
void api_get_doctor(struct api_request *r);
void api_delete_link(struct api_request *r);
void api_get_services(struct api_request *r); /* api_service.c */
void api_get_service(struct api_request *r);
void api_get_instances(struct api_request *r);
void api_get_instance(struct api_request *r);
void api_post_instance(struct api_request *r);
void api_patch_instance(struct api_request *r);
void api_delete_instance(struct api_request *r);
void api_get_tenants(struct api_request *r); /* api_tenant.c */
void api_get_tenant(struct api_request *r);
void api_patch_tenant(struct api_request *r);
void api_get_top(struct api_request *r);
void api_get_responses(struct api_request *r); /* api_response.c */
void api_put_response(struct api_request *r);
void api_delete_response(struct api_request *r);
void api_get_devices(struct api_request *r); /* api_devices.c */
void api_get_config(struct api_request *r);  /* api_config.c */
void api_put_config(struct api_request *r);
void api_check(struct api_request *r);
void api_reload(struct api_request *r);
void api_get_events(struct api_request *r);  /* api_events.c */
void api_get_metrics(struct api_request *r); /* metrics.c */

/* -- server-sent events: api_events.c -- */
int api_events_open(struct api *a);
void api_events_close(struct api *a); /* every stream is resumed and ends */

/* -- doctor.c: an array of checks -- */
void doctor_run(struct daemon *d, cJSON *checks);

/* -- live headers: api_trace.c -- */
void api_get_trace(struct api_request *r);
void api_delete_trace(struct api_request *r);
void api_trace_close(struct api *a); /* it ends, and sampling is as configured */

#endif /* SL_API_H */
