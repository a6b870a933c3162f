// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Does any flow move, whatever the sequence of ring updates? A model of devices,
 * the packet path and the daemon around the real decisions: affinity_decide(),
 * maglev_fill(), ring_*(). Instances join and leave, the ring doubles, the daemon
 * sweeps, stops and starts; ids are used again. A flow is moved if a packet
 * reaches another instance than its first. Then the same with one rule broken at
 * a time: flows must move, or the model could not fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "pins_world.h"

#define N_FLOWS 1500
#define SWEEP_S 0.7 /* from looking at the first pin to settling the slots */
#define POLL_S	1.0 /* the daemon looks for pins that could not be made */

/* -- devices -- */

static void flow_open(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];
	uint64_t before = w->over_budget;

	f->end = w->t + uniform(w, 0, 1800);
	f->closed = false;
	f->forged = false;
	f->serial = packet(w, f, FLOW_OPENER);
	w->moved += !f->serial; /* lost: nobody is there */
	/* Nobody remembers a SYN over the budget: what follows is safe until the
	 * deadline, but its repetition may go elsewhere.
	 */
	f->untold_until = w->over_budget > before ? w->slots[slot_of(w, f)].deadline : 0;
	f->openers = f->untold_until ? 0 : rnd(w) % 3;
	at(w, w->t + (f->openers ? 1 : uniform(w, 0.0005, 0.2)), f->openers ? EV_AGAIN : EV_PACKET,
	   i);
}

/* The ACK of a handshake, if nobody remembers its SYN. */
static bool flow_torn(struct world *w, struct flow *f)
{
	uint32_t until = f->untold_until;

	f->untold_until = 0;
	if (!until || clock_s(w->t) < until)
		return false;
	w->torn++;
	f->serial = packet(w, f, FLOW_OTHER);
	return true;
}

static void flow_again(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];

	w->moved += packet(w, f, FLOW_OPENER) != f->serial;
	if (--f->openers)
		at(w, w->t + 2, EV_AGAIN, i);
	else /* the ACK may be late, too */
		at(w, w->t + uniform(w, 0.0005, one_in(w, 10) ? 50 : 0.2), EV_PACKET, i);
}

static void flow_packet(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];
	bool silent = !f->forged && one_in(w, 4);

	if (f->closed) { /* the last ACK; later the port is used again */
		w->moved += packet(w, f, FLOW_CLOSING) != f->serial;
		if (f->lives-- > 0)
			at(w, w->t + uniform(w, 0.1, 200), EV_OPEN, i);
		return;
	}
	f->closed = w->t > f->end;
	f->forged = false;
	if (!flow_torn(w, f))
		w->moved += packet(w, f, f->closed ? FLOW_CLOSING : FLOW_OTHER) != f->serial;
	if (f->closed) {
		at(w, w->t + uniform(w, 0.001, 2), EV_PACKET, i);
		return;
	}
	if (one_in(w, 20)) { /* forged; the server's answer makes the device speak */
		packet(w, f, FLOW_CLOSING);
		f->forged = one_in(w, 2);
		at(w, w->t + uniform(w, 0.01, 55), EV_PACKET, i);
		return;
	}
	at(w, w->t + uniform(w, 0.01, silent ? w->sc->gap : 1), EV_PACKET, i);
}

/* -- the daemon -- */

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
	w->members[w->n_members++] = (struct ring_member){
		.id = id,
		.weight = one_in(w, 4) ? 50 : 100,
		.hash = rnd(w),
	};
}

