// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* When to scale: once a second each scaled service's load is read, plan/scale.c
 * decides, and servers are started or instances drained. See scaling.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "scaling.h"
#include "../common/cleanup.h"
#include "../common/num.h"

enum {
	TICK_MS = 250, /* servers are moved on */
	TICKS_PER_DECISION = 4,
	BACKOFF_S = 5, /* after a failed `up` hook; doubled each time, up to BACKOFF_MAX_S */
	BACKOFF_MAX_S = 300,
};

#define AVERAGE_NS    (3 * NUM_NS_PER_S)  /* time constant of the load's average */
#define TELL_EVERY_NS (10 * NUM_NS_PER_S) /* at most, why nothing is done */

static const char *const unit_text[SL_Q__MAX] = {
	[SL_Q_PACKETS] = "packets",
	[SL_Q_BYTES] = "bytes",
	[SL_Q_MESSAGES] = "messages",
	[SL_Q_CONNECTIONS] = "new connections",
};

/* -- scalers -- */

struct scaler *scaler_find(const struct scaling *s, const char *service)
{
	for (struct scaler *sc = s->scalers; sc; sc = sc->next)
		if (!strcmp(sc->service, service))
			return sc;
	return NULL;
}

static struct scaler *scaler_new(struct scaling *s, const char *service)
{
	struct scaler *sc = calloc(1, sizeof(*sc));

	if (!sc)
		return NULL;
	sc->counters = service_load_new();
	if (!sc->counters) {
		free(sc);
		return NULL;
	}
	snprintf(sc->service, sizeof(sc->service), "%s", service);
	sc->figures.why = "no figures yet";
	sc->next = s->scalers;
	s->scalers = sc;
	return sc;
}

static void scaler_free(struct scaler *sc)
{
	service_load_free(sc->counters);
	free(sc);
}

void scaler_up_failed(struct scaling *s, const char *service)
{
	struct scaler *sc = scaler_find(s, service);
	uint64_t wait_s = BACKOFF_S;

	if (!sc)
		return;
	for (uint32_t i = 0; i < sc->up_failures && wait_s < BACKOFF_MAX_S; i++)
		wait_s *= 2;
	if (wait_s > BACKOFF_MAX_S)
		wait_s = BACKOFF_MAX_S;
	sc->up_failures++;
	sc->backoff_until_ns = daemon_now_ns() + wait_s * NUM_NS_PER_S;
}

void scaler_up_done(struct scaling *s, const char *service)
{
	struct scaler *sc = scaler_find(s, service);

	if (!sc)
		return;
	sc->up_failures = 0;
	sc->backoff_until_ns = 0;
}

/* One scaler for each service that is scaled, and none for others. */
static void match_scalers(struct scaling *s)
{
	struct scaler **at = &s->scalers;

	for (struct scaler *sc = s->scalers; sc; sc = sc->next)
		sc->seen = false;
	for (struct live_service *svc = registry_services(s->d->registry); svc; svc = svc->next) {
		struct scaler *sc = NULL;

		if (svc->model && !svc->leaving && svc->model->scaling.present) {
			sc = scaler_find(s, svc->name);
			if (!sc)
				sc = scaler_new(s, svc->name);
		}
		if (sc)
			sc->seen = true;
		svc->scaler = sc;
	}
	while (*at) {
		struct scaler *sc = *at;

		if (sc->seen) {
			at = &sc->next;
			continue;
		}
		*at = sc->next;
		scaler_free(sc);
	}
}

/* -- what to do -- */

static void tell(struct scaling *s, struct scaler *sc, enum log_level level, const char *why,
		 uint64_t now_ns)
{
	const struct event_about about = { .type = "scale_hold", .service = sc->service };

	if (sc->told_why && (!strcmp(sc->told_why, why) || now_ns - sc->told_ns < TELL_EVERY_NS))
		return;
	event_emit(s->d->events, level, about, "%s: load %.0f a second, %u wanted, %u there", why,
		   sc->load.value, sc->figures.desired, sc->figures.have);
	sc->told_why = why;
	sc->told_ns = now_ns;
}

