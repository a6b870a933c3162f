// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Does any flow move, whatever the sequence of ring updates? A model of devices,
 * instances, the packet path and the daemon around the real decisions:
 * affinity_decide(), affinity_learn(), maglev_fill(), ring_*(). Instances join and
 * leave, the ring doubles, the daemon sweeps, stops and starts; ids are used again;
 * nobodies flood. Then the same with one rule broken at a time: flows must move, or
 * drains must not end, or the model could not fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "pins_coap.h"
#include "pins_daemon.h"
#include "pins_session.h"

#define N_NOBODIES 3000
#define END_S	   5000

static void flood(struct world *w)
{
	uint32_t i = w->n_real + rnd(w) % N_NOBODIES;

	at(w, w->t + uniform(w, 0, 2 * w->sc->flood_every), EV_FLOOD, 0);
	w->floods++;
	w->sc->protocol->flood(w, i);
}

static void world_open(struct world *w, const struct scenario *sc, uint64_t seed)
{
	const struct protocol *p = sc->protocol;

	*w = (struct world){ .sc = sc, .seed = seed, .size = 256 };
	w->n_real = p->n_flows / p->per_endpoint;
	w->n_endpoints = w->n_real + N_NOBODIES;
	w->flows = calloc(p->n_flows, sizeof(*w->flows));
	w->endpoints = calloc(w->n_endpoints, sizeof(*w->endpoints));
	w->slots = calloc(MAX_SLOTS, sizeof(*w->slots));
	assert_true(w->flows && w->endpoints && w->slots);
	for (int i = 0; i < 4; i++)
		join(w);
	put_in_force(w);
	for (uint32_t i = 0; i < w->n_endpoints; i++)
		w->endpoints[i].hash = rnd(w);
	for (uint32_t i = 0; i < p->n_flows; i++) {
		w->flows[i].endpoint = i / p->per_endpoint;
		w->flows[i].lives = rnd(w) % 3;
		at(w, uniform(w, 1, 3000), EV_OPEN, i);
	}
	for (int kind = EV_UPDATE; kind <= EV_FLOOD; kind++) {
		if (kind != EV_SETTLE && (kind != EV_FLOOD || sc->flood_every > 0))
			at(w, 1 + uniform(w, 0, 20), kind, 0);
	}
}

static void world_close(struct world *w)
{
	for (uint32_t i = 0; i < w->n_endpoints; i++)
		free(w->endpoints[i].exchanges);
	free(w->heap);
	free(w->flows);
	free(w->endpoints);
	free(w->slots);
}

static void happen(struct world *w, const struct event *e)
{
	switch (e->kind) {
	case EV_OPEN:
		w->sc->protocol->open(w, e->flow);
		break;
	case EV_STEP:
		w->sc->protocol->step(w, e->flow);
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
	case EV_FLOOD:
		flood(w);
		break;
	default:
		session_replies(w, e->flow, e->kind - EV_REPLY);
		break;
	}
}

static void run(struct world *w, const struct scenario *sc, uint64_t seed)
{
	world_open(w, sc, seed);
	while (w->t < END_S) {
		struct event e = next_event(w);

		w->t = e.t;
		happen(w, &e);
	}
	world_close(w);
}

/* With the table full, the gap leaves time for a daemon that is down for 30 s, and
 * for the grace by which less than keep is prolonged.
 */
#define CALM   89.9, 1000, 100
#define BUSY   89.9, 50, 100
#define LONG   89.9, 50, 300
#define STORMY 89.9, 10, 100
#define WILD   89.9, 2, 100
#define FULL   190, 50, 300, .pins = 100
#define SPAM   .flood_every = 0.1
#define SMALL  190, 20, 300, .budget = 50, SPAM
#define KINDS(p)                                                                     \
	{ "calm", &p, CALM }, { "busy", &p, BUSY }, { "busy, long keep", &p, LONG }, \
		{ "stormy", &p, STORMY }, { "wild", &p, WILD },                      \
		{ "flood, small budget", &p, SMALL },                                \
	{                                                                            \
		"flood, full table", &p, FULL, SPAM                                  \
	}

/* clang-format off */
static const struct scenario sound[] = { KINDS(tcp), KINDS(dtls), KINDS(mqttsn), KINDS(coap) };

/* Each is sound but for the rule. */
#define ROW(row_, go_, act_) \
	.broken = RULE_ROW, .row = AFF_##row_, .go = GO_##go_, .act = PIN_##act_
