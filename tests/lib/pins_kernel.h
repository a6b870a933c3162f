/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The packet path of the model of pins: what bpf/stage/pick.h and learn.h do with
 * the maps, around the real affinity_decide(), affinity_learn() and cid_server_id().
 */
#ifndef SL_PINS_KERNEL_H
#define SL_PINS_KERNEL_H

#include "lib/cid.h"
#include "pins_world.h"

/* As bpf/pkt.h has it. */
enum message_id {
	MID_UNTOLD,
	MID_DEVICE,
	MID_SERVER,
};

/* What the packet path makes of a packet, or of an instance's message. */
struct said {
	enum flow_step step;
	enum message_id mid_of;
	uint16_t mid;
	uint16_t sender; /* of an instance's message */
	enum flow_evidence evidence, transfer;
	bool own;
};

/* Struct pick of the packet path. */
struct look {
	struct endpoint *e;
	struct affinity_view view;
	struct pins *pins; /* by the key */
	struct sl_pin *pin;
	struct exchange *exchange;
	const struct said *said;
};

static uint32_t slot_of(const struct world *w, const struct endpoint *e)
{
	return (uint64_t)e->hash * w->size >> 32;
}

/* -- maps -- */

static void half_drop(struct world *w, struct pins *p)
{
	w->n_half -= p->has_half;
	p->has_half = false;
}

static void full_drop(struct world *w, struct pins *p)
{
	w->n_full -= p->has_full;
	p->has_full = false;
}

static void half_add(struct world *w, struct pins *p, const struct sl_pin *pin)
{
	if (p->has_half)
		return;
	w->n_half++;
	p->has_half = true;
	p->half = *pin;
}

static struct exchange *exchange_find(struct endpoint *e, uint16_t mid, bool by_server)
{
	for (uint32_t i = 0; i < e->n_exchanges; i++) {
		if (e->exchanges[i].mid == mid && e->exchanges[i].by_server == by_server)
			return &e->exchanges[i];
	}
	return NULL;
}

static struct exchange *exchange_add(struct world *w, struct endpoint *e)
{
	if (e->n_exchanges == e->cap_exchanges) {
		e->cap_exchanges = 2 * e->cap_exchanges + 4;
		e->exchanges = realloc(e->exchanges, e->cap_exchanges * sizeof(*e->exchanges));
		if (!e->exchanges)
			abort();
	}
	w->n_exchanges++;
	return &e->exchanges[e->n_exchanges++];
}

static void exchange_drop(struct world *w, struct endpoint *e, uint32_t i)
{
	e->exchanges[i] = e->exchanges[--e->n_exchanges];
	w->n_exchanges--;
}

static bool has_budget(const struct world *w, uint32_t used)
{
	return !w->sc->budget || used < w->sc->budget;
}

/* -- what is known -- */

static void find_pin(struct world *w, struct look *l)
{
	struct affinity_view *v = &l->view;
	bool transfer = v->sender ? v->transfer : v->step == FLOW_BLOCK;
	struct pins *p = &l->e->pins[transfer];

	l->pins = p;
	v->pin = p->has_full ? PIN_ESTABLISHED : p->has_half ? PIN_HALF_OPEN : PIN_NONE;
	if (v->pin == PIN_NONE)
		return;
	l->pin = p->has_full ? &p->full : &p->half;
	v->pin_instance = l->pin->instance;
	v->pin_closing = l->pin->flags & SL_PIN_CLOSING;
	v->pin_usable = l->pin->generation == w->generation[l->pin->instance];
}

static void find_exchange(struct world *w, struct look *l)
{
	struct sl_exchange *x;

	l->exchange = exchange_find(l->e, l->said->mid, l->said->mid_of == MID_SERVER);
	if (!l->exchange)
		return;
	x = &l->exchange->x;
	l->view.exchange = x->generation == w->generation[x->instance];
	l->view.exchange_instance = x->instance;
	if (!keeps(w, RULE_EXCHANGE))
		l->view.exchange = false;
}

static void look(struct world *w, struct look *l)
{
	struct affinity_view *v = &l->view;
	uint32_t used;

	w->looked_up++;
	v->prev_usable = v->slot.prev != 0;
	v->repeats = l->said->mid_of == MID_DEVICE;
	v->oneway = w->sc->protocol->oneway;
	v->is_tcp = w->sc->protocol->is_tcp;
	used = v->sender || flow_is_request(v->step) ? w->n_exchanges : w->n_half;
	/* What may be a flood leaves half of it: of data to openers, of requests to answers. */
	v->room =
		has_budget(w, v->sender || v->is_tcp || flow_is_opener(v->step) ? used : 2 * used);
	find_pin(w, l);
	if (l->said->mid_of)
		find_exchange(w, l);
}

/* -- what is done -- */

static void not_established(struct world *w, struct look *l, struct sl_pin pin)
{
	w->failures++;
	pin.flags |= SL_PIN_KEEP;
	if (l->view.pin == PIN_HALF_OPEN) {
		if (l->pin->instance == pin.instance) {
			l->pin->seen = pin.seen;
			l->pin->flags = pin.flags;
			return;
		}
		half_drop(w, l->pins);
	}
	if (!affinity_goes_unpinned(&l->view, pin.instance) && has_budget(w, w->n_half))
		half_add(w, l->pins, &pin);
}

static void full_make(struct world *w, struct look *l, struct sl_pin pin)
{
	struct pins *p = l->pins;

	if (!p->has_full && w->sc->pins && w->n_full >= w->sc->pins) {
		not_established(w, l, pin);
		return;
	}
	w->n_full += !p->has_full;
	p->has_full = true;
	p->full = pin;
	half_drop(w, p);
}

