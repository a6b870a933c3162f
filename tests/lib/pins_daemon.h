/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The daemon of the model of pins, around the real maglev_fill() and ring_*():
 * instances join and leave, the ring doubles, pins are swept, it stops and starts.
 */
#ifndef SL_PINS_DAEMON_H
#define SL_PINS_DAEMON_H

#include <assert.h>
#include <string.h>
#include "pins_kernel.h"

#define SWEEP_S 0.7 /* from looking at the first pin to settling the slots */
#define POLL_S	1.0 /* the daemon looks for pins that could not be made */
#define DOWN_S	30  /* it may be down for */
#define LINGER_S            \
	(60 + 20 + DOWN_S + \
	 2) /* the pin of what has ended: idle, then swept, if anybody is there */

/* -- instances and slots -- */

static void join(struct world *w)
{
	uint16_t id = 1;

	while (id < MAX_INSTANCES && w->serial[id])
		id++;
	if (id == MAX_INSTANCES)
		return;
	w->reused += w->generation[id] > 0;
	w->generation[id]++;
	w->serial[id] = ++w->serials;
	w->left_at[id] = 0;
	w->members[w->n_members++] = (struct ring_member){
		.id = id,
		.weight = one_in(w, 4) ? 50 : 100,
		.hash = rnd(w),
	};
}

static void leave(struct world *w)
{
	struct ring_member *m = &w->members[rnd(w) % w->n_members];

	w->left_at[m->id] = w->t;
	*m = w->members[--w->n_members];
}

static void grow(struct world *w)
{
	uint32_t from = w->size;

	w->size *= 2;
	w->doubled++;
	ring_grow(w->slots, from, w->slots, w->size);
	if (keeps(w, RULE_GROW_STATE))
		return;
	for (uint32_t s = 0; s < w->size; s++)
		w->slots[s].deadline = 0;
}

static void put_in_force(struct world *w)
{
	uint32_t now_s = clock_s(w->t);
	uint16_t table[MAX_SLOTS];

	if (maglev_fill(w->members, w->n_members, table, w->size))
		abort();
	for (uint32_t s = 0; s < w->size; s++) {
		struct sl_slot *slot = &w->slots[s];

		if (slot->deadline <= now_s || slot->cur == table[s])
			continue;
		if (!keeps(w, RULE_PREV_STAYS))
			slot->prev = slot->cur;
		if (!keeps(w, RULE_BACK_IS_CHANGE) && slot->prev == table[s])
			*slot = (struct sl_slot){ .cur = table[s] };
	}
	ring_update(w->slots, table, w->size, now_s, w->sc->keep_s, true);
}

static void update(struct world *w)
{
	double mean = w->sc->update_every;

	at(w, w->t + uniform(w, 0, 2 * mean), EV_UPDATE, 0);
	if (w->t < w->down_until)
		return;
	if (w->size < MAX_SLOTS && one_in(w, 10))
		grow(w);
	if (one_in(w, 2) && w->n_members > 2)
		leave(w);
	else if (w->n_members < 16)
		join(w);
	put_in_force(w);
}

/* -- sweeps -- */

static bool is_member(const struct world *w, uint16_t id)
{
	for (size_t i = 0; i < w->n_members; i++) {
		if (w->members[i].id == id)
			return true;
	}
	return false;
}

/* Something in @slot_index has @instance. */
static void hold(struct world *w, uint32_t slot_index, uint16_t instance)
{
	w->pins_of[instance]++;
	w->pinned[slot_index / 64] |= 1ull << slot_index % 64;
}

/* Returns whether the pin is left. */
static bool sweep_pin(struct world *w, const struct endpoint *e, const struct sl_pin *pin,
		      bool half)
{
	const struct sl_slot *slot = &w->slots[slot_of(w, e)];

	if (ring_pin_is_stale(pin, slot, half, w->sweep_since_s, w->sc->keep_s))
		return false;
	if (!keeps(w, RULE_SWEEP_AFTER) && pin->instance == slot->cur)
		return false;
	w->held += e->ended && w->t > e->ended + LINGER_S;
	hold(w, slot_of(w, e), pin->instance);
	return true;
}