static const struct scenario broken[] = {
	{ "pins not shortened by DISCONNECT", &mqttsn, LONG, ROW(PIN_CLOSING, PIN, REFRESH) },
	{ "last ACK restores", &tcp, LONG, ROW(PIN_ACK, PIN, REFRESH) },
	{ "last ACK promotes", &tcp, FULL, SPAM, ROW(PIN_ACK, PIN, WAIT) },
	{ "half-open pins do not wait", &dtls, BUSY, ROW(PIN_WAIT, PIN, REFRESH) },
	{ "no refresh", &tcp, BUSY, ROW(PIN, PIN, LEAVE) },
	{ "FIN is not taken back", &tcp, BUSY, ROW(PIN, PIN, TOUCH) },
	{ "pins not followed", &tcp, BUSY, ROW(PIN, CUR, REFRESH) },
	{ "past it to prev", &tcp, BUSY, ROW(PAST, PREV, DROP) },
	{ "past it, closing pins stay", &tcp, BUSY, ROW(PAST, CUR, LEAVE) },
	{ "openers over budget to cur", &tcp, SMALL, ROW(OPENER_FULL, CUR, DROP) },
	{ "over budget, closing pins stay", &tcp, SMALL, ROW(OPENER_FULL, PREV, LEAVE) },
	{ "early openers to cur", &tcp, STORMY, ROW(OPENER_EARLY, CUR, MAKE_HALF_OPEN) },
	{ "early ClientHellos to cur", &dtls, STORMY, ROW(OPENER_EARLY, CUR, MAKE_HALF_OPEN) },
	{ "no pin for early openers", &tcp, STORMY, ROW(OPENER_EARLY, PREV, LEAVE) },
	{ "no pin for late openers", &tcp, STORMY, ROW(OPENER_LATE, CUR, LEAVE) },
	{ "others without pin to cur", &tcp, BUSY, ROW(OTHER, CUR, LEAVE) },
	{ "others pin", &tcp, LONG, ROW(OTHER, PREV, MAKE_ESTABLISHED) },
	{ "CONNACK does not make it wait", &mqttsn, BUSY, ROW(SENDER_WAIT, SENDER, LEAVE) },
	{ "one-way data to cur", &mqttsn, BUSY, ROW(ONEWAY, CUR, MAKE_WAITING) },
	{ "no pin for one-way data", &mqttsn, BUSY, ROW(ONEWAY, PREV, LEAVE) },
	{ "over budget to cur", &dtls, SMALL, ROW(ONEWAY_FULL, CUR, FAIL) },
	{ "over budget, not told", &dtls, SMALL, ROW(ONEWAY_FULL, PREV, LEAVE) },
	{ "the server's FIN is not seen", &tcp, LONG, ROW(SENDER_END, SENDER, LEAVE) },
	{ "the server's last ACK restores", &tcp, LONG, ROW(SENDER_ACK, SENDER, REFRESH) },
	{ "data does not pin", &tcp, BUSY, ROW(SENDER_NEW, SENDER, LEAVE) },

	{ "exchanges sent to cur", &coap, STORMY, ROW(EXCHANGE, CUR, REFRESH_EXCHANGE) },
	{ "requests pass pins by", &coap, BUSY, ROW(PIN_REQUEST, CUR, MAKE_EXCHANGE) },
	{ "requests refresh", &coap, BUSY, ROW(PIN_REQUEST, PIN, REFRESH) },
	{ "requests by pins forgotten", &coap, STORMY, ROW(PIN_REQUEST, PIN, LEAVE) },
	{ "NON requests pass pins by", &coap, BUSY, ROW(PIN_REQUEST_ONCE, CUR, LEAVE) },
	{ "NON requests refresh", &coap, BUSY, ROW(PIN_REQUEST_ONCE, PIN, REFRESH) },
	{ "answers pass pins by", &coap, BUSY, ROW(PIN_ANSWER, CUR, LEAVE) },
	{ "answers refresh", &coap, SMALL, ROW(PIN_ANSWER, PIN, REFRESH) },
	{ "past it, requests to prev", &coap, BUSY, ROW(PAST_REQUEST, PREV, LEAVE) },
	{ "early requests to cur", &coap, STORMY, ROW(REQUEST_EARLY, CUR, MAKE_EXCHANGE) },
	{ "early requests forgotten", &coap, STORMY, ROW(REQUEST_EARLY, PREV, LEAVE) },
	{ "late requests stay", &coap, BUSY, ROW(REQUEST_LATE, PREV, MAKE_EXCHANGE) },
	{ "late requests forgotten", &coap, STORMY, ROW(REQUEST_LATE, CUR, LEAVE) },
	{ "requests over budget to cur", &coap, SMALL, ROW(REQUEST_FULL, CUR, LEAVE) },
	{ "NON requests stay", &coap, BUSY, ROW(REQUEST_ONCE, PREV, LEAVE) },
	{ "NON registrations to cur", &coap, BUSY, ROW(REGISTER_ONCE, CUR, LEAVE) },
	{ "unpinned CoAP to cur", &coap, BUSY, ROW(OTHER, CUR, LEAVE) },
	{ "unpinned CoAP pins", &coap, BUSY, ROW(OTHER, PREV, MAKE_ESTABLISHED) },
	{ "last blocks do not end", &coap, BUSY, ROW(SENDER_END, SENDER, REFRESH) },
	{ "evidence does not refresh", &coap, BUSY, ROW(SENDER_PIN, SENDER, LEAVE) },
	{ "evidence does not pin", &coap, BUSY, ROW(SENDER_NEW, SENDER, LEAVE) },
	{ "own messages forgotten", &coap, BUSY, ROW(SENDER_OWN, SENDER, LEAVE) },

	{ "addresses before ids", &dtls, BUSY, .broken = RULE_CID },
	{ "pins before exchanges", &coap, STORMY, .broken = RULE_EXCHANGE },
	{ "nothing learnt", &coap, BUSY, .broken = RULE_EVIDENCE },
	{ "pins end with the deadline", &tcp, BUSY, .broken = RULE_PIN_PAST_DEADLINE },
	{ "prev overwritten", &tcp, STORMY, .broken = RULE_PREV_STAYS },
	{ "A to B to A ends it", &tcp, STORMY, .broken = RULE_BACK_IS_CHANGE },
	{ "keep too short", &tcp, 89.9, 50, 60, .broken = RULE_KEEP },
	{ "settled with pins left", &tcp, BUSY, .broken = RULE_SETTLE_UNPINNED },
	{ "settled with exchanges left", &coap, BUSY, .broken = RULE_SETTLE_EXCHANGES },
	{ "swept too early", &tcp, BUSY, .broken = RULE_SWEEP_AFTER },
	{ "exchanges swept too early", &coap, STORMY, .broken = RULE_SWEEP_LASTING },
	{ "growing forgets", &tcp, STORMY, .broken = RULE_GROW_STATE },
	{ "id in use given away", &tcp, BUSY, .broken = RULE_ID_IN_USE },
	{ "id in use during the sweep", &tcp, 89.9, 1, 100, .broken = RULE_ID_SINCE_SWEEP },
	{ "no prolongation", &tcp, FULL, SPAM, .broken = RULE_PROLONG },
};
/* clang-format on */

