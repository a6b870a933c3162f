// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The control API: which path is answered by what, and its life. docs/api.md. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include "../common/cleanup.h"
#include "api.h"
#include "api_request.h"
#include "http.h"

/* clang-format off */
static const struct api_route routes[] = {
	{ "GET",    "/v1/status",                  0,              api_get_status },
	{ "GET",    "/v1/services",                0,              api_get_services },
	{ "GET",    "/v1/services/*",              0,              api_get_service },
	{ "GET",    "/v1/services/*/instances",    0,              api_get_instances },
	{ "POST",   "/v1/services/*/instances",    API_SMALL_BODY, api_post_instance },
	{ "GET",    "/v1/services/*/instances/*",  0,              api_get_instance },
	{ "PATCH",  "/v1/services/*/instances/*",  API_SMALL_BODY, api_patch_instance },
	{ "DELETE", "/v1/services/*/instances/*",  0,              api_delete_instance },
	{ "GET",    "/v1/tenants",                 0,              api_get_tenants },
	{ "GET",    "/v1/tenants/*",               0,              api_get_tenant },
	{ "GET",    "/v1/tenants/*/devices",       0,              api_get_devices },
	{ "PATCH",  "/v1/tenants/*",               API_SMALL_BODY, api_patch_tenant },
	{ "GET",    "/v1/tenants/*/responses",     0,              api_get_responses },
	{ "PUT",    "/v1/tenants/*/responses/**",  API_SMALL_BODY, api_put_response },
	{ "DELETE", "/v1/tenants/*/responses/**",  0,              api_delete_response },
	{ "GET",    "/v1/top",                     0,              api_get_top },
	{ "GET",    "/v1/reasons",                 0,              api_get_reasons },
	{ "GET",    "/v1/events",                  0,              api_get_events },
	{ "GET",    "/v1/trace",                   0,              api_get_trace },
	{ "DELETE", "/v1/trace",                   0,              api_delete_trace },
	{ "GET",    "/v1/config",                  0,              api_get_config },
	{ "PUT",    "/v1/config",                  API_MAX_BODY,   api_put_config },
	{ "POST",   "/v1/check",                   API_MAX_BODY,   api_check },
	{ "POST",   "/v1/reload",                  API_SMALL_BODY, api_reload },
	{ "GET",    "/v1/doctor",                  0,              api_get_doctor },
	{ "DELETE", "/v1/links/*",                 0,              api_delete_link },
	{ "GET",    "/metrics",                    0,              api_get_metrics },
	{}
};
/* clang-format on */

static enum MHD_Result on_control(void *arg, struct MHD_Connection *conn, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **state)
{
	struct api_call call = {
		.api = arg, .conn = conn, .routes = routes, .url = url, .method = method
	};

	(void)version;
	return api_request_step(&call, data, size, state);
}

static enum MHD_Result on_metrics(void *arg, struct MHD_Connection *conn, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **state)
{
	static const struct api_route only[] = { { "GET", "/metrics", 0, api_get_metrics }, {} };
	struct api_call call = {
		.api = arg, .conn = conn, .routes = only, .url = url, .method = method
	};

	(void)version;
	return api_request_step(&call, data, size, state);
}

static void on_done(void *arg, struct MHD_Connection *conn, void **state,
		    enum MHD_RequestTerminationCode why)
{
	(void)conn;
	(void)why;
	api_request_free(arg, *state);
	*state = NULL;
}

static int serve(struct api *a, int fd, MHD_AccessHandlerCallback handler, struct http **ret)
{
	struct http_opts opts = { .loop = &a->d->loop,
				  .connections = API_CONNECTIONS,
				  .timeout_s = API_TIMEOUT_S,
				  .handler = handler,
				  .done = on_done,
				  .arg = a };

	return http_open(&opts, fd, ret);
}

/* Reloads are counted by their events, so that it does not matter who asked. */
static void on_event(void *arg, const struct event *ev)
{
	struct api *a = arg;

	a->last_seq = ev->seq;
	if (strcmp(ev->type, "reload"))
		return;
	if (ev->level == LOG_ERR) {
		a->reloads_failed++;
		snprintf(a->reload_error, sizeof(a->reload_error), "%s", ev->text);
		return;
	}
	a->reloads_ok++;
	a->last_reload = ev->time.tv_sec;
	a->reload_error[0] = '\0';
}

static int listen_events(struct api *a)
{
	const struct event *ev;

	/* What the daemon said before this part was open. */
	while ((ev = events_after(a->d->events, a->last_seq)))
		on_event(a, ev);
	return events_listen(a->d->events, on_event, a);
}

/* Other address: listen there first, and only then give up the old one. */
static int metrics_move(struct api *a, const char *where, struct config_error *reterr)
{
	char why[HTTP_ERROR_LEN];
	struct http *h = NULL;
	char *copy = NULL;
	int fd, err = 0;

	if (where) {
		fd = http_listen_tcp(where, why);
		if (fd < 0) {
			snprintf(reterr->text, sizeof(reterr->text), "metrics.listen: %s", why);
			return fd;
		}
		copy = strdup(where);
		err = serve(a, fd, on_metrics, &h);
		if (!err && !copy)
			err = -ENOMEM;
	}
	if (err) {
		http_close(h);
		free(copy);
		snprintf(reterr->text, sizeof(reterr->text), "metrics.listen: %s: %s", where,
			 strerror(-err));
		return err;
	}
	http_close(a->metrics);
	free(a->metrics_listen);
	a->metrics = h;
	a->metrics_listen = copy;
	return 0;
}

void api_update(struct api *a)
{
	const char *want = a && a->d->model ? a->d->model->metrics_listen : NULL;
	struct config_error why;

	if (!a || (!want && !a->metrics_listen) ||
	    (want && a->metrics_listen && !strcmp(want, a->metrics_listen)))
		return;
	if (metrics_move(a, want, &why))
		event_emit(a->d->events, LOG_ERR, (struct event_about){ .type = "metrics" }, "%s%s",
			   why.text, a->metrics ? "; still served where it was" : "");
}

int api_open(struct daemon *d, struct api **ret, struct config_error *reterr)
{
	struct api *a = calloc(1, sizeof(*a));
	char why[HTTP_ERROR_LEN] = "no memory";
	int fd, err;

	if (!a)
		return -ENOMEM;
	a->d = d;
	signal(SIGPIPE, SIG_IGN); /* a client that went away is an error code, not a death */

	err = api_events_open(a);
	if (err) {
		free(a);
		return err;
	}
	fd = http_listen_unix(d->socket_path, why);
	err = fd < 0 ? fd : serve(a, fd, on_control, &a->control);
	if (!err)
		err = listen_events(a);
	if (err) {
		snprintf(reterr->text, sizeof(reterr->text), "control socket: %s",
			 fd < 0 ? why : strerror(-err));
		api_close(a);
		return err;
	}
	api_update(a);
	*ret = a;
	return 0;
}

static void free_api(uv_handle_t *heartbeat)
{
	free(heartbeat->data);
}

void api_close(struct api *a)
{
	if (!a)
		return;
	events_unlisten(a->d->events, on_event, a);
	api_events_close(a);
	api_trace_close(a);
	if (a->control)
		unlink(a->d->socket_path);
	http_close(a->control);
	http_close(a->metrics);
	free(a->metrics_listen);
	uv_close((uv_handle_t *)&a->heartbeat, free_api);
}
