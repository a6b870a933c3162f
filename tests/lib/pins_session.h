/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Devices of the model of pins whose protocol has connections: TCP, DTLS with and
 * without connection ids (RFC 9146), MQTT-SN. A flow is moved if a packet reaches
 * another instance than its first, or than the one that its connection id names.
 */
#ifndef SL_PINS_SESSION_H
#define SL_PINS_SESSION_H

#include "pins_kernel.h"

#define N_SESSIONS 1500

enum session_state {
	SESSION_AGAIN,	/* repeats its opener */
	SESSION_COOKIE, /* DTLS: repeats its ClientHello with a cookie */
	SESSION_TALK,
	SESSION_LAST, /* TCP: acknowledges the other end's FIN */
};

static bool is_protocol(const struct world *w, const char *name)
{
	return !strcmp(w->sc->protocol->name, name);
}

static struct who session_send(struct world *w, struct flow *f, enum flow_step step)
{
	return packet(w, f->endpoint, &(struct said){ .step = step });
}

static void session_must(struct world *w, struct flow *f, enum flow_step step)
{
	packet_to(w, f->endpoint, &(struct said){ .step = step }, f->who);
}

/* What its instance says soon. */
static void session_reply(struct world *w, uint32_t i, enum flow_evidence evidence)
{
	double t = w->t + uniform(w, 0.0005, 0.2);

	at(w, t, EV_REPLY + evidence, i);
	if (t > w->flows[i].answered)
		w->flows[i].answered = t;
}

static void session_replies(struct world *w, uint32_t i, enum flow_evidence evidence)
{
	struct flow *f = &w->flows[i];

	message(w, f->endpoint, f->who, (struct said){ .evidence = evidence });
}

/* -- beginning -- */

static void session_talk(struct world *w, uint32_t i)
{
	bool cookie = is_protocol(w, "dtls") && !one_in(w, 4);
	/* A client of MQTT-SN that is connected need not say anything. */
	double late = is_protocol(w, "mqttsn") ? w->sc->gap : 50;

	if (is_protocol(w, "mqttsn"))
		session_reply(w, i, EVIDENCE_GREETING);
	/* The next step of the handshake may be late, too. */
	later(w, i, cookie ? SESSION_COOKIE : SESSION_TALK, 0.0005, one_in(w, 10) ? late : 0.2);
}

/* Nobody remembers an opener over the budget: what follows is safe until the
 * deadline, but its repetition may go elsewhere.
 */
static bool session_is_untold(struct world *w, struct flow *f, uint64_t over_budget_before)
{
	if (w->over_budget == over_budget_before)
		return false;
	f->untold_until = w->slots[slot_of(w, &w->endpoints[f->endpoint])].deadline;
	return true;
}

static void session_open(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];
	uint64_t before = w->over_budget;

	w->endpoints[f->endpoint].ended = 0;
	f->end = w->t + uniform(w, 0, 1800);
	f->forged = false;
	f->by_cid = is_protocol(w, "dtls") && i % 3 == 0;
	f->who = session_send(w, f, FLOW_OPENER);
	w->moved += !f->who.serial; /* lost: nobody is there */
	f->untold_until = 0;
	f->again = 0;
	if (session_is_untold(w, f, before))
		later(w, i, SESSION_TALK, 0.0005, 0.2);
	else if (one_in(w, 2))
		later(w, i, SESSION_AGAIN, 1, 1);
	else
		session_talk(w, i);
}

/* Retransmissions: after 1, 3 and 7 s (RFC 6347 4.2.4.1; TCP likewise, but here no
 * third one). MQTT-SN waits for 10 to 15 s: the connection is the one that is
 * answered, and that is the last.
 */
