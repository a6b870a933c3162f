/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pins and exchanges: what the maps know of a flow, and what the table of
 * lib/affinity.h has done to them.
 */
#ifndef SL_STAGE_PIN_H
#define SL_STAGE_PIN_H

#include "../lib/affinity.h"
#include "../maps.h"
#include "../pkt.h"
#include "note.h"

/* What the decision is asked: where to, or with a sender, what to learn. Filled and
 * cleared in whole words.
 */
struct __attribute__((aligned(8))) pick_ask {
	struct sl_pin_key key;
	__be16 mid;
	__u8 mid_of; /* enum message_id */
	__u8 pad;
	__u32 budget;		   /* of half-open pins, and of exchanges */
	__u32 decided;		   /* row, where to and what to do, 8 bits each */
	struct affinity_view view; /* what the packet says; maps say the rest */
};
_Static_assert(sizeof(struct pick_ask) == 72, "no hidden padding");

struct pick {
	struct pick_ask *ask;
	struct sl_pin *pin;
	struct sl_exchange *exchange;
	struct sl_service_state *state;
};

static __always_inline struct sl_instance *instance_of(__u32 id)
{
	return bpf_map_lookup_elem(&sl_instances, &id);
}

static __always_inline bool instance_is(const struct sl_instance *i, __u8 flags)
{
	return i && (i->flags & (SL_I_DOWN | SL_I_RESET)) == flags;
}

/* -- what is known -- */

static __always_inline void pick_find_pin(struct pick *k)
{
	const struct sl_instance *i;

	k->ask->view.pin_closing = false; /* of an earlier look */
	k->ask->view.pin_usable = false;
	k->ask->view.pin_reset = false;
	k->ask->view.pin = PIN_ESTABLISHED;
	k->pin = bpf_map_lookup_elem(&sl_pins, &k->ask->key);
	if (!k->pin) {
		k->ask->view.pin = PIN_HALF_OPEN;
		k->pin = bpf_map_lookup_elem(&sl_half_open, &k->ask->key);
	}
	if (!k->pin) { /* another CPU may have promoted it between the two looks */
		k->ask->view.pin = PIN_ESTABLISHED;
		k->pin = bpf_map_lookup_elem(&sl_pins, &k->ask->key);
	}
	if (!k->pin) {
		k->ask->view.pin = PIN_NONE;
		return;
	}
	k->ask->view.pin_instance = k->pin->instance;
	k->ask->view.pin_closing = k->pin->flags & SL_PIN_CLOSING;
	i = instance_of(k->pin->instance);
	if (!i || i->generation != k->pin->generation)
		return;
	k->ask->view.pin_usable = !(i->flags & SL_I_DOWN);
	k->ask->view.pin_reset = instance_is(i, SL_I_DOWN | SL_I_RESET);
}

static __always_inline struct sl_exchange_key exchange_key(const struct pick_ask *ask)
{
	return (struct sl_exchange_key){
		.addr = ask->key.addr,
		.port = ask->key.port,
		.service = ask->key.service,
		.mid = ask->mid,
		.by_server = ask->mid_of == MID_SERVER,
	};
}

static __always_inline void pick_find_exchange(struct pick *k)
{
	struct sl_exchange_key key = exchange_key(k->ask);
	const struct sl_instance *i;

	k->exchange = bpf_map_lookup_elem(&sl_exchanges, &key);
	if (!k->exchange)
		return;
	i = instance_of(k->exchange->instance);
	k->ask->view.exchange =
		i && i->generation == k->exchange->generation && !(i->flags & SL_I_DOWN);
	k->ask->view.exchange_instance = k->exchange->instance;
}

static __always_inline bool pick_has_room(const struct pick *k)
{
	const struct affinity_view *v = &k->ask->view;
	bool exchange = v->sender || flow_is_request(v->step);
	bool whole = v->sender || v->is_tcp || flow_is_opener(v->step);

	if (!k->state)
		return false;
	/* What may be a flood leaves half of it: of data to openers, of requests to answers. */
	return (exchange ? k->state->exchanges : k->state->half_open) <
	       (whole ? k->ask->budget : k->ask->budget / 2);
}

/* -- what is done -- */

static __always_inline void pick_delete_half_open(struct pick *k)
{
	if (!bpf_map_delete_elem(&sl_half_open, &k->ask->key) && k->state)
		__sync_fetch_and_sub(&k->state->half_open, 1);
}

static __always_inline void pick_delete(struct pick *k)
{
	if (k->ask->view.pin == PIN_ESTABLISHED)
		bpf_map_delete_elem(&sl_pins, &k->ask->key);
	else if (k->ask->view.pin == PIN_HALF_OPEN)
		pick_delete_half_open(k);
}

static __always_inline bool pick_add_half_open(struct pick *k, const struct sl_pin *pin)
{
	if (bpf_map_update_elem(&sl_half_open, &k->ask->key, pin, BPF_NOEXIST))
		return false;
	if (k->state)
		__sync_fetch_and_add(&k->state->half_open, 1);
	return true;
}

/* Returns the instance the opener goes to: @pin's; the one that another CPU has
 * just chosen; or, where the map is full although the budget is not, prev, which
 * is right without a pin.
 */