static void tell_change(struct scaling *s, const struct scaler *sc, const struct live_service *svc,
			const char *type, const char *instance, const char *what)
{
	const struct model_scaling *set = &svc->model->scaling;
	const struct event_about about = {
		.type = type,
		.service = svc->name,
		.instance = instance,
	};

	event_emit(s->d->events, LOG_INFO, about,
		   "%s: load %.0f %s a second, target %.0f an instance: %u wanted, %u there; %s",
		   sc->figures.why, sc->load.value, unit_text[service_load_unit(set)],
		   set->target_rate, sc->figures.desired, sc->figures.have, what);
}

/* Without a hook somebody else starts and stops servers: tell each wish once. */
static void tell_wish(struct scaling *s, struct scaler *sc, const struct live_service *svc,
		      const char *type)
{
	if (sc->told_desired == sc->figures.desired && sc->told_have == sc->figures.have)
		return;
	tell_change(s, sc, svc, type, NULL, "no exec hook, so nothing is done");
	sc->told_desired = sc->figures.desired;
	sc->told_have = sc->figures.have;
}

/* Servers that run and are meant to, whether probes like them or not. */
static uint32_t running(const struct live_service *svc)
{
	uint32_t n = 0;

	for (const struct live_instance *i = svc->instances; i; i = i->next)
		n += !i->leaving && i->admin == ADMIN_UP;
	return n;
}

static uint32_t taking_flows(const struct live_service *svc)
{
	uint32_t n = 0;

	for (const struct live_instance *i = svc->instances; i; i = i->next)
		n += instance_takes_flows(i);
	return n;
}

/* Returns NULL, or why it is not done. */
static const char *scale_up(struct scaling *s, struct scaler *sc, struct live_service *svc,
			    uint32_t count, uint64_t now_ns)
{
	uint32_t there = running(svc) + sc->figures.starting;
	uint32_t room = svc->model->scaling.max > there ? svc->model->scaling.max - there : 0;

	if (!svc->model->scaling.exec) {
		tell_wish(s, sc, svc, "scale_up");
		return NULL;
	}
	if (now_ns < sc->backoff_until_ns)
		return "waiting after a failed hook";
	if (!room)
		return "at max, of which some are down";

	for (uint32_t i = 0; i < count && i < room; i++) {
		struct scale_server *srv = server_new(s, svc);

		if (!srv)
			return "out of memory";
		tell_change(s, sc, svc, "scale_up", srv->name, "starting it");
	}
	return NULL;
}

/* What to stop next: of the servers that scaling started one that is down
 * anyhow, else the newest. NULL: there is none.
 */
static struct live_instance *pick_victim(const struct scaling *s, const struct live_service *svc)
{
	struct live_instance *best = NULL;
	struct scale_server *srv;

	for (srv = TAILQ_LAST(&s->servers, scale_servers); srv;
	     srv = TAILQ_PREV(srv, scale_servers, link)) {
		struct live_instance *i;

		if (srv->state != SERVER_SERVING || strcmp(srv->service, svc->name))
			continue;
		i = server_instance(srv);
		if (!i || i->leaving || i->origin != ORIGIN_SCALING || i->admin != ADMIN_UP)
			continue;
		if (!instance_takes_flows(i))
			return i;
		if (!best)
			best = i;
	}
	return best;
}

static const char *scale_down(struct scaling *s, struct scaler *sc, struct live_service *svc,
			      uint32_t count)
{
	if (!svc->model->scaling.exec) {
		tell_wish(s, sc, svc, "scale_down");
		return NULL;
	}
	if (sc->figures.starting)
		return "one is being started";
	if (!pick_victim(s, svc))
		return "no instance that scaling started";

	while (count--) {
		struct live_instance *i = pick_victim(s, svc);
		struct config_error error = { .text = "" };
		char name[SL_NAME_LEN];

		if (!i)
			break;
		snprintf(name, sizeof(name), "%s", i->name);
		tell_change(s, sc, svc, "scale_down", name, "draining it");
		if (daemon_instance_remove(s->d, svc->name, name, false, &error)) {
			log_err("service %s, instance %s: %s", svc->name, name, error.text);
			return "an instance could not be drained";
		}
	}
	return NULL;
}

