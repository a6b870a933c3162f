/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which instance a packet goes to and what happens to its flow's pin: one table,
 * from which the decision is made, the table of bpf/README.md is checked, and
 * packets are counted. Pure; shared by the packet path and the model in
 * tests/unit/test_pins_model.c.
 */
#ifndef SL_AFFINITY_H
#define SL_AFFINITY_H

#include <sluice/abi.h>

/* What a packet is to its flow. */
enum flow_step {
	FLOW_OPENER,	   /* TCP SYN; DTLS ClientHello without cookie; MQTT-SN CONNECT */
	FLOW_REQUEST,	   /* CoAP request that may go anywhere */
	FLOW_REQUEST_SLOW, /* POST, PATCH, iPATCH: must not run twice (RFC 7252 5.8.2) */
	FLOW_REGISTER, /* CoAP request to observe (RFC 7641): where its device's others may be */
	FLOW_OTHER,    /* what belongs to a flow */
	FLOW_ACK,      /* the same, but may be the end's last word: TCP ACK without data */
	FLOW_CLOSING,  /* TCP FIN, RST; DTLS alert; MQTT-SN DISCONNECT */
	FLOW_BLOCK,    /* CoAP request for a later block (RFC 7959) */
	FLOW_STATE,    /* other CoAP that an instance waits for: response, deregistration */
	FLOW_ANSWER,   /* CoAP ACK, RST: whether there is state, the message that it answers said */
};

/* What an instance's message says of it. Servers that make sure of an address say this
 * of flows of their own only: so pins are made of it, and not of what may be spoofed.
 */
enum flow_evidence {
	EVIDENCE_NONE,
	EVIDENCE_STATE,	   /* the flow is its own: TCP data; CoAP notification, block; ... */
	EVIDENCE_ACK,	   /* the same, but may be the end's last word: TCP ACK without data */
	EVIDENCE_END,	   /* TCP FIN, RST; a transfer's last block */
	EVIDENCE_GREETING, /* none, as anybody gets it, but its device may be silent from now on */
};

enum pin_state {
	PIN_NONE,
	PIN_HALF_OPEN,
	PIN_ESTABLISHED,
};

enum pin_action {
	PIN_LEAVE,   /* nothing */
	PIN_REFRESH, /* seen = now, no longer closing */
	PIN_TOUCH,   /* seen = now */
	PIN_WAIT,    /* the same; a half-open pin lives on like an established one */
	PIN_SHORTEN, /* mark closing, seen = now */
	PIN_FAIL,    /* a pin is wanted, and there is no room: count it */
	PIN_DROP,    /* if there is one: it names an instance that its flow no longer has */
	PIN_REFRESH_EXCHANGE,
	/* from here on something is made */
	PIN_PROMOTE,	    /* half-open -> established, seen = now */
	PIN_MAKE_HALF_OPEN, /* in place of any pin there is */
	PIN_MAKE_WAITING,   /* half-open, but living like an established one */
	PIN_MAKE_ESTABLISHED,
	PIN_MAKE_EXCHANGE, /* remember the Message-ID; a pin stays as it is */
};

/* Where to: a member of struct affinity_view, or nowhere. */
enum affinity_go {
	GO_CUR,
	GO_PREV, /* where it is down: cur */
	GO_PIN,
	GO_EXCHANGE,
	GO_CID,	   /* the instance that its connection id names */
	GO_SENDER, /* nothing is sent: this is who is remembered */
	GO_RESET,  /* back to the device, as a TCP RST */
};

/* The rows, in the order in which they are tried: slot, packet, what is known of its
 * flow, where it goes, what happens to the pin. The texts are README's.
 */
