// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A server's life between its two hooks, see scaling.h. Everything is moved on by
 * servers_tick(); callbacks only note what they heard.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "scaling.h"
#include "../common/addr.h"
#include "../common/num.h"

enum {
	MAX_HOOKS = 8,	  /* at once; the others wait */
	PROVE_S = 60,	  /* for a new server to answer probes */
	DOWN_RETRY_S = 5, /* doubled each time, up to DOWN_RETRY_MAX_S */
	DOWN_RETRY_MAX_S = 300,
	NAME_PREFIX_MAX = SL_NAME_LEN - 1 - 16, /* leaves room for "-auto-" and a number */
};

#define about(srv, what) \
	((struct event_about){ .type = (what), .service = (srv)->service, .instance = (srv)->name })

/* -- finding -- */

struct scale_server *server_find(const struct scaling *s, const char *service, const char *name)
{
	struct scale_server *srv;

	for (srv = TAILQ_FIRST(&s->servers); srv; srv = TAILQ_NEXT(srv, link))
		if (!strcmp(srv->service, service) && !strcmp(srv->name, name))
			return srv;
	return NULL;
}

struct live_instance *server_instance(const struct scale_server *srv)
{
	struct live_service *svc = registry_service(srv->scaling->d->registry, srv->service);

	return svc ? registry_instance(svc, srv->name) : NULL;
}

uint32_t servers_starting(const struct scaling *s, const char *service)
{
	const struct scale_server *srv;
	uint32_t n = 0;

	for (srv = TAILQ_FIRST(&s->servers); srv; srv = TAILQ_NEXT(srv, link))
		n += (srv->state == SERVER_STARTING || srv->state == SERVER_PROVING) &&
		     !strcmp(srv->service, service);
	return n;
}

/* The service, if it is in force and scaled by a hook; NULL otherwise. */
static struct live_service *scaled_service(const struct scale_server *srv)
{
	struct live_service *svc = registry_service(srv->scaling->d->registry, srv->service);

	return svc && svc->model && !svc->leaving && svc->model->scaling.present ? svc : NULL;
}

/* -- making -- */

static struct scale_server *server_alloc(struct scaling *s, const char *service, const char *name,
					 const char *exec)
{
	struct scale_server *srv = calloc(1, sizeof(*srv));

	if (!srv)
		return NULL;
	srv->scaling = s;
	snprintf(srv->service, sizeof(srv->service), "%s", service);
	snprintf(srv->name, sizeof(srv->name), "%s", name);
	srv->exec = strdup(exec ? exec : "");
	if (!srv->exec) {
		free(srv);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&s->servers, srv, link);
	s->unsaved = true;
	return srv;
}

struct scale_server *server_new(struct scaling *s, const struct live_service *svc)
{
	char name[SL_NAME_LEN];
	uint32_t n = 0;

	/* The lowest number that nobody has, those that still drain included. */
	do
		snprintf(name, sizeof(name), "%.*s-auto-%u", NAME_PREFIX_MAX, svc->name, ++n);
	while (server_find(s, svc->name, name) ||
	       registry_instance((struct live_service *)svc, name));
	return server_alloc(s, svc->name, name, svc->model->scaling.exec);
}

void server_free(struct scale_server *srv)
{
	int pid = hook_pid(srv->hook);

	hook_abandon(srv->hook);
	if (pid)
		log_warn("service %s, instance %s: hook %s (process %d) still runs and is left to "
			 "itself: a daemon that starts before it ends waits for it",
			 srv->service, srv->name, srv->exec, pid);
	probe_cancel(srv->probe);
	TAILQ_REMOVE(&srv->scaling->servers, srv, link);
	free(srv->exec);
	free(srv);
}

static void server_enter(struct scale_server *srv, enum server_state state)
{
	srv->state = state;
	srv->scaling->unsaved = true;
}

/* It never came to serve: stop what there may be of it, and start no other soon. */
static void server_give_up(struct scale_server *srv, const char *why)
{
	event_emit(srv->scaling->d->events, LOG_ERR, about(srv, "hook_failed"), "up: %s", why);
	scaler_up_failed(srv->scaling, srv->service);
	server_enter(srv, SERVER_STOPPING);
}

/* -- what hooks say -- */

static void on_up(void *arg, const struct hook_result *result)
{
	struct scale_server *srv = arg;
	struct scaling *s = srv->scaling;
	char why[HOOK_ERROR_MAX];

	srv->hook = NULL;
	s->hooks--;
	if (!result->ok && !result->timed_out) {
		/* It says itself that it started nothing, so nothing is to be stopped. */
		event_emit(s->d->events, LOG_ERR, about(srv, "hook_failed"), "up: %s %s", srv->exec,
			   result->why);
		scaler_up_failed(s, srv->service);
		s->unsaved = true;
		server_free(srv);
		return;
	}
	if (!result->ok) {
		server_give_up(srv, result->why);
		return;
	}
	if (hook_line_parse(result->out, result->len, &srv->addr, &srv->port, why)) {
		server_give_up(srv, why);
		return;
	}
	srv->proving_since_ns = daemon_now_ns();
	server_enter(srv, SERVER_PROVING);
}

