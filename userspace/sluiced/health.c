// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who is probed, when, and what follows. Targets are keyed by (service id,
 * instance id, generation), and their instance is looked up at each use: the
 * registry may free it at any time between two callbacks. Nothing but
 * health_update() and health_close() ends a target, so that a live instance's
 * .probe is always NULL or a living target.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include "daemon.h"
#include "health.h"
#include "../common/log.h"
#include "../common/num.h"
#include "../plan/probe_rule.h"

enum {
	/* Each costs a descriptor; at this number and a timeout of a second, a pool
	 * that is dead as a whole is still probed 512 times a second.
	 */
	MAX_OUTSTANDING = 512,
	MAX_UPDATES = 8, /* of one call, see health_update() */
};

struct target {
	TAILQ_ENTRY(target) all, waiting;
	struct health *health;
	uint16_t service, instance, generation;
	struct probe_target what;
	uint64_t interval_ns;
	uint32_t rise, fall;
	uv_timer_t timer;
	struct probe_run *run;
	uint64_t begun_ns;
	bool queued, seen;
	struct probe_counts counts;
	uint32_t nobody; /* probes in a row that said so */
	struct health_info info;
};

TAILQ_HEAD(target_list, target);

struct health {
	struct daemon *d;
	struct target **by_id; /* [SL_MAX_INSTANCES] */
	struct target_list all;
	struct target_list waiting; /* due, but too many are under way */
	uint32_t targets, outstanding;
	uint64_t rng;
	bool updating, again;
};

static void target_launch(struct target *t);

static struct live_instance *target_instance(const struct target *t)
{
	struct live_instance *i = registry_instance_by_id(t->health->d->registry, t->instance);

	if (!i || i->generation != t->generation || i->leaving || i->service->id != t->service)
		return NULL;
	return i;
}

static void on_due(uv_timer_t *timer)
{
	struct target *t = timer->data;

	if (t->health->outstanding < MAX_OUTSTANDING) {
		target_launch(t);
	} else if (!t->queued) {
		t->queued = true;
		TAILQ_INSERT_TAIL(&t->health->waiting, t, waiting);
	}
}

static void target_arm(struct target *t, uint64_t delay_ns)
{
	uv_timer_start(&t->timer, on_due, delay_ns / NUM_NS_PER_MS, 0);
}

/* The next probe, counted from the start of the last one. */
static void target_arm_next(struct target *t, enum probe_pace pace)
{
	uint64_t delay = probe_rule_delay(&t->health->rng, t->interval_ns, pace);
	uint64_t spent = uv_hrtime() - t->begun_ns;

	target_arm(t, delay > spent ? delay - spent : NUM_NS_PER_MS);
}

static void launch_waiting(struct health *h)
{
	while (h->outstanding < MAX_OUTSTANDING && !TAILQ_EMPTY(&h->waiting)) {
		struct target *t = TAILQ_FIRST(&h->waiting);

		TAILQ_REMOVE(&h->waiting, t, waiting);
		t->queued = false;
		target_launch(t);
	}
}

static enum probe_verdict view_of(enum live_health health)
{
	switch (health) {
	case HEALTH_UP:
		return PROBE_VERDICT_UP;
	case HEALTH_DOWN:
		return PROBE_VERDICT_DOWN;
	case HEALTH_UNKNOWN:
		break;
	}
	return PROBE_VERDICT_NONE;
}

/* Keep what the probe said; a change of health, if it makes one. */
static enum probe_verdict target_judge(struct target *t, const struct probe_result *result,
				       enum probe_verdict view)
{
	bool ok = result->outcome == PROBE_OK;
	enum probe_verdict verdict;

	snprintf(t->info.why, sizeof(t->info.why), "%s", result->why);
	t->info.probed_ns = daemon_now_ns();
	if (result->outcome == PROBE_UNDECIDED)
		return PROBE_VERDICT_NONE;