static void add(struct world *sum, const struct world *w)
{
	sum->packets += w->packets;
	sum->messages += w->messages;
	sum->looked_up += w->looked_up;
	sum->moved += w->moved;
	sum->held += w->held;
	sum->prolonged += w->prolonged;
	sum->over_budget += w->over_budget;
	sum->reused += w->reused;
	sum->torn += w->torn;
	sum->floods += w->floods;
	sum->doubled += w->doubled;
	sum->settled += w->settled;
	for (int row = 0; row < AFF__MAX; row++)
		sum->rows[row] += w->rows[row];
}

static void tell(const struct scenario *sc, const struct world *w)
{
	print_message("%-6s %-31s %7llu packets, %3llu %% looked up, %llu moved, %llu held; %llu "
		      "prolonged, %llu over budget, %llu torn\n",
		      sc->protocol->name, sc->name, (unsigned long long)w->packets,
		      (unsigned long long)(100 * w->looked_up / (w->packets + w->messages)),
		      (unsigned long long)w->moved, (unsigned long long)w->held,
		      (unsigned long long)w->prolonged, (unsigned long long)w->over_budget,
		      (unsigned long long)w->torn);
}

/* More than straddles the ends of transitions and could not be remembered. */
static bool is_torn(const struct world *w)
{
	return w->torn > w->over_budget / 50 + 20;
}

/* A seed of each scenario of @p; the sum is added to @all. */
static void check_protocol(const struct protocol *p, struct world *all)
{
	struct world sum = {};

	for (size_t i = 0; i < SL_ARRAY_SIZE(sound); i++) {
		const struct scenario *sc = &sound[i];
		struct world w;

		if (sc->protocol != p)
			continue;
		run(&w, sc, i);
		tell(sc, &w);
		assert_int_equal(w.moved, 0);
		assert_int_equal(w.held, 0);
		assert_true(!sc->pins <= !w.prolonged || p->oneway);
		assert_true(!sc->budget == !w.over_budget);
		assert_false(is_torn(&w));
		add(&sum, &w);
	}
	assert_in_range(sum.packets, 1000000, UINT64_MAX);
	assert_true(sum.settled && sum.doubled && sum.reused && sum.floods);
	add(all, &sum);
}

/* Every row but the one for instances that are given up, of which there are none. */
static void test_no_flow_moves(void **state)
{
	static const struct protocol *const protocols[] = { &tcp, &dtls, &mqttsn, &coap };
	struct world all = {};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(protocols); i++)
		check_protocol(protocols[i], &all);
	for (int row = 0; row < AFF__MAX; row++) {
		if (row != AFF_RESET && !all.rows[row])
			fail_msg("row %d was never taken", row);
	}
}

static void test_each_rule_is_needed(void **state)
{
	bool seen[RULE__MAX] = { [RULE_NONE] = true };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(broken); i++) {
		struct world w = {};

		for (uint64_t seed = 0; seed < 5 && !w.moved && !w.held && !is_torn(&w); seed++)
			run(&w, &broken[i], seed);
		tell(&broken[i], &w);
		assert_true(w.moved || w.held || is_torn(&w));
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