static void decide(struct scaling *s, struct scaler *sc, struct live_service *svc, uint64_t now_ns)
{
	const struct model_scaling *set = &svc->model->scaling;
	struct scale_state state = sc->state;
	struct scaling_figures *f = &sc->figures;
	struct scale_decision decision;
	const char *refused = NULL;

	f->starting = servers_starting(s, svc->name);
	f->have = taking_flows(svc) + f->starting;
	f->min = set->min;
	f->max = set->max;
	if (!sc->load.primed)
		return;
	f->load = sc->load.value;
	f->offered = sc->offered.value;

	decision = scale_decide(set, &state, f->load, f->have, now_ns);
	f->desired = decision.desired;
	f->why = decision.why;
	if (decision.action == SCALE_UP)
		refused = scale_up(s, sc, svc, decision.count, now_ns);
	else if (decision.action == SCALE_DOWN)
		refused = scale_down(s, sc, svc, decision.count);

	/* What was not done must start no cooldown. */
	if (!refused)
		sc->state = state;
	else
		f->why = refused;
	if (refused)
		tell(s, sc, LOG_WARN, refused, now_ns);
	else if (decision.action == SCALE_HOLD)
		tell(s, sc, LOG_DEBUG, decision.why, now_ns);
}

/* -- once a second -- */

static void read_load(struct scaling *s, struct scaler *sc, const struct live_service *svc,
		      const struct stats_tally *tallies, size_t n, uint64_t now_ns)
{
	struct load_rates rates;
	uint64_t dt_ns;

	if (service_load_read(sc->counters, s->d, svc, tallies, n, s->accounts_changed, now_ns,
			      &rates, &dt_ns))
		return;
	load_average_add(&sc->load, rates.load, dt_ns, AVERAGE_NS);
	load_average_add(&sc->offered, rates.offered, dt_ns, AVERAGE_NS);
}

static void decide_all(struct scaling *s, uint64_t now_ns)
{
	sl_autofree struct stats_tally *tallies = NULL;
	size_t n = 0;

	match_scalers(s);
	if (!s->scalers)
		return;
	if (stats_tallies(s->d->dp, &tallies, &n))
		return; /* out of memory: the next second's difference covers this one too */

	/* A decision changes instances, never services, so the list holds still. */
	for (struct live_service *svc = registry_services(s->d->registry); svc; svc = svc->next) {
		if (!svc->scaler)
			continue;
		read_load(s, svc->scaler, svc, tallies, n, now_ns);
		decide(s, svc->scaler, svc, now_ns);
	}
	s->accounts_changed = false;
}

static void on_tick(uv_timer_t *timer)
{
	struct scaling *s = timer->data;
	uint64_t now_ns;

	if (!s->d->ready) /* what the registry lacks now may come with the first configuration */
		return;
	now_ns = daemon_now_ns();
	servers_tick(s, now_ns);
	if (s->ticks++ % TICKS_PER_DECISION == 0)
		decide_all(s, now_ns);
}

/* -- the part -- */

int scaling_open(struct daemon *d, struct scaling **ret)
{
	struct scaling *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->d = d;
	s->accounts_changed = true;
	TAILQ_INIT(&s->servers);
	s->timer = calloc(1, sizeof(*s->timer));
	if (!s->timer || (d->state_path && asprintf(&s->path, "%s.hooks", d->state_path) < 0)) {
		free(s->timer);
		free(s);
		return -ENOMEM;
	}

	scale_state_load(s);
	uv_timer_init(&d->loop, s->timer);
	s->timer->data = s;
	uv_timer_start(s->timer, on_tick, TICK_MS, TICK_MS);
	*ret = s;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void scaling_close(struct scaling *s)
{
	struct scaler *sc, *next;

	if (!s)
		return;
	if (s->unsaved)
		scale_state_save(s);
	while (!TAILQ_EMPTY(&s->servers))
		server_free(TAILQ_FIRST(&s->servers));
	for (sc = s->scalers; sc; sc = next) {
		next = sc->next;
		scaler_free(sc);
	}
	uv_close((uv_handle_t *)s->timer, on_timer_closed);
	free(s->path);
	free(s);
}

void scaling_update(struct scaling *s)
{
	if (s)
		s->accounts_changed = true;
}

bool scaling_figures(const struct scaling *s, const struct live_service *svc,
		     struct scaling_figures *ret)
{
	const struct scaler *sc = s ? scaler_find(s, svc->name) : NULL;

	if (!sc || svc->leaving)
		return false;
	*ret = sc->figures;
	return true;
}
