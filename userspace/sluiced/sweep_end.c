// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "registry_own.h"
#include "rings.h"
#include "sweep_end.h"

/* While pins cannot be made, flows without one need the transition to last. It is
 * prolonged until it is as old as this many times keep, and not for ever, because
 * a full table would otherwise hold every slot back.
 */
#define PROLONG_KEEPS 4

#define TELL_EVERY_S  30 /* of one service's lost pins */

/* -- transitions -- */

static void tell_lost_pins(struct daemon *d, struct live_service *s, bool past)
{
	struct event_about about = { .type = "pins_lost", .service = s->name };
	uint32_t now = daemon_now_s();

	if (s->pins_lost_told_s && past == s->past_prolonging &&
	    now - s->pins_lost_told_s < TELL_EVERY_S)
		return;
	if (past)
		event_emit(d->events, LOG_ERR, about,
			   "%u pins found no room, and the transition is %u s old: it is not "
			   "prolonged any further, flows may move (see capacity.pins)",
			   s->pins_lost, now - s->transition_since_s);
	else
		event_emit(
			d->events, LOG_WARN, about,
			"%u pins found no room: the transition is prolonged while this lasts, up "
			"to %u times keep (see capacity.pins)",
			s->pins_lost, PROLONG_KEEPS);
	s->pins_lost_told_s = now;
	s->pins_lost = 0;
	s->past_prolonging = past;
}

static void prolong_for_lost_pins(struct daemon *d, struct live_service *s)
{
	uint32_t failures = d->dp->service_states[s->id].pin_failures;
	uint32_t lost = failures - s->seen_pin_failures, now = daemon_now_s();
	uint64_t age = now - s->transition_since_s;
	bool past = age + s->keep_s > (uint64_t)PROLONG_KEEPS * s->keep_s;

	s->seen_pin_failures = failures;
	if (!lost || !s->slots_in_transition)
		return;
	s->pins_lost += lost;
	if (!past)
		ring_prolong(d->dp->slots + s->ring_first, s->ring_size, now,
			     ring_prolong_s(s->keep_s));
	tell_lost_pins(d, s, past);
}

static void settle(struct daemon *d, struct live_service *s, const struct sweep_pass *p)
{
	const struct sweep_ring *r = &p->rings[s->id];

	prolong_for_lost_pins(d, s);
	if (r->pinned && r->size == s->ring_size &&
	    !ring_settle(d->dp->slots + s->ring_first, s->ring_size, p->start_s, r->pinned))
		registry_set_unsettled(d->dp, s->id, false);
	if (registry_wants_watch(s))
		registry_watch(d, s);
	registry_ring_count(d, s, p->start_s);
}

/* -- instances -- */

static bool has_drained(const struct live_instance *i)
{
	/* A pass that began before the drain may have missed a pin made since. What was
	 * given up is not followed in slots either.
	 */
	return i->sweep_seen && !i->pins && !i->slots_cur && (!i->slots_prev || instance_is_cut(i));
}

static void tell_timeout(struct daemon *d, struct live_instance *i)
{
	struct event_about about = { "drain_timeout", i->service->name, i->name, NULL };
	const char *then = i->leaving ? "they are given up" : "it goes on draining";

	i->timeout_told = true;
	event_emit(d->events, LOG_WARN, about,
		   "%u pinned flows are left, and %u slots in transition: %s", i->pins,
		   i->slots_prev, then);
	if (!i->leaving)
		return;
	i->given_up = true;
	i->sweep_seen = false; /* a whole pass from now on must find nothing */
	registry_settle(d, i);
}

static void check_timeout(struct daemon *d, struct live_instance *i)
{
	const struct model_service *m = i->service->model;
	uint64_t timeout_s = m ? m->drain_timeout_ns / 1000000000 : 0;

	if (timeout_s && !i->timeout_told && daemon_now_s() - i->drain_since_s >= timeout_s)
		tell_timeout(d, i);
}

static void tell_progress(struct daemon *d, struct live_instance *i)
{
	struct event_about about = { "drain_progress", i->service->name, i->name, NULL };

	if (i->sweep_seen && drain_tell(&i->drain_told, daemon_now_s(), i->pins, i->slots_prev))
		event_emit(d->events, LOG_INFO, about,
			   "%u flows and %u slots in transition are left, after %u s", i->pins,
			   i->slots_prev, daemon_now_s() - i->drain_since_s);
}

/* Returns false if the instance is gone. */
static bool instance_end(struct daemon *d, struct live_instance *i, const struct sweep_pass *p)
{
	struct event_about about = { "drained", i->service->name, i->name, NULL };
	uint16_t id = i->id;

	i->pins = p->pins[i->id];
	if (!i->drain_since_s)
		return true;
	if (!has_drained(i)) {
		i->drained = false;
		tell_progress(d, i);
		check_timeout(d, i);
		return true;
	}
	if (!i->drained)
		event_emit(d->events, LOG_INFO, about, "after %u s: no slot and no pin names it",
			   daemon_now_s() - i->drain_since_s);
	i->drained = true;
	if (!i->leaving)
		return true;
	registry_free_instance(d, i);
	return registry_instance_by_id(d->registry, id);
}

/* -- services -- */

bool sweep_end_service(struct daemon *d, struct sweep_pass *p)
{
	struct live_instance *i, *next;
	struct live_service *s;
	bool freed = false;

	while (p->service < d->dp->cap.services && !registry_service_by_id(d->registry, p->service))
		p->service++;
	if (p->service >= d->dp->cap.services)
		return false;
	s = registry_service_by_id(d->registry, p->service++);
	/* It has been in no bank since before the pass began: no packet can have made
	 * a pin that the pass did not see and delete.
	 */
	if (s->leaving) {
		if (s->sweep_seen)
			registry_free_service(d, s);
		return true;
	}
	settle(d, s, p);
	for (i = s->instances; i; i = next) {
		next = i->next;
		freed |= !instance_end(d, i, p);
	}
	if (freed) {
		health_update(d->health);
		if (d->scaling)
			scaling_update(d->scaling);
	}
	return true;
}