	if (ok)
		t->info.latency_ns = result->latency_ns;
	*(ok ? &t->info.total_ok : &t->info.total_failed) += 1;
	verdict = probe_rule_count(&t->counts, ok, view, t->rise, t->fall);
	if (verdict)
		t->info.since_ns = t->info.probed_ns;
	return verdict;
}

/* @decided: something is known of it. */
static enum probe_pace pace_after(const struct target *t, const struct probe_result *result,
				  bool decided)
{
	if (result->nobody && t->nobody < t->fall)
		return PROBE_PACE_REFUSED;
	return decided ? PROBE_PACE_NORMAL : PROBE_PACE_UNDECIDED;
}

static void on_probed(void *arg, const struct probe_result *result)
{
	struct target *t = arg;
	struct health *h = t->health;
	struct live_instance *i = target_instance(t);
	enum probe_verdict view, verdict;

	t->run = NULL;
	h->outstanding--;
	launch_waiting(h);
	if (!i)
		return; /* the next health_update() ends the target */

	view = view_of(i->health);
	verdict = target_judge(t, result, view);
	if (result->outcome != PROBE_UNDECIDED)
		t->nobody = result->nobody ? t->nobody + 1 : 0;
	target_arm_next(t, pace_after(t, result, view || verdict));
	/* Only of one that is down, or is told so below: nothing else takes it back. */
	if (t->nobody >= t->fall && result->nobody &&
	    (i->health == HEALTH_DOWN || verdict == PROBE_VERDICT_DOWN))
		registry_set_gone(h->d, i, result->why);

	/* Last: it may come back through health_update() and end any target. */
	if (verdict)
		registry_set_health(h->d, i, verdict == PROBE_VERDICT_UP ? HEALTH_UP : HEALTH_DOWN,
				    result->why);
}

static void target_launch(struct target *t)
{
	struct health *h = t->health;

	t->begun_ns = uv_hrtime();
	if (probe_start(&h->d->loop, &t->what, on_probed, t, &t->run)) {
		t->run = NULL;
		target_arm_next(t, PROBE_PACE_NORMAL);
		return;
	}
	h->outstanding++;
}

static void on_target_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Stop what is under way; the target stays. */
static void target_stop(struct target *t)
{
	if (t->run) {
		probe_cancel(t->run);
		t->run = NULL;
		t->health->outstanding--;
	}
	if (t->queued) {
		TAILQ_REMOVE(&t->health->waiting, t, waiting);
		t->queued = false;
	}
	uv_timer_stop(&t->timer);
}

static void target_close(struct target *t)
{
	struct health *h = t->health;
	struct live_instance *i = registry_instance_by_id(h->d->registry, t->instance);

	if (i && i->probe == t)
		i->probe = NULL;
	target_stop(t);
	h->by_id[t->instance] = NULL;
	h->targets--;
	TAILQ_REMOVE(&h->all, t, all);
	uv_close((uv_handle_t *)&t->timer, on_target_closed);
}

static struct target *target_new(struct health *h, const struct live_instance *i)
{
	struct target *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;

	t->health = h;
	t->service = i->service->id;
	t->instance = i->id;
	t->generation = i->generation;
	t->info.since_ns = daemon_now_ns();
	uv_timer_init(&h->d->loop, &t->timer);
	t->timer.data = t;
	h->by_id[i->id] = t;
	h->targets++;
	TAILQ_INSERT_TAIL(&h->all, t, all);
	return t;
}

/* Take settings over. Other ones begin anew: old counts say nothing of them. */
static void target_set(struct target *t, const struct live_instance *i,
		       const struct model_health *set)
{
	bool same = t->what.kind == set->probe && t->what.timeout_ns == set->timeout_ns &&
		    t->interval_ns == set->interval_ns && t->what.port == i->port;

	t->rise = set->rise;
	t->fall = set->fall;
	if (same)
		return;

	target_stop(t);
	t->what = (struct probe_target){
		.kind = set->probe,
		.addr = i->addr,
		.port = i->port,
		.timeout_ns = set->timeout_ns,
	};
	t->interval_ns = set->interval_ns;
	t->counts = (struct probe_counts){ 0 };
	t->nobody = 0;
	target_arm(t, probe_rule_stagger(&t->health->rng, t->interval_ns, t->health->targets));
}