static uint16_t make_exchange(struct world *w, struct look *l, const struct sl_pin *pin)
{
	if (!l->exchange) {
		l->exchange = exchange_add(w, l->e);
		l->exchange->mid = l->said->mid;
		l->exchange->by_server = l->said->mid_of == MID_SERVER;
	}
	l->exchange->x = (struct sl_exchange){ pin->instance, pin->generation, pin->seen };
	return pin->instance;
}

/* Returns the instance. */
static uint16_t act(struct world *w, struct look *l, enum pin_action action, uint16_t instance)
{
	struct sl_pin pin = {
		.instance = instance,
		.generation = w->generation[instance],
		.seen = l->view.now_s,
	};

	switch (action) {
	case PIN_LEAVE:
		break;
	case PIN_REFRESH:
		if (l->pin) {
			l->pin->seen = l->view.now_s;
			l->pin->flags &= ~SL_PIN_CLOSING;
		}
		break;
	case PIN_TOUCH:
		if (l->pin)
			l->pin->seen = l->view.now_s;
		break;
	case PIN_WAIT:
		if (l->pin) {
			l->pin->seen = l->view.now_s;
			l->pin->flags = SL_PIN_KEEP;
		}
		break;
	case PIN_SHORTEN:
		if (l->pin) {
			l->pin->seen = l->view.now_s;
			l->pin->flags |= SL_PIN_CLOSING;
		}
		break;
	case PIN_MAKE_WAITING:
	case PIN_MAKE_HALF_OPEN:
		if (action == PIN_MAKE_WAITING)
			pin.flags = SL_PIN_KEEP;
		full_drop(w, l->pins);
		half_drop(w, l->pins);
		half_add(w, l->pins, &pin);
		break;
	case PIN_FAIL:
		w->failures++;
		break;
	case PIN_PROMOTE:
	case PIN_MAKE_ESTABLISHED:
		full_make(w, l, pin);
		break;
	case PIN_DROP:
		full_drop(w, l->pins);
		half_drop(w, l->pins);
		break;
	case PIN_MAKE_EXCHANGE:
		return make_exchange(w, l, &pin);
	case PIN_REFRESH_EXCHANGE:
		if (l->exchange)
			l->exchange->x.seen = l->view.now_s;
		break;
	}
	return instance;
}

/* Row by row, unless it is the broken one. Returns the instance. */
static uint16_t pick(struct world *w, struct look *l)
{
	struct affinity_view *v = &l->view;
	enum affinity_row row = v->sender ? affinity_learn(v) : affinity_decide(v);
	enum affinity_go go = affinity_go(row);
	enum pin_action action = affinity_do(row);

	w->rows[row]++;
	w->over_budget += row == AFF_OPENER_FULL || row == AFF_REQUEST_FULL;
	w->over_budget += row == AFF_PIN_REQUEST_ONCE && v->repeats;
	if (w->sc->broken == RULE_ROW && w->sc->row == row) {
		go = w->sc->go;
		action = w->sc->act;
	}
	if (!keeps(w, RULE_PIN_PAST_DEADLINE) && v->slot.deadline <= v->now_s && !v->sender) {
		go = GO_CUR;
		action = PIN_LEAVE;
	}
	return act(w, l, action, affinity_instance(v, go));
}

static uint16_t ask(struct world *w, uint32_t endpoint, const struct said *said)
{
	struct endpoint *e = &w->endpoints[endpoint];
	struct look l = {
		.e = e,
		.said = said,
		.view = {
			.slot = w->slots[slot_of(w, e)],
			.now_s = clock_s(w->t - uniform(w, 0, TICK_S)),
			.keep_s = w->sc->keep_s,
			.step = said->step,
			.sender = said->sender,
			.evidence = said->evidence,
			.own = said->own,
			.transfer = said->sender && said->transfer,
		},
	};

	if (!affinity_needs_pin(l.view.slot)) {
		w->rows[AFF_QUIESCENT]++;
		return l.view.slot.cur;
	}
	look(w, &l);
	return pick(w, &l);
}

/* A packet from @endpoint. Returns the instance that gets it. */
static struct who packet(struct world *w, uint32_t endpoint, const struct said *said)
{
	uint16_t id = ask(w, endpoint, said);

	w->packets++;
	return (struct who){ .id = id, .serial = w->serial[id] };
}

/* A DTLS record whose connection id names @server. */
static struct who packet_by_cid(struct world *w, uint32_t endpoint, uint16_t server)
{
	const struct said data = { .step = FLOW_OTHER };
	const uint8_t cid[5] = { server };
	__s64 id = cid_server_id(cid, SL_CID_FIRST_BYTE, 0);

	if (!keeps(w, RULE_CID) || !cid_offset(DTLS_CID) || !w->serial[id])
		return packet(w, endpoint, &data);
	w->packets++;
	w->rows[AFF_CID]++;
	return (struct who){ .id = id, .serial = w->serial[id] };
}

/* A message of @who to @endpoint, on its way back. */
static void message(struct world *w, uint32_t endpoint, struct who who, struct said said)
{
	w->messages++;
	w->moved += w->serial[who.id] != who.serial; /* it is gone, too early */
	said.sender = who.id;
	if (!keeps(w, RULE_EVIDENCE))
		return;
	if (said.transfer)
		ask(w, endpoint,
		    &(struct said){ .sender = who.id,
				    .evidence = said.transfer,
				    .transfer = said.transfer });
	said.transfer = EVIDENCE_NONE;
	said.mid_of = said.own ? MID_SERVER : MID_UNTOLD;
	ask(w, endpoint, &said);
}

/* It must reach @who. */
static void packet_to(struct world *w, uint32_t endpoint, const struct said *said, struct who who)
{
	w->moved += packet(w, endpoint, said).serial != who.serial;
}

#endif /* SL_PINS_KERNEL_H */