static void session_again(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];
	int most = is_protocol(w, "dtls") ? 3 : 2;
	uint64_t before = w->over_budget;

	if (is_protocol(w, "mqttsn"))
		f->who = session_send(w, f, FLOW_OPENER);
	else
		session_must(w, f, FLOW_OPENER);
	if (session_is_untold(w, f, before))
		later(w, i, SESSION_TALK, 0.0005, 0.2);
	else if (++f->again >= most || one_in(w, 3))
		session_talk(w, i);
	else if (is_protocol(w, "mqttsn"))
		later(w, i, SESSION_AGAIN, 10, 15);
	else
		later(w, i, SESSION_AGAIN, 1 << f->again, 1 << f->again);
}

/* What follows an opener that nobody remembers, until there is a pin. */
static bool session_torn(struct world *w, struct flow *f)
{
	const struct endpoint *e = &w->endpoints[f->endpoint];

	if (e->pins[0].has_full || e->pins[0].has_half)
		f->untold_until = 0;
	if (!f->untold_until || clock_s(w->t) < f->untold_until)
		return false;
	f->untold_until = 0;
	w->torn++;
	f->who = session_send(w, f, FLOW_OTHER);
	return true;
}

/* -- data -- */

/* To another address and port, which nobody has used. */
static void session_wander(struct world *w, struct flow *f)
{
	f->endpoint = w->n_real + rnd(w) % (w->n_endpoints - w->n_real);
	w->endpoints[f->endpoint].ended = 0;
}

/* Returns false if its instance is gone: a new session it must be. An instance goes
 * when neither slots nor pins name it, and ids are no pins.
 */
static bool session_by_cid(struct world *w, struct flow *f)
{
	if (w->serial[f->who.id] != f->who.serial)
		return false;
	if (one_in(w, 10))
		session_wander(w, f);
	w->moved += packet_by_cid(w, f->endpoint, f->who.id).serial != f->who.serial;
	if (one_in(w, 3)) /* at once: it may not live much longer */
		message(w, f->endpoint, f->who, (struct said){ .evidence = EVIDENCE_STATE });
	return true;
}

/* TCP data is acknowledged, or answered with more; what acknowledges is an answer
 * itself. What others say may have no answer.
 */
static void session_data(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];
	bool is_tcp = is_protocol(w, "tcp"), pure_ack = is_tcp && !f->forged && one_in(w, 4);

	f->forged = false;
	if (pure_ack)
		session_replies(w, i, EVIDENCE_STATE);
	if (!session_torn(w, f))
		session_must(w, f, pure_ack ? FLOW_ACK : FLOW_OTHER);
	if (is_tcp && !pure_ack)
		session_reply(w, i, one_in(w, 2) ? EVIDENCE_ACK : EVIDENCE_STATE);
	else if (!is_tcp && one_in(w, 3))
		session_reply(w, i, EVIDENCE_STATE);
}

/* The device ends it, or falls silent, and its address is used again. */
static void session_close(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];
	struct endpoint *e = &w->endpoints[f->endpoint];
	bool politely = !one_in(w, 10), server_first = is_protocol(w, "tcp") && one_in(w, 3);

	if (politely) {
		session_torn(w, f);
		if (server_first) {
			session_replies(w, i, EVIDENCE_END);
			session_must(w, f, FLOW_ACK);
		}
		session_must(w, f, FLOW_CLOSING);
		/* Without a pin the server's last ACK may make one. */
		e->ended = e->pins[0].has_full || e->pins[0].has_half ? w->t : 0;
	}
	if (!politely && is_protocol(w, "tcp") && one_in(w, 2)) { /* but its server does: RST */
		session_replies(w, i, EVIDENCE_END);
		e->ended = w->t;
	}
	/* A FIN makes no pin. */
	if (!e->pins[0].has_full && !e->pins[0].has_half)
		f->untold_until = w->slots[slot_of(w, e)].deadline;
	if (politely && server_first) {
		session_reply(w, i, EVIDENCE_ACK);
	} else if (politely && is_protocol(w, "tcp")) {
		if (one_in(w, 2))
			session_reply(w, i, EVIDENCE_ACK);
		f->again = rnd(w) % 3;
		later(w, i, SESSION_LAST, 0.25, 2);
		return;
	}
	if (f->lives-- > 0)
		at(w, w->t + uniform(w, 0.3, 200), EV_OPEN, i);
}