static void sweep_exchanges(struct world *w, struct endpoint *e)
{
	const struct sl_slot *slot = &w->slots[slot_of(w, e)];

	for (uint32_t i = e->n_exchanges; i-- > 0;) {
		const struct sl_exchange *x = &e->exchanges[i].x;
		bool stale = ring_exchange_is_stale(x, slot, w->sweep_since_s);

		if (!keeps(w, RULE_SWEEP_LASTING) && x->seen + 10 < w->sweep_since_s)
			stale = true;
		if (stale)
			exchange_drop(w, e, i);
		else if (keeps(w, RULE_SETTLE_EXCHANGES))
			hold(w, slot_of(w, e), x->instance);
	}
}

static void sweep_endpoint(struct world *w, struct endpoint *e)
{
	for (struct pins *p = e->pins; p < e->pins + SL_ARRAY_SIZE(e->pins); p++) {
		if (p->has_full && !sweep_pin(w, e, &p->full, false))
			full_drop(w, p);
		if (p->has_half && !sweep_pin(w, e, &p->half, true))
			half_drop(w, p);
	}
	sweep_exchanges(w, e);
}

static void sweep(struct world *w)
{
	at(w, w->t + uniform(w, 2, 20), EV_SWEEP, 0);
	if (w->t < w->down_until)
		return;
	memset(w->pinned, 0, sizeof(w->pinned));
	memset(w->pins_of, 0, sizeof(w->pins_of));
	w->sweep_since_s = clock_s(w->t);
	w->sweep_size = w->size;
	for (uint16_t id = 1; id < MAX_INSTANCES; id++) {
		if (w->serial[id] && !is_member(w, id))
			w->sweep_uses[id] = ring_uses(w->slots, w->size, id, w->sweep_since_s);
		else
			w->sweep_uses[id] = (struct ring_uses){ .cur = 1 };
	}
	for (uint32_t i = 0; i < w->n_endpoints; i++)
		sweep_endpoint(w, &w->endpoints[i]);
	at(w, w->t + SWEEP_S, EV_SETTLE, 0);
}

/* Instances that left and have nothing any more: they stop, their ids are free.
 * What a slot named when the sweep began may have got a pin behind its back.
 */
static void free_drained(struct world *w)
{
	for (uint16_t id = 1; id < MAX_INSTANCES; id++) {
		struct ring_uses uses;

		if (!w->serial[id] || is_member(w, id))
			continue;
		uses = ring_uses(w->slots, w->size, id, w->sweep_since_s);
		if (uses.cur)
			continue;
		if (keeps(w, RULE_ID_IN_USE) && (uses.prev_in_transition || w->pins_of[id]))
			continue;
		if (keeps(w, RULE_ID_SINCE_SWEEP) &&
		    (w->sweep_uses[id].cur || w->sweep_uses[id].prev_in_transition))
			continue;
		w->serial[id] = 0;
	}
}

static void settle(struct world *w)
{
	static const uint64_t none[MAX_SLOTS / 64];
	const uint64_t *pinned = keeps(w, RULE_SETTLE_UNPINNED) ? w->pinned : none;

	/* A ring that has doubled meanwhile has other slots. */
	if (w->sweep_size == w->size) {
		uint32_t left = ring_settle(w->slots, w->size, w->sweep_since_s, pinned);

		w->settled += w->size - left;
		free_drained(w);
	}
	w->sweep_size = 0;
}

/* -- the rest -- */

static void poll(struct world *w)
{
	at(w, w->t + POLL_S, EV_POLL, 0);
	if (w->t < w->down_until || w->failures == w->failures_seen)
		return;
	w->failures_seen = w->failures;
	if (keeps(w, RULE_PROLONG))
		w->prolonged += ring_prolong(w->slots, w->size, clock_s(w->t),
					     ring_prolong_s(w->sc->keep_s)) > 0;
}

/* It comes back with what slots and pins say, and with nothing else. */
static void restart(struct world *w)
{
	at(w, w->t + uniform(w, 0, 600), EV_RESTART, 0);
	w->down_until = w->t + uniform(w, 0, DOWN_S);
	w->sweep_size = 0;
	memset(w->pinned, 0, sizeof(w->pinned));
	memset(w->pins_of, 0, sizeof(w->pins_of));
	w->failures_seen = 0;
}

#endif /* SL_PINS_DAEMON_H */
