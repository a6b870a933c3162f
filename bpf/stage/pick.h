/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stage 6: flow -> instance. A slot says it, unless the ring has just changed
 * there: then the flow's pin does, by the decision in lib/affinity.h.
 */
#ifndef SL_STAGE_PICK_H
#define SL_STAGE_PICK_H

#include "../lib/affinity.h"
#include "../lib/hash.h"
#include "../maps.h"
#include "../pkt.h"
#include "note.h"

/* What the decision is asked. */
struct pick_ask {
	struct sl_slot slot;
	struct sl_pin_key key;
	__u32 now_s;
	__u32 keep_s;
	__u32 half_open_max;
	__u32 step; /* enum flow_step */
};

struct pick {
	struct affinity_view view;
	struct sl_pin_key key;
	struct sl_pin *pin;
	struct sl_service_state *state;
};

/* A slot is one word, read at once: the daemon stores it at once. */
static __always_inline bool slot_read(__u32 index, struct sl_slot *ret)
{
	volatile __u64 *word = bpf_map_lookup_elem(&sl_slots, &index);
	union {
		__u64 word;
		struct sl_slot slot;
	} u;

	if (!word)
		return false;
	u.word = *word;
	*ret = u.slot;
	return true;
}

static __always_inline struct sl_instance *instance_of(__u32 id)
{
	return bpf_map_lookup_elem(&sl_instances, &id);
}

static __always_inline bool instance_usable(__u32 id)
{
	const struct sl_instance *i = instance_of(id);

	return id && i && !(i->flags & SL_I_DOWN);
}

static __always_inline void pick_find_pin(struct pick *k)
{
	const struct sl_instance *i;

	k->view.pin = PIN_ESTABLISHED;
	k->pin = bpf_map_lookup_elem(&sl_pins, &k->key);
	if (!k->pin) {
		k->view.pin = PIN_HALF_OPEN;
		k->pin = bpf_map_lookup_elem(&sl_half_open, &k->key);
	}
	if (!k->pin) {
		k->view.pin = PIN_NONE;
		return;
	}
	k->view.pin_instance = k->pin->instance;
	k->view.pin_closing = k->pin->flags & SL_PIN_CLOSING;
	i = instance_of(k->pin->instance);
	k->view.pin_usable = i && i->generation == k->pin->generation && !(i->flags & SL_I_DOWN);
}

static __always_inline void pick_delete_half_open(struct pick *k)
{
	if (!bpf_map_delete_elem(&sl_half_open, &k->key) && k->state)
		__sync_fetch_and_sub(&k->state->half_open, 1);
}

static __always_inline void pick_delete(struct pick *k)
{
	if (k->view.pin == PIN_ESTABLISHED)
		bpf_map_delete_elem(&sl_pins, &k->key);
	else if (k->view.pin == PIN_HALF_OPEN)
		pick_delete_half_open(k);
}

/* Returns the instance the opener goes to: @pin's; the one that another CPU has
 * just chosen; or, where the map is full although the budget is not, prev, which
 * is right without a pin.
 */
static __always_inline __u16 pick_make_half_open(struct pick *k, const struct sl_pin *pin)
{
	const struct sl_pin *other;

	pick_delete(k);
	if (!bpf_map_update_elem(&sl_half_open, &k->key, pin, BPF_NOEXIST)) {
		if (k->state)
			__sync_fetch_and_add(&k->state->half_open, 1);
		return pin->instance;
	}
	other = bpf_map_lookup_elem(&sl_half_open, &k->key);
	if (other)
		return other->instance;
	note(SL_N_HALF_OPEN_FULL);
	return k->view.prev_usable ? k->view.slot.prev : pin->instance;
}

static __always_inline void pick_make_established(struct pick *k, const struct sl_pin *pin)
{
	if (bpf_map_update_elem(&sl_pins, &k->key, pin, BPF_ANY)) {
		note(SL_N_PIN_FAILED);
		if (k->state)
			__sync_fetch_and_add(&k->state->pin_failures, 1);
		if (k->view.pin == PIN_HALF_OPEN && k->pin) { /* it says the same: let it live */
			k->pin->seen = pin->seen;
			k->pin->flags = SL_PIN_KEEP;
		}
		return;
	}
	if (k->view.pin == PIN_HALF_OPEN)
		pick_delete_half_open(k);
}