static void leave(struct world *w)
{
	w->members[rnd(w) % w->n_members] = w->members[w->n_members - 1];
	w->n_members--;
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

	assert_int_equal(maglev_fill(w->members, w->n_members, table, w->size), 0);
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

static bool is_member(const struct world *w, uint16_t id)
{
	for (size_t i = 0; i < w->n_members; i++) {
		if (w->members[i].id == id)
			return true;
	}
	return false;
}

/* Returns whether the pin is left. */
static bool sweep_pin(struct world *w, const struct flow *f, const struct sl_pin *pin, bool half)
{
	const struct sl_slot *slot = &w->slots[slot_of(w, f)];

	if (ring_pin_is_stale(pin, slot, half, w->sweep_since_s, w->sc->keep_s))
		return false;
	if (!keeps(w, RULE_SWEEP_AFTER) && pin->instance == slot->cur)
		return false;
	w->pins_of[pin->instance]++;
	w->pinned[slot_of(w, f) / 64] |= 1ull << slot_of(w, f) % 64;
	return true;
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
	for (int i = 0; i < N_FLOWS; i++) {
		struct flow *f = &w->flows[i];

		if (f->has_full && !sweep_pin(w, f, &f->full, false))
			full_drop(w, f);
		if (f->has_half && !sweep_pin(w, f, &f->half, true))
			half_drop(w, f);
	}
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
	w->down_until = w->t + uniform(w, 0, 30);
	w->sweep_size = 0;
	memset(w->pinned, 0, sizeof(w->pinned));
	memset(w->pins_of, 0, sizeof(w->pins_of));
	w->failures_seen = 0;
}

/* -- runs -- */

static void world_open(struct world *w, const struct scenario *sc, uint64_t seed)
{
	*w = (struct world){ .sc = sc, .seed = seed, .size = 256 };
	w->flows = calloc(N_FLOWS, sizeof(*w->flows));
	w->slots = calloc(MAX_SLOTS, sizeof(*w->slots));
	assert_true(w->flows && w->slots);
	for (int i = 0; i < 4; i++)
		join(w);
	put_in_force(w);
	for (int i = 0; i < N_FLOWS; i++) {
		w->flows[i].hash = rnd(w);
		w->flows[i].lives = rnd(w) % 3;
		at(w, uniform(w, 1, 3000), EV_OPEN, i);
	}
	for (enum event_kind kind = EV_UPDATE; kind <= EV_RESTART; kind++) {
		if (kind != EV_SETTLE)
			at(w, 1 + uniform(w, 0, 20), kind, 0);
	}
}

static void world_close(struct world *w)
{
	free(w->heap);
	free(w->flows);
	free(w->slots);
}

static void run(struct world *w, const struct scenario *sc, uint64_t seed)
{
	world_open(w, sc, seed);
	while (w->t < 5000) {
		struct event e = next_event(w);

		w->t = e.t;
		switch (e.kind) {
		case EV_OPEN:
			flow_open(w, e.flow);
			break;
		case EV_AGAIN:
			flow_again(w, e.flow);
			break;
		case EV_PACKET:
			flow_packet(w, e.flow);
			break;
		case EV_UPDATE:
			update(w);
			break;
		case EV_SWEEP:
			sweep(w);
			break;
		case EV_SETTLE:
			if (w->sweep_size)
				settle(w);
			break;
		case EV_POLL:
			poll(w);
			break;
		case EV_RESTART:
			restart(w);
			break;
		}
	}
	world_close(w);
}

/* With the table full, the gap leaves time for a daemon that is down for 30 s. */
static const struct scenario sound[] = {
	{ .name = "calm", .gap = 98.9, .update_every = 1000, .keep_s = 100 },
	{ .name = "lively", .gap = 98.9, .update_every = 300, .keep_s = 100 },
	{ .name = "busy", .gap = 98.9, .update_every = 50, .keep_s = 100 },
	{ .name = "stormy", .gap = 98.9, .update_every = 10, .keep_s = 100 },
	{ .name = "wild", .gap = 98.9, .update_every = 2, .keep_s = 100 },
	{ .name = "small budget", .gap = 98.9, .update_every = 10, .keep_s = 100, .half_open = 2 },
	{ .name = "full table", .gap = 65, .update_every = 50, .keep_s = 100, .pins = 100 },
};

/* Each is sound but for the rule. */
static const struct scenario broken[] = {
	{ "no pin for an early opener", 98.9, 10, 100, .broken = RULE_PIN_EARLY_OPENER },
	{ "early openers to cur", 98.9, 10, 100, .broken = RULE_EARLY_OPENER_PREV },
	{ "no pin for a late opener", 98.9, 10, 100, .broken = RULE_LATE_OPENER_PIN },
	{ "others without pin to cur", 98.9, 50, 100, .broken = RULE_OTHER_PREV },
	{ "no pin for others", 98.9, 50, 100, .broken = RULE_OTHER_PIN },
	{ "openers over budget to cur", 98.9, 10, 100, .half_open = 2,
	  .broken = RULE_OVER_BUDGET_PREV },
	{ "no promotion", 98.9, 10, 100, .broken = RULE_PROMOTE },
	{ "FIN is not taken back", 98.9, 50, 100, .broken = RULE_RESTORE },
	{ "pins end with the deadline", 98.9, 50, 100, .broken = RULE_PIN_PAST_DEADLINE },
	{ "prev overwritten", 98.9, 10, 100, .broken = RULE_PREV_STAYS },
	{ "A to B to A ends it", 98.9, 10, 100, .broken = RULE_BACK_IS_CHANGE },
	{ "keep too short", 98.9, 50, 60, .broken = RULE_KEEP },
	{ "settled with pins left", 98.9, 50, 100, .broken = RULE_SETTLE_UNPINNED },
	{ "swept too early", 98.9, 50, 100, .broken = RULE_SWEEP_AFTER },
	{ "growing forgets", 98.9, 10, 100, .broken = RULE_GROW_STATE },
	{ "id in use given away", 98.9, 50, 100, .broken = RULE_ID_IN_USE },
	{ "id in use during the sweep", 98.9, 2, 100, .broken = RULE_ID_SINCE_SWEEP },
	{ "no prolongation", 65, 50, 100, .pins = 100, .broken = RULE_PROLONG },
	{ "unpromoted pins forgotten", 65, 50, 100, .pins = 300, .broken = RULE_KEEP_UNPROMOTED },
};

static void test_no_flow_moves(void **state)
{
	struct world all = {};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(sound); i++) {
		struct world sum = {};

		for (uint64_t seed = 0; seed < 2; seed++) {
			struct world w;

			run(&w, &sound[i], seed);
			sum.packets += w.packets;
			sum.looked_up += w.looked_up;
			sum.moved += w.moved;
			sum.prolonged += w.prolonged;
			sum.over_budget += w.over_budget;
			sum.reused += w.reused;
			sum.torn += w.torn;
			all.packets += w.packets;
			all.doubled += w.doubled;
			all.settled += w.settled;
		}
		print_message("%-14s %7llu packets, %2llu %% looked up, %llu moved; %llu ids used "
			      "again, %llu prolonged, %llu over budget\n",
			      sound[i].name, (unsigned long long)sum.packets,
			      (unsigned long long)(100 * sum.looked_up / sum.packets),
			      (unsigned long long)sum.moved, (unsigned long long)sum.reused,
			      (unsigned long long)sum.prolonged,
			      (unsigned long long)sum.over_budget);
		assert_int_equal(sum.moved, 0);
		assert_true(!sound[i].pins == !sum.prolonged);
		assert_true(!sound[i].half_open == !sum.over_budget);
		/* Handshakes of 0.2 s that straddle the end of 100 s. */
		assert_in_range(sum.torn, 0, sum.over_budget / 50);
	}
	assert_true(all.settled && all.doubled);
	assert_in_range(all.packets, 1000000, UINT64_MAX);
}

static void test_each_rule_is_needed(void **state)
{
	bool seen[RULE__MAX] = { [RULE_NONE] = true };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(broken); i++) {
		struct world w = {};

		for (uint64_t seed = 0; seed < 5 && !w.moved; seed++)
			run(&w, &broken[i], seed);
		print_message("%-28s %7llu packets, %llu moved\n", broken[i].name,
			      (unsigned long long)w.packets, (unsigned long long)w.moved);
		assert_in_range(w.moved, 1, w.packets);
		seen[broken[i].broken] = true;
	}
	for (int rule = 0; rule < RULE__MAX; rule++)
		assert_true(seen[rule]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_flow_moves),
		cmocka_unit_test(test_each_rule_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
