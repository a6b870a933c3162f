/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which instance a packet goes to and what happens to its flow's pin: the
 * decision table of bpf/README.md ("Pins") as one pure function, shared by the
 * packet path and the model in tests/unit/test_pins_model.c.
 */
#ifndef SL_AFFINITY_H
#define SL_AFFINITY_H

#include <sluice/abi.h>

/* What a packet is to its flow. */
enum flow_step {
	FLOW_OPENER,	  /* TCP SYN; CoAP request that is no later block */
	FLOW_OPENER_SLOW, /* CoAP POST, PATCH, iPATCH: repeated for longer, and must not run twice */
	FLOW_OTHER,
	FLOW_CLOSING, /* TCP FIN or RST */
};

enum pin_state {
	PIN_NONE,
	PIN_HALF_OPEN,
	PIN_ESTABLISHED,
};

enum pin_action {
	PIN_LEAVE,	    /* nothing */
	PIN_REFRESH,	    /* seen = now, no longer closing */
	PIN_PROMOTE,	    /* half-open -> established, seen = now */
	PIN_SHORTEN,	    /* mark closing, seen = now */
	PIN_MAKE_HALF_OPEN, /* in place of any pin there is */
	PIN_MAKE_ESTABLISHED,
	PIN_MAKE_CLOSING, /* established, and closing */
	PIN_DROP,	  /* it names an instance that its flow no longer has */
};

/* Handshakes in flight when a slot changes stay with the instance that has seen
 * their beginning: 4 s cover a SYN's first two repetitions, 45 s CoAP's
 * MAX_TRANSMIT_SPAN (RFC 7252 4.8.2). One more, because times are whole seconds.
 */
#define AFFINITY_GRACE_S      5
#define AFFINITY_GRACE_SLOW_S 46

struct affinity_view {
	struct sl_slot slot;
	__u32 now_s;
	__u32 keep_s;
	enum flow_step step;
	enum pin_state pin;
	bool pin_closing;
	bool pin_usable;     /* its instance is the one it was made for, and not down */
	bool prev_usable;    /* slot.prev is some instance and not down */
	bool half_open_room; /* within the service's budget */
	__u16 pin_instance;
};

struct affinity {
	__u16 instance; /* 0: none */
	enum pin_action action;
};

static __always_inline bool flow_is_opener(enum flow_step step)
{
	return step == FLOW_OPENER || step == FLOW_OPENER_SLOW;
}

/* A pin was found and its instance lives: it decides. */
static __always_inline struct affinity affinity_by_pin(const struct affinity_view *v)
{
	struct affinity a = { .instance = v->pin_instance, .action = PIN_REFRESH };

	if (v->step == FLOW_CLOSING)
		a.action = PIN_SHORTEN;
	else if (v->step == FLOW_OTHER && v->pin == PIN_HALF_OPEN)
		a.action = PIN_PROMOTE;
	return a;
}

/* In transition and without a pin. */
static __always_inline struct affinity affinity_by_slot(const struct affinity_view *v)
{
	__u32 grace = v->step == FLOW_OPENER_SLOW ? AFFINITY_GRACE_SLOW_S : AFFINITY_GRACE_S;
	/* A deadline that was prolonged begins the grace anew, which is safe. */
	bool early = v->slot.deadline + grace > v->now_s + v->keep_s;
	__u16 before = v->slot.prev, now = v->slot.cur;
	struct affinity a;

	sl_opaque(before); /* VERIFIER: clang 19 would choose between two stack pointers */
	a.instance = v->prev_usable ? before : now;
	a.action = PIN_LEAVE;
	if (!flow_is_opener(v->step)) {
		a.action = v->step == FLOW_CLOSING ? PIN_MAKE_CLOSING : PIN_MAKE_ESTABLISHED;
		return a;
	}
	if (!v->half_open_room) {
		a.action = v->pin != PIN_NONE ? PIN_DROP : PIN_LEAVE;
		return a;
	}
	if (!early)
		a.instance = v->slot.cur;
	a.action = PIN_MAKE_HALF_OPEN;
	return a;
}

/* Is there a pin to look for at all? */
static __always_inline bool affinity_needs_pin(struct sl_slot slot)
{
	return slot.deadline != 0;
}

static __always_inline struct affinity affinity_decide(const struct affinity_view *v)
{
	struct affinity cur = { .instance = v->slot.cur, .action = PIN_LEAVE };

	if (!affinity_needs_pin(v->slot))
		return cur;
	/* An opener after FIN or RST is a new flow of the same address and port. */
	if (v->pin != PIN_NONE && v->pin_usable && !(v->pin_closing && flow_is_opener(v->step)))
		return affinity_by_pin(v);
	if (v->now_s < v->slot.deadline)
		return affinity_by_slot(v);
	if (v->pin != PIN_NONE)
		cur.action = PIN_DROP;
	return cur;
}

#endif /* SL_AFFINITY_H */
