/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CoAP devices of the model of pins. An endpoint does several things at once: it
 * polls (RFC 7252), runs what must not run twice, transfers block by block (RFC
 * 7959), observes (RFC 7641). Moved is: a request run by two instances, a block, an
 * ACK or RST, or the end of an observation that reaches another than waits for it.
 */
#ifndef SL_PINS_COAP_H
#define SL_PINS_COAP_H

#include "pins_daemon.h"

#define COAP_THINGS    4 /* an endpoint */
#define COAP_ENDPOINTS 500
#define COAP_ANSWER_S  5 /* an answer comes within */

enum coap_thing {
	COAP_POLL,
	COAP_POST,
	COAP_TRANSFER,
	COAP_OBSERVE,
};

enum coap_state {
	COAP_ASK,    /* a request goes out, again and again until it is answered */
	COAP_ANSWER, /* its answer passes on its way back */
	COAP_ACK,    /* of the server's own message */
	COAP_BLOCK,  /* the next block */
	COAP_NOTIFY, /* the server speaks */
	COAP_CANCEL, /* the end of an observation */
};

/* Of three endpoints two poll and transfer, quickly, and hold no drain up; one of these
 * gives its transfers up, and seldom observes.
 */
static bool coap_is_quitter(uint32_t i)
{
	return i / COAP_THINGS % 3 == 1;
}

static bool coap_is_poller(uint32_t i)
{
	return i / COAP_THINGS % 3 == 0 || coap_is_quitter(i);
}

static enum coap_thing coap_thing(uint32_t i)
{
	static const enum coap_thing poller[] = { COAP_POLL, COAP_POST, COAP_TRANSFER, COAP_POLL };
	bool observes = !coap_is_poller(i) || coap_is_quitter(i);

	return observes ? i % COAP_THINGS : poller[i % COAP_THINGS];
}

static uint16_t coap_mid(struct world *w)
{
	return ++w->mids;
}

/* Later, the next one. */
static void coap_pause(struct world *w, uint32_t i)
{
	double most = coap_is_poller(i) ? 30 : 100;

	/* A pin lasts for keep after an observation, and after a transfer that is not ended. */
	if (coap_is_quitter(i) && (coap_thing(i) == COAP_TRANSFER || coap_thing(i) == COAP_OBSERVE))
		at(w, w->t + uniform(w, 3, 6) * w->sc->keep_s, EV_OPEN, i);
	else
		at(w, w->t + uniform(w, 0.1, most), EV_OPEN, i);
}

/* -- requests -- */

static enum flow_step coap_step(uint32_t i)
{
	bool slow = coap_thing(i) == COAP_POST || (coap_thing(i) == COAP_TRANSFER && i % 8 < 4);

	if (coap_thing(i) == COAP_OBSERVE)
		return FLOW_REGISTER;
	return slow ? FLOW_REQUEST_SLOW : FLOW_REQUEST;
}

static void coap_open(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];

	f->mid = coap_mid(w);
	f->again = 0;
	f->con = coap_step(i) == FLOW_REQUEST_SLOW || !one_in(w, 4);
	f->separate = coap_thing(i) != COAP_OBSERVE && one_in(w, 4);
	f->left = 1 + rnd(w) % (coap_is_poller(i) ? 3 : 6);
	later(w, i, COAP_ASK, 0, 0);
}

/* What a device asks that does not observe leaves an instance that drains as soon as it
 * can no longer be a repetition; over the budget, with the transition; and after an
 * observation, with its pin.
 */
static void coap_check_drain(struct world *w, uint32_t i, struct who who)
{
	bool slow = coap_step(i) == FLOW_REQUEST_SLOW;
	double left_at = w->left_at[who.id];
	double within = (slow ? AFFINITY_GRACE_SLOW_S : AFFINITY_GRACE_S) + 1;

	if (coap_is_quitter(i))
		within = 2 * w->sc->keep_s + 60;
	else if (w->sc->budget)
		within = w->sc->keep_s + 60;
	if (coap_is_poller(i) && left_at && !w->sc->pins && !w->flows[i].again)
		w->held += w->t > left_at + within;
}

/* It must have been @who, unless over the budget nobody could remember it. */
static void coap_must(struct world *w, struct flow *f, struct who who)
{
	if (who.serial == f->who.serial)
		return;
	if (w->sc->budget)
		w->torn++;
	else
		w->moved++;
	f->who = who;
}

/* The request has reached its server. */
static void coap_is_heard(struct world *w, uint32_t i)
{
	later(w, i, COAP_ANSWER, 0.001, w->flows[i].separate ? COAP_ANSWER_S : 0.5);
}

static void coap_ask(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];
	struct said said = { .step = coap_step(i) };
	struct who who;

	if (!f->again && w->endpoints[f->endpoint].unanswered) {
		later(w, i, COAP_ASK, 0.01, 1);
		return;
	}
	w->endpoints[f->endpoint].unanswered += !f->again;
	said.mid = f->mid;
	said.mid_of = f->con ? MID_DEVICE : MID_UNTOLD;
	who = packet(w, f->endpoint, &said);
	w->moved += !who.serial;
	if (said.step == FLOW_REQUEST_SLOW && f->again)
		coap_must(w, f, who); /* or it runs twice */
	coap_check_drain(w, i, who);
	f->who = who;
	if (f->con && f->again < (coap_is_poller(i) ? 2 : 4) &&
	    one_in(w, 5)) /* lost, it or its answer */
		later(w, i, COAP_ASK, 2 << f->again, 3 << f->again);
	else
		coap_is_heard(w, i);
	f->again++;
}