/* clang-format off */
#define AFFINITY_ROWS(X)                                                                                                  \
	X(QUIESCENT,     "quiescent (`deadline` 0)", "any",                                "not looked up",             CUR,      LEAVE)            \
	X(CID,           "any",                      "DTLS record with an instance's connection id", "not looked up",   CID,      LEAVE)            \
	X(EXCHANGE,      "any other",                "CoAP, its Message-ID is remembered", "any",                       EXCHANGE, REFRESH_EXCHANGE) \
	X(PIN_CLOSING,   "any other",                "FIN, RST, alert, DISCONNECT",        "found",                     PIN,      SHORTEN)          \
	X(PIN_ACK,       "any other",                "TCP ACK without data",               "found, closing",            PIN,      TOUCH)            \
	X(PIN_ANSWER,    "any other",                "CoAP ACK, RST",                      "found, not closing",        PIN,      LEAVE)            \
	X(PIN_WAIT,      "any other",                "no opener, no request",              "found, half-open",          PIN,      WAIT)             \
	X(PIN_REQUEST,   "any other",                "CoAP request, CON",                  "found, not closing",        PIN,      MAKE_EXCHANGE)    \
	X(PIN_REQUEST_ONCE, "any other",              "CoAP request, NON, ping, or no budget", "found, not closing",        PIN,      LEAVE)            \
	X(PIN,           "any other",                "any but an opener if it is closing", "found",                     PIN,      REFRESH)          \
	X(RESET,         "any other",                "TCP but SYN",                        "its instance is gone, by `reset`", RESET, DROP)        \
	X(PAST_REQUEST,  "past its deadline",        "CoAP request",                       "none, or closing",          CUR,      LEAVE)            \
	X(PAST,          "past its deadline",        "any other",                          "none, or closing",          CUR,      DROP)             \
	X(OPENER_FULL,   "in transition",            "opener",                             "none, and no budget",       PREV,     DROP)             \
	X(OPENER_EARLY,  "in transition",            "opener, first 4 s",                  "none",                      PREV,     MAKE_HALF_OPEN)   \
	X(OPENER_LATE,   "in transition",            "opener, later",                      "none",                      CUR,      MAKE_HALF_OPEN)   \
	X(REGISTER_ONCE,  "in transition",            "CoAP registration, NON",             "none",                      PREV,     LEAVE)            \
	X(REQUEST_ONCE,  "in transition",            "CoAP request, NON, or ping",         "none",                      CUR,      LEAVE)            \
	X(REQUEST_FULL,  "in transition",            "CoAP request, CON",                  "none, and no budget",       PREV,     LEAVE)            \
	X(REQUEST_EARLY, "in transition",            "CoAP request, CON, first 4 s (POST, PATCH, iPATCH: 45 s; registration: always)", "none", PREV, MAKE_EXCHANGE) \
	X(REQUEST_LATE,  "in transition",            "CoAP request, CON, later",           "none",                      CUR,      MAKE_EXCHANGE)    \
	X(ONEWAY_FULL,   "in transition",            "any other of DTLS or MQTT-SN",       "none, and no budget",       PREV,     FAIL)             \
	X(ONEWAY,        "in transition",            "any other of DTLS or MQTT-SN",       "none",                      PREV,     MAKE_WAITING)     \
	X(OTHER,         "in transition",            "any other",                          "none",                      PREV,     LEAVE)            \
	X(SENDER_END,    "any other",                "an instance's FIN, RST, last block", "names it",                  SENDER,   SHORTEN)          \
	X(SENDER_ACK,    "any other",                "an instance's TCP ACK without data", "names it, closing",         SENDER,   TOUCH)            \
	X(SENDER_WAIT,   "any other",                "a gateway's CONNACK, word of a will", "names it, half-open, not closing", SENDER, WAIT)             \
	X(SENDER_PROMOTE,"any other",                "an instance's, with evidence",       "names it, half-open",       SENDER,   PROMOTE)          \
	X(SENDER_PIN,    "any other",                "an instance's, with evidence",       "names it",                  SENDER,   REFRESH)          \
	X(SENDER_NEW,    "any other",                "an instance's, with evidence",       "none, or closing, or another's transfer", SENDER, MAKE_ESTABLISHED) \
	X(SENDER_OWN,    "any other",                "an instance's CON, or NON with evidence", "any",                       SENDER,   MAKE_EXCHANGE)    \
	X(SENDER_REST,   "any other",                "any other of an instance",           "any",                       SENDER,   LEAVE)
/* clang-format on */

enum affinity_row {
#define X(name, slot, packet, pin, go, action) AFF_##name,
	AFFINITY_ROWS(X)
#undef X
	AFF__MAX
};
_Static_assert(AFF__MAX <= 32, "struct sl_cpu_counters has 32");

/* Where a packet goes by @row, and what happens to the pin. */
static __always_inline enum affinity_go affinity_go(enum affinity_row row)
{
	switch (row) {
#define X(name, slot, packet, pin, go, action) \
	case AFF_##name:                       \
		return GO_##go;
		AFFINITY_ROWS(X)
#undef X
	default:
		return GO_CUR;
	}
}

