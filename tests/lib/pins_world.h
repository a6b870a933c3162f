/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The world of tests/unit/test_pins_model.c: events in time, flows with their
 * pins, and the packet path as bpf/stage/pick.h has it, around the real
 * affinity_decide(). One rule of the table can be broken.
 */
#ifndef SL_PINS_WORLD_H
#define SL_PINS_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include "lib/affinity.h"
#include "plan/ring.h"

#define MAX_SLOTS     2048u
#define MAX_INSTANCES 256
#define EPOCH_S	      100000u /* the kernel's clock when the model starts */
#define TICK_S	      0.004   /* the packets' clock lags by up to this */

/* Rules of the table, to be broken. */
enum rule {
	RULE_NONE,
	RULE_PIN_EARLY_OPENER,	/* an opener in the first seconds gets a pin */
	RULE_EARLY_OPENER_PREV, /* and goes to prev */
	RULE_LATE_OPENER_PIN,	/* a later one, which goes to cur, gets a pin */
	RULE_OTHER_PREV,	/* what is no opener and has no pin goes to prev */
	RULE_OTHER_PIN,		/* and gets a pin */
	RULE_OVER_BUDGET_PREV,	/* an opener over the budget goes to prev */
	RULE_PROMOTE,		/* a half-open pin is promoted */
	RULE_RESTORE,		/* the next packet restores a pin that saw FIN */
	RULE_PIN_PAST_DEADLINE, /* a pin is followed after the deadline */
	RULE_PREV_STAYS,	/* an update of a slot in transition leaves prev alone */
	RULE_BACK_IS_CHANGE,	/* and does not end it when cur becomes prev again */
	RULE_KEEP,		/* keep is longer than the longest gap */
	RULE_SETTLE_UNPINNED,	/* no slot settles with pins left */
	RULE_SWEEP_AFTER,	/* pins that name cur stay until the deadline */
	RULE_GROW_STATE,	/* a doubled ring takes over transitions */
	RULE_ID_IN_USE,		/* an id is not given away while a slot or pin names it */
	RULE_ID_SINCE_SWEEP,	/* or one has since the sweep began */
	RULE_PROLONG,		/* a pin that cannot be made prolongs the transition */
	RULE_KEEP_UNPROMOTED,	/* and a pin that cannot be promoted lives on */
	RULE__MAX
};

/* What a row of the table comes to. */
struct decision {
	uint16_t instance;
	enum pin_action action;
};

struct scenario {
	const char *name;
	double gap, update_every; /* s; the gap is the longest, updates are a mean */
	uint32_t keep_s;
	uint32_t pins, half_open; /* how many there may be; 0: any number */
	enum rule broken;
};

enum event_kind {
	EV_OPEN,
	EV_AGAIN,
	EV_PACKET,
	EV_UPDATE,
	EV_SWEEP,
	EV_SETTLE,
	EV_POLL,
	EV_RESTART,
};

struct event {
	double t;
	uint32_t n; /* ties: first come */
	enum event_kind kind;
	uint32_t flow;
};

/* One address and port of a device, and the connection it has now. */
struct flow {
	uint32_t hash;
	uint32_t serial; /* of the instance that got its first packet */
	double end;
	int openers;	       /* still to be sent */
	int lives;	       /* connections after this one */
	uint32_t untold_until; /* a SYN over the budget: prev has it until then, 0: pinned */
	bool forged;	       /* somebody else has just sent a FIN in its name */
	bool closed;
	bool has_half, has_full;
	struct sl_pin half, full;
};

struct world {
	const struct scenario *sc;
	uint64_t seed;
	double t;
	struct event *heap;
	size_t n_events, cap_events;
	uint32_t events_made;
	struct flow *flows;
	uint32_t n_half, n_full, failures;

	struct sl_slot *slots;
	uint32_t size;
	uint16_t generation[MAX_INSTANCES];
	uint32_t serial[MAX_INSTANCES]; /* 0: free */
	uint32_t serials;
	struct ring_member members[MAX_INSTANCES];
	size_t n_members;