static void on_down(void *arg, const struct hook_result *result)
{
	struct scale_server *srv = arg;
	struct scaling *s = srv->scaling;
	uint64_t wait_s = DOWN_RETRY_S;

	srv->hook = NULL;
	s->hooks--;
	if (result->ok) {
		event_emit(s->d->events, LOG_INFO, about(srv, "scale_down"), "stopped by %s",
			   srv->exec);
		s->unsaved = true;
		server_free(srv);
		return;
	}
	for (uint32_t i = 0; i < srv->down_failures && wait_s < DOWN_RETRY_MAX_S; i++)
		wait_s *= 2;
	if (wait_s > DOWN_RETRY_MAX_S)
		wait_s = DOWN_RETRY_MAX_S;
	srv->down_failures++;
	srv->not_before_ns = daemon_now_ns() + wait_s * NUM_NS_PER_S;
	event_emit(s->d->events, LOG_ERR, about(srv, "hook_failed"),
		   "down: %s %s: its server may still run; tried again in %us", srv->exec,
		   result->why, (unsigned int)wait_s);
}

/* -- the states -- */

static void tick_starting(struct scale_server *srv)
{
	struct scaling *s = srv->scaling;
	int err;

	if (!scaled_service(srv)) { /* gone before its hook ran */
		s->unsaved = true;
		server_free(srv);
		return;
	}
	if (s->hooks >= MAX_HOOKS)
		return;
	err = server_run_hook(srv, "up", on_up);
	if (!err)
		return;
	event_emit(s->d->events, LOG_ERR, about(srv, "hook_failed"),
		   "up: %s: %s: want an executable file", srv->exec, uv_strerror(err));
	scaler_up_failed(s, srv->service);
	s->unsaved = true;
	server_free(srv);
}

static void server_add(struct scale_server *srv, bool proven)
{
	struct daemon *d = srv->scaling->d;
	struct config_error error = { .text = "out of memory" };
	cJSON *o = cJSON_CreateObject();
	char text[ADDR_TEXT], why[HOOK_ERROR_MAX];
	struct live_instance *i;
	int err;

	cJSON_AddStringToObject(o, "name", srv->name);
	cJSON_AddStringToObject(o, "address", addr_text(&srv->addr, text));
	cJSON_AddNumberToObject(o, "port", srv->port);
	cJSON_AddNumberToObject(o, "weight", 100);
	err = daemon_instance_add(d, srv->service, o, ORIGIN_SCALING, &error);
	cJSON_Delete(o);
	if (err) {
		snprintf(why, sizeof(why), "%s: %.120s", text, error.text);
		server_give_up(srv, why);
		return;
	}

	server_enter(srv, SERVER_SERVING);
	scaler_up_done(srv->scaling, srv->service);
	i = server_instance(srv);
	if (i && proven)
		registry_set_health(d, i, HEALTH_UP, "answered before it was added");
}

static void on_proved(void *arg, const struct probe_result *result)
{
	struct scale_server *srv = arg;
	char why[HOOK_ERROR_MAX], text[ADDR_ENDPOINT_TEXT];

	srv->probe = NULL;
	if (srv->state != SERVER_PROVING)
		return;
	if (result->outcome == PROBE_OK) {
		srv->answered++;
		return;
	}
	srv->answered = 0;
	if (daemon_now_ns() - srv->proving_since_ns < PROVE_S * NUM_NS_PER_S)
		return;
	snprintf(why, sizeof(why), "%s did not answer probes within %us: %s",
		 addr_endpoint_text(&srv->addr, srv->port, text), PROVE_S, result->why);
	server_give_up(srv, why);
}

static void tick_proving(struct scale_server *srv, uint64_t now_ns)
{
	const struct live_service *svc = scaled_service(srv);
	const struct model_health *set = svc ? &svc->model->health : NULL;
	struct probe_target target = { .addr = srv->addr, .port = srv->port };

	if (server_instance(srv)) { /* a daemon before this one added it and was killed */
		server_enter(srv, SERVER_SERVING);
		return;
	}
	if (!svc) {
		server_give_up(srv, "its service is gone or no longer scaled");
		return;
	}
	if (!srv->proving_since_ns)
		srv->proving_since_ns = now_ns;
	if (set->probe == PROBE_NONE || srv->answered >= set->rise) {
		server_add(srv, set->probe != PROBE_NONE);
		return;
	}
	if (srv->probe)
		return;
	target.kind = set->probe;
	target.timeout_ns = set->timeout_ns;
	if (probe_start(&srv->scaling->d->loop, &target, on_proved, srv, &srv->probe))
		srv->probe = NULL; /* out of memory: the next tick tries again */
}

/* A server that probes have given up is drained, so that another can take its
 * place within max; its flows stay with it while they can.
 */