/* -- answers -- */

static void coap_block_next(struct world *w, uint32_t i)
{
	double most = one_in(w, 10) && !coap_is_poller(i) ? w->sc->gap : 2;

	if (w->flows[i].left > coap_is_quitter(i))
		later(w, i, COAP_BLOCK, 0.01, most);
	else
		coap_pause(w, i);
}

static void coap_notify_next(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];
	double most = one_in(w, 3) && !coap_is_poller(i) ? w->sc->gap : 5;

	if (f->left-- > 0)
		later(w, i, COAP_NOTIFY, 0.05, most);
	else
		later(w, i, COAP_CANCEL, 0.01, 5);
}

/* What comes after an answer, or its ACK. */
static void coap_go_on(struct world *w, uint32_t i)
{
	switch (coap_thing(i)) {
	case COAP_POLL:
	case COAP_POST:
		coap_pause(w, i);
		break;
	case COAP_TRANSFER:
		coap_block_next(w, i);
		break;
	case COAP_OBSERVE:
		coap_notify_next(w, i);
		break;
	}
}

/* The answer to what the device asks, with @left blocks to come. */
static struct said coap_says(struct world *w, uint32_t i, int left)
{
	struct said said = { .mid = w->flows[i].mid };

	if (coap_thing(i) == COAP_TRANSFER)
		said.transfer = left ? EVIDENCE_STATE : EVIDENCE_END;
	if (coap_thing(i) == COAP_OBSERVE)
		said.evidence = EVIDENCE_STATE;
	return said;
}

static void coap_answer(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];
	struct said said = coap_says(w, i, f->left);

	w->endpoints[f->endpoint].unanswered--;
	/* Nobody remembers a NON: its server may have gone. */
	if (!f->con && w->serial[f->who.id] != f->who.serial) {
		w->torn++;
		coap_pause(w, i);
		return;
	}
	/* What answers a NON is one. */
	said.own = f->con ? f->separate : said.evidence != EVIDENCE_NONE;
	if (said.own)
		said.mid = f->own_mid = coap_mid(w);
	f->again = 0;
	message(w, f->endpoint, f->who, said);
	if (f->separate && f->con)
		later(w, i, COAP_ACK, 0.01, 2);
	else
		coap_go_on(w, i);
}

static void coap_ack(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];
	const struct said said = { .step = FLOW_ANSWER, .mid_of = MID_SERVER, .mid = f->own_mid };

	coap_must(w, f, packet(w, f->endpoint, &said));
	if (coap_thing(i) == COAP_OBSERVE && one_in(w, 10))
		coap_pause(w, i); /* it was a RST */
	else
		coap_go_on(w, i);
}

/* -- blocks and observations -- */

static void coap_block(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];

	coap_must(w, f, packet(w, f->endpoint, &(struct said){ .step = FLOW_BLOCK }));
	w->endpoints[f->endpoint].unanswered += !f->again;
	if (f->again++ < 4 && one_in(w, 8)) { /* lost, it or its answer */
		if (one_in(w, 2))
			message(w, f->endpoint, f->who, coap_says(w, i, f->left - 1));
		later(w, i, COAP_BLOCK, 2, 3);
		return;
	}
	f->again = 0;
	f->left--;
	f->separate = one_in(w, 8);
	f->con = true;
	coap_is_heard(w, i);
}

static void coap_notify(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];
	struct said said = { .evidence = EVIDENCE_STATE, .own = true };

	said.mid = f->own_mid = coap_mid(w);
	message(w, f->endpoint, f->who, said);
	if (one_in(w, 2)) /* CON */
		later(w, i, COAP_ACK, 0.01, 2);
	else
		coap_notify_next(w, i);
}

static void coap_cancel(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];

	coap_must(w, f, packet(w, f->endpoint, &(struct said){ .step = FLOW_STATE }));
	message(w, f->endpoint, f->who, (struct said){});
	coap_pause(w, i);
}

static void coap_thing_step(struct world *w, uint32_t i)
{
	static void (*const steps[])(struct world * w, uint32_t i) = {
		[COAP_ASK] = coap_ask,	   [COAP_ANSWER] = coap_answer, [COAP_ACK] = coap_ack,
		[COAP_BLOCK] = coap_block, [COAP_NOTIFY] = coap_notify, [COAP_CANCEL] = coap_cancel,
	};

	steps[w->flows[i].state](w, i);
}

static void coap_flood(struct world *w, uint32_t endpoint)
{
	static const enum flow_step steps[] = { FLOW_REQUEST, FLOW_REQUEST, FLOW_REQUEST_SLOW,
						FLOW_BLOCK, FLOW_ANSWER };
	struct who who;
	struct said said = { .step = steps[rnd(w) % SL_ARRAY_SIZE(steps)], .mid = coap_mid(w) };

	if (flow_is_request(said.step) && !one_in(w, 4))
		said.mid_of = MID_DEVICE;
	else if (said.step == FLOW_ANSWER)
		said.mid_of = MID_SERVER;
	who = packet(w, endpoint, &said);
	if (one_in(w, 4)) /* there is nobody who could be told apart */
		message(w, endpoint, who, (struct said){ .transfer = EVIDENCE_STATE });
}

static const struct protocol coap = {
	.name = "coap",
	.n_flows = COAP_ENDPOINTS * COAP_THINGS,
	.per_endpoint = COAP_THINGS,
	.open = coap_open,
	.step = coap_thing_step,
	.flood = coap_flood,
};

#endif /* SL_PINS_COAP_H */