static void update_instance(struct health *h, struct live_instance *i)
{
	const struct model_health *set = &i->service->model->health;
	struct target *t = h->by_id[i->id];

	i->probe = NULL;
	if (i->leaving || set->probe == PROBE_NONE)
		return;
	if (t && (t->generation != i->generation || t->service != i->service->id)) {
		target_close(t);
		t = NULL;
	}
	if (!t)
		t = target_new(h, i);
	if (!t) {
		log_err("service %s, instance %s: out of memory: it is not probed",
			i->service->name, i->name);
		return;
	}
	target_set(t, i, set);
	t->seen = true;
	i->probe = t;
}

/* An instance that was probed once must not stay down for ever without. */
static void forget_verdicts(struct daemon *d)
{
	for (struct live_service *s = registry_services(d->registry); s; s = s->next) {
		if (!s->model || s->model->health.probe != PROBE_NONE)
			continue;
		for (struct live_instance *i = s->instances; i; i = i->next)
			if (i->health != HEALTH_UNKNOWN && !i->leaving)
				registry_set_health(d, i, HEALTH_UNKNOWN, "no longer probed");
	}
}

static void update_once(struct health *h)
{
	struct target *t, *next;

	for (t = TAILQ_FIRST(&h->all); t; t = TAILQ_NEXT(t, all))
		t->seen = false;
	for (struct live_service *s = registry_services(h->d->registry); s; s = s->next) {
		if (!s->model)
			continue;
		for (struct live_instance *i = s->instances; i; i = i->next)
			update_instance(h, i);
	}
	for (t = TAILQ_FIRST(&h->all); t; t = next) {
		next = TAILQ_NEXT(t, all);
		if (!t->seen)
			target_close(t);
	}
	forget_verdicts(h->d);
	launch_waiting(h);
}

void health_update(struct health *h)
{
	if (!h)
		return;

	/* A verdict given in here changes the registry, which calls this again. */
	h->again = true;
	if (h->updating)
		return;
	h->updating = true;
	for (int i = 0; h->again && i < MAX_UPDATES; i++) {
		h->again = false;
		update_once(h);
	}
	h->updating = false;
}

int health_open(struct daemon *d, struct health **ret)
{
	struct health *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;

	h->by_id = calloc(SL_MAX_INSTANCES, sizeof(*h->by_id));
	if (!h->by_id) {
		free(h);
		return -ENOMEM;
	}
	h->d = d;
	uv_random(NULL, NULL, &h->rng, sizeof(h->rng), 0, NULL); /* any value is a fine seed */
	TAILQ_INIT(&h->all);
	TAILQ_INIT(&h->waiting);
	*ret = h;
	return 0;
}

void health_close(struct health *h)
{
	if (!h)
		return;

	while (!TAILQ_EMPTY(&h->all))
		target_close(TAILQ_FIRST(&h->all));
	free(h->by_id);
	free(h);
}

const char *health_text(enum live_health health)
{
	switch (health) {
	case HEALTH_UP:
		return "up";
	case HEALTH_DOWN:
		return "down";
	case HEALTH_UNKNOWN:
		break;
	}
	return "unknown";
}

const char *health_probe_text(enum model_probe probe)
{
	switch (probe) {
	case PROBE_TCP:
		return "tcp";
	case PROBE_MQTT:
		return "mqtt";
	case PROBE_COAP:
		return "coap";
	case PROBE_NONE:
		break;
	}
	return "none";
}

void health_info(const struct live_instance *i, struct health_info *ret)
{
	const struct target *t = i->probe;

	*ret = t ? t->info : (struct health_info){ 0 };
	ret->state = health_text(i->health);
	ret->probe = health_probe_text(t ? t->what.kind : PROBE_NONE);
	if (t) {
		ret->ok = t->counts.ok;
		ret->failed = t->counts.failed;
	}
}