static void replace_dead(struct scale_server *srv, struct live_instance *i, uint64_t now_ns)
{
	const struct live_service *svc = scaled_service(srv);
	struct daemon *d = srv->scaling->d;
	struct config_error error = { .text = "" };
	uint64_t patience;

	if (!svc || i->health != HEALTH_DOWN || i->leaving || svc->below_min_healthy) {
		srv->down_since_ns = 0;
		return;
	}
	if (!srv->down_since_ns)
		srv->down_since_ns = now_ns;
	patience = svc->model->scaling.down_after_ns;
	if (now_ns - srv->down_since_ns < patience || !svc->model->scaling.exec)
		return;

	srv->down_since_ns = now_ns; /* not again each tick if it cannot be removed */
	event_emit(d->events, LOG_WARN, about(srv, "scale_down"),
		   "its probes have failed for %us: drained, so that another can take its place",
		   (unsigned int)(patience / NUM_NS_PER_S));
	if (daemon_instance_remove(d, srv->service, srv->name, false, &error))
		log_err("service %s, instance %s: %s", srv->service, srv->name, error.text);
}

static void tick_serving(struct scale_server *srv, uint64_t now_ns)
{
	struct live_instance *i = server_instance(srv);

	if (i)
		replace_dead(srv, i, now_ns);
	else
		server_enter(srv, SERVER_STOPPING);
}

/* The hook of today where there is one: an administrator may have mended it. */
static int refresh_exec(struct scale_server *srv)
{
	const struct live_service *svc = scaled_service(srv);
	const char *now = svc ? svc->model->scaling.exec : NULL;
	char *copy;

	if (!now || !strcmp(now, srv->exec))
		return 0;
	copy = strdup(now);
	if (!copy)
		return -ENOMEM;
	free(srv->exec);
	srv->exec = copy;
	srv->scaling->unsaved = true;
	return 0;
}

/* A hook of a daemon before this one may run still, and start or stop the very
 * server: let it end, as long as it would have had.
 */
static bool orphan_runs(struct scale_server *srv, uint64_t now_ns)
{
	if (!srv->orphan_pid)
		return false;
	if (!srv->orphan_until_ns)
		srv->orphan_until_ns = now_ns + HOOK_TIMEOUT_MS * NUM_NS_PER_MS;
	if (now_ns < srv->orphan_until_ns && !kill(srv->orphan_pid, 0))
		return true;
	srv->orphan_pid = 0;
	return false;
}

static void tick_stopping(struct scale_server *srv, uint64_t now_ns)
{
	struct scaling *s = srv->scaling;
	int err;

	if (now_ns < srv->not_before_ns || s->hooks >= MAX_HOOKS || orphan_runs(srv, now_ns) ||
	    refresh_exec(srv))
		return;
	if (!srv->exec[0]) {
		event_emit(s->d->events, LOG_WARN, about(srv, "scale_down"),
			   "drained, but there is no exec hook: stop its server yourself");
		s->unsaved = true;
		server_free(srv);
		return;
	}
	err = server_run_hook(srv, "down", on_down);
	if (!err)
		return;
	srv->not_before_ns = now_ns + DOWN_RETRY_MAX_S * NUM_NS_PER_S;
	event_emit(s->d->events, LOG_ERR, about(srv, "hook_failed"),
		   "down: %s: %s: want an executable file; tried again in %us", srv->exec,
		   uv_strerror(err), DOWN_RETRY_MAX_S);
}

/* Instances of scaling's origin that the state file did not know. */
static void adopt_servers(struct scaling *s)
{
	for (struct live_service *svc = registry_services(s->d->registry); svc; svc = svc->next) {
		const char *exec = svc->model ? svc->model->scaling.exec : NULL;

		for (struct live_instance *i = svc->instances; i; i = i->next) {
			struct scale_server *srv;

			if (i->origin != ORIGIN_SCALING || server_find(s, svc->name, i->name))
				continue;
			srv = server_alloc(s, svc->name, i->name, exec);
			if (!srv)
				return; /* out of memory: the next tick tries again */
			srv->state = SERVER_SERVING;
			srv->addr = i->addr;
			srv->port = i->port;
		}
	}
}

void servers_tick(struct scaling *s, uint64_t now_ns)
{
	struct scale_server *srv, *next;

	adopt_servers(s);
	if (s->unsaved) /* before any hook runs */
		scale_state_save(s);
	for (srv = TAILQ_FIRST(&s->servers); srv; srv = next) {
		next = TAILQ_NEXT(srv, link);
		if (srv->hook)
			continue;
		switch (srv->state) {
		case SERVER_STARTING:
			tick_starting(srv);
			break;
		case SERVER_PROVING:
			tick_proving(srv, now_ns);
			break;
		case SERVER_SERVING:
			tick_serving(srv, now_ns);
			break;
		case SERVER_STOPPING:
			tick_stopping(srv, now_ns);
			break;
		}
	}
	if (s->unsaved)
		scale_state_save(s);
}