static __always_inline enum pin_action affinity_do(enum affinity_row row)
{
	switch (row) {
#define X(name, slot, packet, pin, go, action) \
	case AFF_##name:                       \
		return PIN_##action;
		AFFINITY_ROWS(X)
#undef X
	default:
		return PIN_LEAVE;
	}
}

/* Handshakes in flight when a slot changes stay with the instance that has seen
 * their beginning: 4 s cover a SYN's first two repetitions, 45 s CoAP's
 * MAX_TRANSMIT_SPAN (RFC 7252 4.8.2). One more, because times are whole seconds.
 */
#define AFFINITY_GRACE_S      5
#define AFFINITY_GRACE_SLOW_S 46

/* No padding: it is the argument of a global function. */
struct affinity_view {
	struct sl_slot slot;
	__u32 now_s;
	__u32 keep_s;
	__u16 pin_instance; /* what GO_* stand for */
	__u16 exchange_instance;
	__u16 sender;  /* of an instance's message: the instance */
	__u8 step;     /* enum flow_step */
	__u8 pin;      /* enum pin_state */
	__u8 evidence; /* enum flow_evidence, of an instance's message */
	bool own;      /* and its device's ACK or RST to it means something */
	bool transfer; /* the pin is that of the device's block-wise transfer */
	bool repeats;  /* a CoAP request of type CON */
	bool is_tcp;
	bool oneway;	  /* what it sends may never be answered: DTLS, MQTT-SN */
	bool room;	  /* within the service's budget of what would be made */
	bool exchange;	  /* the Message-ID is remembered, and its instance usable */
	bool prev_usable; /* slot.prev is some instance and not down */
	bool prev_reset;  /* it is down, and says so by RST */
	bool pin_closing;
	bool pin_usable; /* its instance is the one it was made for, and not down */
	bool pin_reset;	 /* it is down, and says so by RST */
	__u8 pad[1];
};
_Static_assert(sizeof(struct affinity_view) == 40, "no hidden padding");

static __always_inline bool flow_is_opener(enum flow_step step)
{
	return step == FLOW_OPENER;
}

static __always_inline bool flow_is_request(enum flow_step step)
{
	return step == FLOW_REQUEST || step == FLOW_REQUEST_SLOW || step == FLOW_REGISTER;
}

/* Is there a pin to look for at all? */
static __always_inline bool affinity_needs_pin(struct sl_slot slot)
{
	return slot.deadline != 0;
}

static __always_inline bool affinity_in_transition(const struct affinity_view *v)
{
	return v->now_s < v->slot.deadline;
}

/* Does what belongs to a flow of @instance's go there without a pin? */
static __always_inline bool affinity_goes_unpinned(const struct affinity_view *v, __u16 instance)
{
	return instance == (affinity_in_transition(v) ? v->slot.prev : v->slot.cur);
}

/* Did the transition begin only just now? For a registration it always did: whether its
 * device has another observation is not known before somebody speaks of it, and there
 * is one pin for all that an endpoint observes.
 */
static __always_inline bool affinity_early(const struct affinity_view *v)
{
	__u32 grace = v->step == FLOW_REQUEST_SLOW ? AFFINITY_GRACE_SLOW_S : AFFINITY_GRACE_S;

	return v->step == FLOW_REGISTER || v->slot.deadline + grace > v->now_s + v->keep_s;
}

/* A pin was found, and its instance lives: it decides. */
static __always_inline enum affinity_row affinity_by_pin(const struct affinity_view *v)
{
	bool opens = flow_is_opener(v->step) || flow_is_request(v->step);

	if (v->step == FLOW_CLOSING)
		return AFF_PIN_CLOSING;
	if (v->step == FLOW_ACK && v->pin_closing)
		return AFF_PIN_ACK;
	if (v->step == FLOW_ANSWER)
		return AFF_PIN_ANSWER;
	if (v->pin == PIN_HALF_OPEN && !opens)
		return AFF_PIN_WAIT;
	if (flow_is_request(v->step))
		return v->repeats && v->room ? AFF_PIN_REQUEST : AFF_PIN_REQUEST_ONCE;
	return AFF_PIN;
}