/* Only acknowledgements follow its FIN. */
static void session_last(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];
	struct who who;

	session_replies(w, i, EVIDENCE_END);
	who = session_send(w, f, FLOW_ACK);
	if (who.serial != f->who.serial && f->untold_until && clock_s(w->t) >= f->untold_until)
		w->torn++;
	else
		w->moved += who.serial != f->who.serial;
	f->who = who;
	if (w->endpoints[f->endpoint].ended > 0)
		w->endpoints[f->endpoint].ended = w->t;
	if (f->again-- > 0)
		later(w, i, SESSION_LAST, 0.1, 50);
	else if (f->lives-- > 0)
		at(w, w->t + uniform(w, 0.3, 200), EV_OPEN, i);
}

/* FIN or RST, alert, DISCONNECT: the server's answer to it makes the device speak,
 * with acknowledgements at first, and within the time that an ended flow's pin has.
 */
static void session_forged(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];

	session_send(w, f, FLOW_CLOSING);
	if (is_protocol(w, "tcp"))
		session_reply(w, i, EVIDENCE_ACK);
	if (is_protocol(w, "tcp") && one_in(w, 2))
		session_must(w, f, FLOW_ACK);
	f->forged = true;
	later(w, i, SESSION_TALK, 0.01, 55);
}

static void session_talks(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];
	bool silent = !f->forged && one_in(w, 4);

	if (w->t > f->end && w->t < f->answered) { /* what would come after the end restores */
		later(w, i, SESSION_TALK, 0.01, 0.2);
		return;
	}
	if (w->t > f->end && !f->by_cid) {
		session_close(w, i);
		return;
	}
	if (f->by_cid && f->state == SESSION_TALK && (w->t > f->end || !session_by_cid(w, f))) {
		f->endpoint = i;
		if (f->lives-- > 0)
			at(w, w->t + uniform(w, 0.3, 200), EV_OPEN, i);
		return;
	}
	if (!f->by_cid)
		session_data(w, i);
	if (one_in(w, 20) && !f->by_cid)
		session_forged(w, i);
	else
		later(w, i, SESSION_TALK, 0.01, silent ? w->sc->gap : 1);
}

static void session_step(struct world *w, uint32_t i)
{
	switch (w->flows[i].state) {
	case SESSION_AGAIN:
		session_again(w, i);
		break;
	case SESSION_COOKIE: /* and what is left of the handshake, which has no id yet */
		session_data(w, i);
		session_talk(w, i);
		break;
	case SESSION_TALK:
		session_talks(w, i);
		break;
	case SESSION_LAST:
		session_last(w, i);
		break;
	}
}

static void session_flood(struct world *w, uint32_t endpoint)
{
	static const enum flow_step steps[] = { FLOW_OPENER, FLOW_OPENER, FLOW_OTHER, FLOW_ACK,
						FLOW_CLOSING };
	uint32_t n = rnd(w) % SL_ARRAY_SIZE(steps);
	struct who who;

	if (steps[n] == FLOW_ACK && !is_protocol(w, "tcp"))
		n--;
	who = packet(w, endpoint, &(struct said){ .step = steps[n] });
	if (is_protocol(w, "mqttsn") && steps[n] == FLOW_OPENER)
		message(w, endpoint, who, (struct said){ .evidence = EVIDENCE_GREETING });
}

#define SESSION	     N_SESSIONS, 1
#define SESSION_DOES session_open, session_step, session_flood
static const struct protocol tcp = { "tcp", SESSION, true, false, SESSION_DOES };
static const struct protocol dtls = { "dtls", SESSION, false, true, SESSION_DOES };
static const struct protocol mqttsn = { "mqttsn", SESSION, false, true, SESSION_DOES };

#endif /* SL_PINS_SESSION_H */