	/* the daemon's memory */
	double down_until;
	uint32_t failures_seen;
	uint64_t pinned[MAX_SLOTS / 64];
	uint32_t pins_of[MAX_INSTANCES];
	struct ring_uses sweep_uses[MAX_INSTANCES]; /* when the sweep began */
	uint32_t sweep_since_s, sweep_size;	    /* size 0: no sweep is under way */

	uint64_t packets, moved, looked_up, prolonged, doubled, settled, reused, over_budget, torn;
};

static uint64_t rnd(struct world *w)
{
	uint64_t z = w->seed += 0x9e3779b97f4a7c15ull; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static double uniform(struct world *w, double from, double to)
{
	return from + (to - from) * (rnd(w) >> 11) * 0x1p-53;
}

static bool one_in(struct world *w, uint32_t n)
{
	return rnd(w) % n == 0;
}

static bool keeps(const struct world *w, enum rule rule)
{
	return w->sc->broken != rule;
}

/* -- events, a binary heap -- */

static bool event_before(const struct event *a, const struct event *b)
{
	return a->t < b->t || (a->t == b->t && a->n < b->n);
}

static void at(struct world *w, double t, enum event_kind kind, uint32_t flow)
{
	struct event e = { .t = t, .n = w->events_made++, .kind = kind, .flow = flow };
	size_t i = w->n_events++;

	if (w->n_events > w->cap_events) {
		w->cap_events = 2 * w->n_events;
		w->heap = realloc(w->heap, w->cap_events * sizeof(*w->heap));
		if (!w->heap)
			abort();
	}
	for (; i && event_before(&e, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = e;
}

static struct event next_event(struct world *w)
{
	struct event first = w->heap[0], e = w->heap[--w->n_events];
	size_t i = 0;

	for (size_t c = 1; c < w->n_events; c = 2 * i + 1) {
		if (c + 1 < w->n_events && event_before(&w->heap[c + 1], &w->heap[c]))
			c++;
		if (!event_before(&w->heap[c], &e))
			break;
		w->heap[i] = w->heap[c];
		i = c;
	}
	w->heap[i] = e;
	return first;
}

/* -- the packet path: what bpf/stage/pick.h does with the maps -- */

static uint32_t clock_s(double t)
{
	return EPOCH_S + (uint32_t)t;
}

static uint32_t slot_of(const struct world *w, const struct flow *f)
{
	return (uint64_t)f->hash * w->size >> 32;
}

static void half_drop(struct world *w, struct flow *f)
{
	w->n_half -= f->has_half;
	f->has_half = false;
}

static void full_drop(struct world *w, struct flow *f)
{
	w->n_full -= f->has_full;
	f->has_full = false;
}

static void full_make(struct world *w, struct flow *f, struct sl_pin pin)
{
	if (!f->has_full && w->sc->pins && w->n_full >= w->sc->pins) {
		w->failures++;
		if (f->has_half && keeps(w, RULE_KEEP_UNPROMOTED)) {
			f->half.seen = pin.seen;
			f->half.flags = SL_PIN_KEEP; /* and no longer closing */
		}
		return;
	}
	w->n_full += !f->has_full;
	f->has_full = true;
	f->full = pin;
	half_drop(w, f);
}

static void act(struct world *w, struct flow *f, struct decision a, uint32_t now_s)
{
	struct sl_pin *found = f->has_full ? &f->full : &f->half;
	struct sl_pin pin = {
		.instance = a.instance,
		.generation = w->generation[a.instance],
		.seen = now_s,
	};

	switch (a.action) {
	case PIN_LEAVE:
		break;
	case PIN_REFRESH:
		found->seen = now_s;
		if (keeps(w, RULE_RESTORE))
			found->flags &= ~SL_PIN_CLOSING;
		break;
	case PIN_SHORTEN:
		found->seen = now_s;
		found->flags |= SL_PIN_CLOSING;
		break;
	case PIN_MAKE_HALF_OPEN:
		full_drop(w, f);
		w->n_half += !f->has_half;
		f->has_half = true;
		f->half = pin;
		break;
	case PIN_MAKE_CLOSING:
		pin.flags = SL_PIN_CLOSING;
		full_make(w, f, pin);
		break;
	case PIN_PROMOTE:
	case PIN_MAKE_ESTABLISHED:
		full_make(w, f, pin);
		break;
	case PIN_DROP:
		full_drop(w, f);
		half_drop(w, f);
		break;
	case PIN_TOUCH:
		found->seen = now_s;
		break;
	case PIN_MAKE_EXCHANGE:
	case PIN_REFRESH_EXCHANGE:
		abort(); /* CoAP's; these flows are TCP's */
	}
}

/* The decision with the broken rule, if one of the packets' is. */
static struct decision decide(struct world *w, const struct affinity_view *v)
{
	enum affinity_row row = affinity_decide(v);
	struct decision a = { affinity_instance(v, affinity_go(row)), affinity_do(row) };
	bool opener = flow_is_opener(v->step);
	bool by_pin = v->pin_usable && !(v->pin_closing && opener);
	bool by_slot = v->slot.deadline > v->now_s && !by_pin;
	bool early = v->slot.deadline + AFFINITY_GRACE_S > v->now_s + v->keep_s;

	w->over_budget += by_slot && opener && !v->room;
	switch (w->sc->broken) {
	case RULE_PIN_EARLY_OPENER:
		if (by_slot && opener && early)
			a.action = PIN_LEAVE;
		break;
	case RULE_EARLY_OPENER_PREV:
		if (by_slot && opener && early)
			a.instance = v->slot.cur;
		break;
	case RULE_LATE_OPENER_PIN:
		if (by_slot && opener && !early)
			a.action = PIN_LEAVE;
		break;
	case RULE_OTHER_PREV:
		if (by_slot && !opener)
			a.instance = v->slot.cur;
		break;
	case RULE_OTHER_PIN:
		if (by_slot && !opener)
			a.action = PIN_LEAVE;
		break;
	case RULE_OVER_BUDGET_PREV:
		if (by_slot && opener && !v->room)
			a.instance = v->slot.cur;
		break;
	case RULE_PROMOTE:
		if (a.action == PIN_PROMOTE)
			a.action = PIN_REFRESH;
		break;
	case RULE_PIN_PAST_DEADLINE:
		if (v->slot.deadline && v->slot.deadline <= v->now_s)
			a = (struct decision){ .instance = v->slot.cur };
		break;
	default:
		break;
	}
	return a;
}

/* One packet of @f. Returns the serial of the instance that gets it. */
static uint32_t packet(struct world *w, struct flow *f, enum flow_step step)
{
	const struct sl_pin *pin = f->has_full ? &f->full : &f->half;
	struct affinity_view v = {
		.slot = w->slots[slot_of(w, f)],
		.now_s = clock_s(w->t - uniform(w, 0, TICK_S)),
		.keep_s = w->sc->keep_s,
		.step = step,
		.is_tcp = true,
		.room = !w->sc->half_open || w->n_half < w->sc->half_open,
	};
	struct decision a;

	w->packets++;
	v.prev_usable = v.slot.prev != 0;
	if (affinity_needs_pin(v.slot)) {
		w->looked_up++;
		v.pin = f->has_full ? PIN_ESTABLISHED : f->has_half ? PIN_HALF_OPEN : PIN_NONE;
	}
	if (v.pin != PIN_NONE) {
		v.pin_instance = pin->instance;
		v.pin_closing = pin->flags & SL_PIN_CLOSING;
		v.pin_usable = pin->generation == w->generation[pin->instance];
	}
	a = decide(w, &v);
	act(w, f, a, v.now_s);
	return w->serial[a.instance];
}

#endif /* SL_PINS_WORLD_H */