/* In transition and without a pin. */
static __always_inline enum affinity_row affinity_by_slot(const struct affinity_view *v)
{
	if (flow_is_opener(v->step)) {
		if (!v->room)
			return AFF_OPENER_FULL;
		return affinity_early(v) ? AFF_OPENER_EARLY : AFF_OPENER_LATE;
	}
	if (flow_is_request(v->step)) {
		if (!v->repeats)
			return v->step == FLOW_REGISTER ? AFF_REGISTER_ONCE : AFF_REQUEST_ONCE;
		if (!v->room)
			return AFF_REQUEST_FULL;
		return affinity_early(v) ? AFF_REQUEST_EARLY : AFF_REQUEST_LATE;
	}
	if (v->oneway && v->step == FLOW_OTHER)
		return v->room ? AFF_ONEWAY : AFF_ONEWAY_FULL;
	return AFF_OTHER; /* what answers it makes the pin */
}

/* Had the flow an instance that is gone, and is its device to be told? */
static __always_inline bool affinity_resets(const struct affinity_view *v)
{
	if (!v->is_tcp || flow_is_opener(v->step))
		return false;
	if (v->pin != PIN_NONE && v->pin_reset)
		return true;
	/* Without room for half-open pins it may be new, and cur's. */
	return v->pin == PIN_NONE && v->room && v->prev_reset && affinity_in_transition(v);
}

/* Where does a packet go? */
static __always_inline enum affinity_row affinity_decide(const struct affinity_view *v)
{
	bool opens = flow_is_opener(v->step) || flow_is_request(v->step);

	if (!affinity_needs_pin(v->slot))
		return AFF_QUIESCENT;
	if (v->exchange)
		return AFF_EXCHANGE;
	/* An opener after FIN or RST is a new flow of the same address and port. */
	if (v->pin != PIN_NONE && v->pin_usable && !(v->pin_closing && opens))
		return affinity_by_pin(v);
	if (affinity_resets(v))
		return AFF_RESET;
	if (affinity_in_transition(v))
		return affinity_by_slot(v);
	return flow_is_request(v->step) ? AFF_PAST_REQUEST : AFF_PAST;
}

static __always_inline bool affinity_proves(__u8 evidence)
{
	return evidence == EVIDENCE_STATE || evidence == EVIDENCE_ACK;
}

/* An instance's message, and the pin names it. */
static __always_inline enum affinity_row affinity_by_sender(const struct affinity_view *v)
{
	if (v->evidence == EVIDENCE_END)
		return AFF_SENDER_END;
	if (v->evidence == EVIDENCE_GREETING && v->pin == PIN_HALF_OPEN && !v->pin_closing)
		return AFF_SENDER_WAIT;
	if (!affinity_proves(v->evidence))
		return AFF_SENDER_REST;
	if (v->evidence == EVIDENCE_ACK && v->pin_closing)
		return AFF_SENDER_ACK;
	return v->pin == PIN_HALF_OPEN ? AFF_SENDER_PROMOTE : AFF_SENDER_PIN;
}

/* What does an instance's message teach? (nat only: elsewhere they do not pass.) */
static __always_inline enum affinity_row affinity_learn(const struct affinity_view *v)
{
	bool pinned = v->pin != PIN_NONE && v->pin_usable;

	if (!affinity_needs_pin(v->slot))
		return AFF_QUIESCENT;
	if (pinned && v->pin_instance == v->sender) {
		enum affinity_row row = affinity_by_sender(v);

		if (row != AFF_SENDER_REST)
			return row; /* else the pin may go before the answer comes */
	}
	/* Past the deadline the device finds cur without being told. */
	if (v->pin == PIN_NONE && !affinity_in_transition(v) && v->sender == v->slot.cur)
		return AFF_SENDER_REST;
	/* What a closing pin was for has ended, and so has a transfer before another. */
	if ((!pinned || v->pin_closing || v->transfer) && affinity_proves(v->evidence))
		return AFF_SENDER_NEW;
	return v->own && v->room ? AFF_SENDER_OWN : AFF_SENDER_REST;
}

/* The instance that @go (enum affinity_go) stands for; 0: none. */
static __always_inline __u16 affinity_instance(const struct affinity_view *v, __u8 go)
{
	__u16 before = v->slot.prev;

	sl_opaque(before); /* VERIFIER: clang 19 would choose between two stack pointers */
	switch (go) {
	case GO_CUR:
		return v->slot.cur;
	case GO_PREV:
		return v->prev_usable ? before : v->slot.cur;
	case GO_PIN:
		return v->pin_instance;
	case GO_EXCHANGE:
		return v->exchange_instance;
	case GO_SENDER:
		return v->sender;
	case GO_CID:
	case GO_RESET:
		break;
	}
	return 0;
}

#endif /* SL_AFFINITY_H */