/* Returns the instance. */
static __always_inline __u16 pick_act(struct pick *k, struct affinity a)
{
	struct sl_pin pin = { .instance = a.instance, .seen = k->view.now_s };
	const struct sl_instance *i = instance_of(a.instance);

	if (i)
		pin.generation = i->generation;
	switch (a.action) {
	case PIN_LEAVE:
		break;
	case PIN_REFRESH:
		if (k->pin) {
			k->pin->seen = k->view.now_s;
			k->pin->flags &= ~SL_PIN_CLOSING;
		}
		break;
	case PIN_SHORTEN:
		if (k->pin) {
			k->pin->seen = k->view.now_s;
			k->pin->flags |= SL_PIN_CLOSING;
		}
		break;
	case PIN_MAKE_HALF_OPEN:
		return pick_make_half_open(k, &pin);
	case PIN_MAKE_CLOSING:
		pin.flags = SL_PIN_CLOSING;
		pick_make_established(k, &pin);
		break;
	case PIN_PROMOTE:
	case PIN_MAKE_ESTABLISHED:
		pick_make_established(k, &pin);
		break;
	case PIN_DROP:
		pick_delete(k);
		break;
	}
	return a.instance;
}

/* VERIFIER: alone, because a decision has many paths that all end in an id. Returns
 * the instance; 0: none.
 */
sl_global int sl_pick_by_pin(struct pick_ask *ask)
{
	struct pick k = {};
	struct affinity a;
	__u32 service;

	if (!ask)
		return 0;
	service = ask->key.service;
	k.key = ask->key;
	k.state = bpf_map_lookup_elem(&sl_svc_states, &service);
	k.view.slot = ask->slot;
	k.view.keep_s = ask->keep_s;
	k.view.now_s = ask->now_s;
	k.view.step = ask->step;
	k.view.prev_usable = instance_usable(ask->slot.prev);
	k.view.half_open_room = k.state && k.state->half_open < ask->half_open_max;
	pick_find_pin(&k);
	a = affinity_decide(&k.view);
	if (!k.view.half_open_room && flow_is_opener(k.view.step) && k.view.pin == PIN_NONE)
		note(SL_N_HALF_OPEN_FULL);
	return pick_act(&k, a);
}

/* The slot is in transition, or past it with pins left. */
static __always_inline __u16 pick_by_pin(struct pkt *p, struct sl_slot slot)
{
	struct pick_ask ask = {
		.key = { .addr = p->flow.src, .port = p->flow.sport, .service = p->svc->id },
		.slot = slot,
		.keep_s = p->svc->keep_s,
		.half_open_max = p->svc->half_open_max,
		.step = p->step,
	};

	if (!p->now_ns)
		p->now_ns = bpf_ktime_get_coarse_ns();
	ask.now_s = p->now_ns / 1000000000;
	return sl_pick_by_pin(&ask);
}

static __always_inline enum sl_reason stage_pick(struct pkt *p)
{
	__u32 hash, size = p->svc->ring_size;
	struct sl_slot slot;

	if (!size)
		return SL_R_NO_INSTANCE;
	hash = flow_hash(p->control->flow_key, &p->flow.src, p->flow.sport);
	if (!slot_read(p->svc->ring_first + ring_slot(hash, size), &slot))
		return SL_R_INTERNAL;

	p->inst_id = slot.cur;
	if (affinity_needs_pin(slot) && p->svc->flags & SL_SVC_AFFINITY)
		p->inst_id = pick_by_pin(p, slot);
	if (!p->inst_id)
		return SL_R_NO_INSTANCE;
	p->inst = instance_of(p->inst_id);
	return p->inst ? SL_R_NONE : SL_R_INTERNAL;
}

#endif