static __always_inline __u16 pick_make_half_open(struct pick *k, const struct sl_pin *pin)
{
	const struct sl_pin *other;

	pick_delete(k);
	if (pick_add_half_open(k, pin))
		return pin->instance;
	other = bpf_map_lookup_elem(&sl_half_open, &k->ask->key);
	if (other)
		return other->instance;
	note(SL_N_HALF_OPEN_FULL);
	return affinity_instance(&k->ask->view, GO_PREV);
}

static __always_inline void pick_fail(struct pick *k)
{
	note(SL_N_PIN_FAILED);
	if (k->state)
		__sync_fetch_and_add(&k->state->pin_failures, 1);
}

/* No room among the established: a half-open pin lives on as if it were one, and
 * a flow that is not where it would be sent without a pin gets such a one.
 */
static __always_inline void pick_not_established(struct pick *k, struct sl_pin *pin)
{
	pick_fail(k);
	pin->flags |= SL_PIN_KEEP;
	if (k->ask->view.pin == PIN_HALF_OPEN && k->pin) {
		if (k->pin->instance == pin->instance) {
			k->pin->seen = pin->seen;
			k->pin->flags = pin->flags;
			return;
		}
		pick_delete_half_open(k);
	}
	if (!affinity_goes_unpinned(&k->ask->view, pin->instance) && k->state &&
	    k->state->half_open < k->ask->budget)
		pick_add_half_open(k, pin);
}

static __always_inline void pick_make_established(struct pick *k, struct sl_pin *pin)
{
	if (bpf_map_update_elem(&sl_pins, &k->ask->key, pin, BPF_ANY))
		pick_not_established(k, pin);
	else if (k->ask->view.pin == PIN_HALF_OPEN)
		pick_delete_half_open(k);
}

/* Returns the instance, as pick_make_half_open(). An instance's own message has a
 * Message-ID that it uses anew.
 */
static __always_inline __u16 pick_make_exchange(struct pick *k, const struct sl_pin *pin)
{
	struct sl_exchange_key key = exchange_key(k->ask);
	struct sl_exchange new = { pin->instance, pin->generation, pin->seen };
	bool stale = k->exchange || k->ask->view.sender;
	const struct sl_exchange *other;

	if (!bpf_map_update_elem(&sl_exchanges, &key, &new, BPF_NOEXIST)) {
		if (k->state)
			__sync_fetch_and_add(&k->state->exchanges, 1);
		return pin->instance;
	}
	if (stale && !bpf_map_update_elem(&sl_exchanges, &key, &new, BPF_EXIST))
		return pin->instance;
	other = bpf_map_lookup_elem(&sl_exchanges, &key);
	if (other)
		return other->instance;
	note(SL_N_EXCHANGE_FULL);
	if (k->pin && k->ask->view.pin_instance == pin->instance)
		return pin->instance;
	return affinity_instance(&k->ask->view, GO_PREV);
}

/* What changes nothing but what there is. */
static __always_inline void pick_mend(struct pick *k, __u8 action)
{
	switch (action) {
	case PIN_REFRESH:
		if (k->pin) {
			k->pin->seen = k->ask->view.now_s;
			k->pin->flags &= ~SL_PIN_CLOSING;
		}
		break;
	case PIN_TOUCH:
		if (k->pin)
			k->pin->seen = k->ask->view.now_s;
		break;
	case PIN_WAIT:
		if (k->pin) {
			k->pin->seen = k->ask->view.now_s;
			k->pin->flags = SL_PIN_KEEP;
		}
		break;
	case PIN_SHORTEN:
		if (k->pin) {
			k->pin->seen = k->ask->view.now_s;
			k->pin->flags |= SL_PIN_CLOSING;
		}
		break;
	case PIN_FAIL:
		pick_fail(k);
		break;
	case PIN_DROP:
		pick_delete(k);
		break;
	case PIN_REFRESH_EXCHANGE:
		if (k->exchange)
			k->exchange->seen = k->ask->view.now_s;
		break;
	}
}

/* Returns the instance, which may be another after all. */
static __always_inline __u16 pick_make(struct pick *k, __u8 action, __u16 instance)
{
	struct sl_pin pin = { .instance = instance, .seen = k->ask->view.now_s };
	const struct sl_instance *i = instance_of(instance);

	if (i)
		pin.generation = i->generation;
	switch (action) {
	case PIN_MAKE_HALF_OPEN:
		return pick_make_half_open(k, &pin);
	case PIN_MAKE_WAITING:
		pin.flags = SL_PIN_KEEP;
		return pick_make_half_open(k, &pin);
	case PIN_MAKE_EXCHANGE:
		return pick_make_exchange(k, &pin);
	default: /* PIN_PROMOTE, PIN_MAKE_ESTABLISHED */
		pick_make_established(k, &pin);
		return instance;
	}
}

/* Returns the instance. */
static __always_inline __u16 pick_act(struct pick *k, __u8 action, __u16 instance)
{
	if (action >= PIN_PROMOTE)
		return pick_make(k, action, instance);
	pick_mend(k, action);
	return instance;
}

#endif
