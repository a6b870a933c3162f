// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Outliers by what packets have counted; the rule is plan/outlier.h. An ejected
 * instance takes no new flows, as if its probes failed, and comes back by time.
 */
#include <errno.h>
#include <stdlib.h>
#include "../common/cleanup.h"
#include "../common/num.h"
#include "registry_own.h"
#include "rings.h"

#define TICK_MS	     500
#define TELL_EVERY_S 60 /* that a service's outliers are not believed */

struct outliers {
	struct daemon *d;
	uv_timer_t timer;
};

static struct sl_answers answers_of(const struct dataplane *dp, uint16_t id)
{
	struct sl_answers sum = {};

	for (uint32_t cpu = 0; cpu < dp->n_cpus; cpu++) {
		const struct sl_answers *a = &dp->answers[cpu * dp->instances_per_cpu + id];

		sum.asked += __atomic_load_n(&a->asked, __ATOMIC_RELAXED);
		sum.answered += __atomic_load_n(&a->answered, __ATOMIC_RELAXED);
	}
	return sum;
}

/* -- ejections end -- */

static bool end_in_time(struct daemon *d, struct live_service *s, uint64_t now)
{
	bool any = false;

	for (struct live_instance *i = s->instances; i; i = i->next) {
		struct event_about about = { "instance_outlier_over", s->name, i->name, NULL };

		if (!outlier_tick(&i->outlier, &s->model->health.outlier, now))
			continue;
		any = true;
		event_emit(d->events, LOG_INFO, about, "its ejection is over");
	}
	return any;
}

/* The service has no such rule, or no more. */
static bool end_all(struct live_service *s)
{
	bool any = false;

	if (!s->outliers_due_ns)
		return false;
	for (struct live_instance *i = s->instances; i; i = i->next) {
		any |= i->outlier.ejected;
		i->outlier = (struct outlier){};
	}
	s->outliers_due_ns = 0;
	return any;
}

/* -- ejections begin -- */

/* Of an interval: those that take flows, and what they answered. */
struct round {
	struct live_instance **instance;
	struct sl_answers *counted;
	size_t n;
	uint32_t wanted;
};

static void round_end(struct round *r)
{
	free(r->instance);
	free(r->counted);
}

static bool is_judged(const struct live_instance *i)
{
	return i->admin == ADMIN_UP && !i->leaving && !instance_is_cut(i) && instance_is_well(i);
}

static int round_begin(struct daemon *d, struct live_service *s, struct round *r)
{
	size_t n = 0;

	for (const struct live_instance *i = s->instances; i; i = i->next)
		n++;
	r->instance = calloc(n + 1, sizeof(struct live_instance *));
	r->counted = calloc(n + 1, sizeof(*r->counted));
	if (!r->instance || !r->counted)
		return -ENOMEM;
	for (struct live_instance *i = s->instances; i; i = i->next) {
		struct sl_answers counted = outlier_read(&i->outlier, answers_of(d->dp, i->id));

		r->wanted += i->admin == ADMIN_UP && !i->leaving;
		if (!is_judged(i))
			continue;
		r->instance[r->n] = i;
		r->counted[r->n++] = counted;
	}
	return 0;
}

static void eject(struct daemon *d, struct live_instance *i, struct sl_answers counted,
		  uint64_t now)
{
	const struct model_outlier *rule = &i->service->model->health.outlier;
	struct event_about about = { "instance_outlier", i->service->name, i->name, NULL };
	char every[NUM_TEXT], lasts[NUM_TEXT];

	outlier_eject(&i->outlier, rule, now);
	event_emit(d->events, LOG_WARN, about,
		   "answered %u of the %u times that it was asked in %s: no new flows for %s",
		   counted.answered, counted.asked, num_duration_text(rule->interval_ns, every),
		   num_duration_text(i->outlier.until_ns - now, lasts));
}

/* It and all others that are bad keep what they have. */
static void spare(struct daemon *d, struct live_service *s, struct round *r, size_t worst,
		  uint64_t now)
{
	const struct model_outlier *rule = &s->model->health.outlier;
	struct event_about about = { "instance_outlier_kept", s->name, r->instance[worst]->name,
				     NULL };
	uint32_t now_s = daemon_now_s();

	for (size_t i = 0; i < r->n; i++) {
		if (outlier_is_bad(rule, r->counted[i]))
			outlier_spare(&r->instance[i]->outlier, now);
	}
	if (s->outliers_told_s && now_s - s->outliers_told_s < TELL_EVERY_S)
		return;
	s->outliers_told_s = now_s;
	event_emit(d->events, LOG_WARN, about,
		   "answered %u of the %u times that it was asked: not believed, fewer than "
		   "min_healthy would take new flows without it",
		   r->counted[worst].answered, r->counted[worst].asked);
}

static bool judge(struct daemon *d, struct live_service *s, uint64_t now)
{
	const struct model_health *set = &s->model->health;
	sl_cleanup(round_end) struct round r = {};
	uint32_t taking;
	bool any = false;
	size_t worst;

	if (round_begin(d, s, &r))
		return false; /* the next interval tries again */
	taking = r.n;
	while ((worst = outlier_worst(&set->outlier, r.counted, r.n)) < r.n) {
		if (!outlier_may_eject(taking, r.wanted, set->min_healthy)) {
			spare(d, s, &r, worst, now);
			break;
		}
		eject(d, r.instance[worst], r.counted[worst], now);
		r.counted[worst] = (struct sl_answers){};
		taking--;
		any = true;
	}
	return any;
}

/* -- in time -- */

static void service_tick(struct daemon *d, struct live_service *s, uint64_t now)
{
	struct event_about about = { .type = "instance_outlier", .service = s->name };
	const struct model_outlier *rule = &s->model->health.outlier;
	bool changed = rule->present ? end_in_time(d, s, now) : end_all(s);
	int err;

	if (rule->present && now >= s->outliers_due_ns) {
		s->outliers_due_ns = now + rule->interval_ns;
		changed |= judge(d, s, now);
	}
	err = changed ? registry_ring_update(d, s) : 0;
	if (err)
		event_emit(d->events, LOG_ERR, about, "the ring was not updated: %s",
			   strerror(-err));
}

static void on_tick(uv_timer_t *timer)
{
	struct outliers *o = timer->data;
	uint64_t now = daemon_now_ns();

	for (struct live_service *s = o->d->registry->services; s; s = s->next) {
		if (s->model)
			service_tick(o->d, s, now);
	}
}

int outliers_open(struct daemon *d, struct outliers **ret)
{
	struct outliers *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->d = d;
	uv_timer_init(&d->loop, &o->timer);
	o->timer.data = o;
	uv_timer_start(&o->timer, on_tick, TICK_MS, TICK_MS);
	*ret = o;
	return 0;
}

static void on_closed(uv_handle_t *timer)
{
	free(timer->data);
}

void outliers_close(struct outliers *o)
{
	if (o)
		uv_close((uv_handle_t *)&o->timer, on_closed);
}
