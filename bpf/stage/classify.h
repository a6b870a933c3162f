/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stage 4: what is the message, what is it to its flow, how many are there? */
#ifndef SL_STAGE_CLASSIFY_H
#define SL_STAGE_CLASSIFY_H

#include "../config.h"
#include "../lib/coap.h"
#include "../lib/dtls.h"
#include "../lib/mqtt.h"
#include "../lib/mqttsn.h"
#include "../lib/tlsrec.h"
#include "../maps.h"
#include "../pkt.h"
#include "note.h"

/* What a parser is told of a payload, and what it says. */
struct message {
	__u8 cid_len;
	bool by_instance; /* an instance has sent it */
	__u8 step;	  /* enum flow_step; also what the transport says of it */
	__u8 kind;	  /* enum sl_kind */
	__u16 messages;
	__be16 mid;
	__u8 mid_of; /* enum message_id */

	/* Of an instance's: */
	__u8 evidence; /* enum flow_evidence */
	__u8 transfer; /* the same of a block-wise transfer */
	bool own;      /* its device's ACK or RST to it means something */
};

/* Both in registers: in memory they would be written and read again for each packet. */
#define HOW_STEP_SHIFT	8 /* below: cid_len */
#define HOW_BY_INSTANCE (1u << 16)

/* Also in which way it is malformed (enum sl_reason). */
#define SAID_EVIDENCE_SHIFT 54
#define SAID_MESSAGES(said) ((__u16)(said))
#define SAID_MID(said)	    ((__be16)((said) >> 16))
#define SAID_KIND(said)	    ((__u8)((said) >> 32))
#define SAID_WHY(said)	    ((said) >> 40 & 0x7f)
#define SAID_STEP(said)	    ((said) >> 47 & 0xf)
#define SAID_MID_OF(said)   ((said) >> 51 & 3)
#define SAID_OWN_BIT	    (1ull << 53)
#define SAID_OWN(said)	    ((said) >> 53 & 1)
#define SAID_EVIDENCE(said) ((said) >> SAID_EVIDENCE_SHIFT & 7)
#define SAID_TRANSFER(said) ((said) >> 57 & 7)

static __always_inline __u64 said_of(const struct message *m, enum sl_reason why)
{
	__u64 said = m->messages | (__u64)m->mid << 16 | (__u64)m->kind << 32 | (__u64)why << 40 |
		     (__u64)m->step << 47 | (__u64)m->mid_of << 51;

	if (m->by_instance)
		said |= (__u64)m->own << 53 | (__u64)m->evidence << SAID_EVIDENCE_SHIFT |
			(__u64)m->transfer << 57;
	return said;
}
_Static_assert(SL_R__MAX <= 128, "a reason has 7 bits");

#define COAP_DEREGISTER 1    /* value of Observe (RFC 7641 2) */
#define COAP_CONTENT	0x45 /* 2.05 (RFC 7252 5.9.1.5) */

/* POST, PATCH and iPATCH are not idempotent (RFC 7252 5.8.2, RFC 8132), nor may be
 * what is not known: their repetitions must find the server that has seen the
 * first, for longer. Later blocks and the end of an observation belong to a server.
 */
static __always_inline enum flow_step coap_step(const struct coap_msg *m)
{
	if (m->type == COAP_ACK || m->type == COAP_RST)
		return FLOW_ANSWER;
	switch (m->kind) {
	case SL_K_COAP_PING:
		return FLOW_REQUEST;
	case SL_K_COAP_POST:
	case SL_K_COAP_PATCH:
	case SL_K_COAP_IPATCH:
	case SL_K_COAP_OTHER:
		return m->later_block ? FLOW_BLOCK : FLOW_REQUEST_SLOW;
	case SL_K_COAP_GET:
	case SL_K_COAP_FETCH:
		if (m->observe && m->observe_value == COAP_DEREGISTER)
			return FLOW_STATE;
		if (m->observe)
			return FLOW_REGISTER;
		return m->later_block ? FLOW_BLOCK : FLOW_REQUEST;
	case SL_K_COAP_PUT:
	case SL_K_COAP_DELETE:
		return m->later_block ? FLOW_BLOCK : FLOW_REQUEST;
	default:
		return FLOW_STATE;
	}
}

static __always_inline enum message_id coap_mid_of(const struct coap_msg *m, enum flow_step step)
{
	if (step == FLOW_ANSWER)
		return MID_SERVER;
	if (m->type == COAP_CON && m->code && flow_is_request(step))
		return MID_DEVICE;
	return MID_UNTOLD;
}

/* What it means if an instance says this: it asks the device, so it knows it; or it
 * notifies.
 */
static __always_inline enum flow_evidence coap_evidence(const struct coap_msg *m)
{
	return (m->code && !coap_class(m->code)) || m->observe ? EVIDENCE_STATE : EVIDENCE_NONE;
}

/* That it is in the middle of a block-wise transfer, or at its end. The answer to an
 * upload's last block need not name the block: libcoap's does not.
 */
static __always_inline enum flow_evidence coap_transfer(const struct coap_msg *m)
{
	bool other = coap_class(m->code) && m->code != COAP_CONTENT;

	if (m->more_blocks)
		return EVIDENCE_STATE;
	return m->later_block || other ? EVIDENCE_END : EVIDENCE_NONE;
}

static __always_inline enum sl_reason classify_coap(struct cursor *c, struct message *m)
{
	struct coap_msg msg;
	enum sl_reason why = coap_parse(c, &msg);

	m->kind = SL_K_COAP_MALFORMED;
	if (why)
		return why;
	if (msg.unexamined)
		note(SL_N_UNEXAMINED);
	m->kind = msg.kind;
	m->step = coap_step(&msg);
	m->mid = msg.mid;
	m->mid_of = coap_mid_of(&msg, m->step);
	if (!m->by_instance)
		return SL_R_NONE;
	m->evidence = coap_evidence(&msg);
	m->transfer = coap_transfer(&msg);
	m->own = msg.type == COAP_CON || (msg.type == COAP_NON && m->evidence);
	return SL_R_NONE;
}

static __always_inline enum sl_reason classify_mqtt(struct cursor *c, struct message *m)
{
	struct mqtt_msg msg;

	m->kind = SL_K_MQTT_CONTINUED;
	if (mqtt_parse(c, &msg) != MQTT_OK)
		return SL_R_NONE;
	m->kind = msg.kind;
	m->messages = mqtt_count(c, &msg);
	return SL_R_NONE;
}

static __always_inline enum flow_step step_of(bool opener, bool closing)
{
	return opener ? FLOW_OPENER : closing ? FLOW_CLOSING : FLOW_OTHER;
}

/* What a server sends only to a peer that has answered it. */
static __always_inline bool dtls_is_evidence(__u8 kind)
{
	return kind == SL_K_DTLS_CIPHER || kind == SL_K_DTLS_DATA || kind == SL_K_DTLS_CID ||
	       kind == SL_K_DTLS_ENCRYPTED;
}

static __always_inline enum sl_reason classify_dtls(struct cursor *c, struct message *m)
{
	struct dtls_msg msg;
	enum sl_reason why = dtls_parse(c, m->cid_len, &msg);

	if (msg.unexamined)
		note(SL_N_UNEXAMINED);
	m->kind = msg.kind;
	m->step = step_of(msg.opener, msg.closing);
	m->evidence = dtls_is_evidence(msg.kind) ? EVIDENCE_STATE : EVIDENCE_NONE;
	return why;
}

static __always_inline enum sl_reason classify_mqttsn(struct cursor *c, struct message *m)
{
	struct mqttsn_msg msg;
	enum sl_reason why = mqttsn_parse(c, &msg);

	if (msg.unexamined)
		note(SL_N_UNEXAMINED);
	m->kind = msg.kind;
	m->step = step_of(msg.opener, msg.closing);
	if (msg.kind == SL_K_MQTTSN_SEARCH) /* for any gateway */
		m->step = FLOW_REQUEST;
	/* Anybody gets these by a CONNECT, in anybody's name. */
	else if (msg.kind == SL_K_MQTTSN_CONNACK || msg.kind == SL_K_MQTTSN_WILL)
		m->evidence = EVIDENCE_GREETING;
	else if (msg.kind != SL_K_MQTTSN_DISCONNECT && !why)
		m->evidence = EVIDENCE_STATE;
	return why;
}

static __always_inline enum sl_reason classify_tls(struct cursor *c, struct message *m)
{
	m->kind = tlsrec_kind(c);
	return SL_R_NONE;
}

/* VERIFIER: each parser alone, because a walk over options has many paths; and each
 * for itself, because in one function they cost each other registers. They return what
 * was said.
 */
#define CLASSIFY(name, parse)                                              \
	sl_global __u64 name(struct xdp_md *ctx, __u32 payload, __u32 how) \
	{                                                                  \
		struct message m = {                                       \
			.cid_len = how,                                    \
			.by_instance = how & HOW_BY_INSTANCE,              \
			.step = how >> HOW_STEP_SHIFT,                     \
			.messages = 1,                                     \
		};                                                         \
		struct cursor c = payload_cursor(ctx, payload);            \
		enum sl_reason why = parse(&c, &m);                        \
                                                                           \
		return said_of(&m, why);                                   \
	}

CLASSIFY(sl_classify_coap, classify_coap)
CLASSIFY(sl_classify_mqtt, classify_mqtt)
CLASSIFY(sl_classify_dtls, classify_dtls)
CLASSIFY(sl_classify_mqttsn, classify_mqttsn)
CLASSIFY(sl_classify_tls, classify_tls)

static __always_inline bool has_parser(__u8 protocol)
{
	return 1u << protocol &
	       (1u << SL_P_COAP | 1u << SL_P_MQTT | 1u << SL_P_COAPS | 1u << SL_P_MQTTSN);
}

/* Of a @protocol that has a parser. */
static __always_inline __u64 classify_by(struct xdp_md *ctx, __u8 protocol, __u32 payload,
					 __u32 how)
{
	if (protocol == SL_P_COAP)
		return sl_classify_coap(ctx, payload, how);
	if (protocol == SL_P_MQTT)
		return sl_classify_mqtt(ctx, payload, how);
	if (protocol == SL_P_COAPS)
		return sl_classify_dtls(ctx, payload, how);
	return sl_classify_mqttsn(ctx, payload, how);
}

static __always_inline void classify_tcp(struct pkt *p)
{
	__u8 flags = p->flow.tcp_flags;

	p->step = p->cur.left ? FLOW_OTHER : FLOW_ACK;
	if (flags & (TCP_FIN | TCP_RST))
		p->step = FLOW_CLOSING;
	else if ((flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		p->step = FLOW_OPENER;

	p->kind = p->step == FLOW_OPENER ? SL_K_TCP_OPEN : SL_K_TCP_CONTROL;
	if (!p->cur.left || flags & (TCP_SYN | TCP_RST))
		return; /* messages 0: never refused by a message quota */
	p->kind = SL_K_TCP_DATA;
	p->messages = 1;
}

/* What was said of the message, into the packet. Returns in which way it is malformed. */
static __always_inline enum sl_reason classify_take(struct pkt *p, __u64 said)
{
	p->kind = SAID_KIND(said);
	p->step = SAID_STEP(said);
	p->messages = SAID_MESSAGES(said);
	p->mid = SAID_MID(said);
	p->mid_of = SAID_MID_OF(said);
	return SAID_WHY(said);
}

/* Returns in which way the message is malformed. TLS is looked at where messages are
 * looked into.
 */
static __always_inline enum sl_reason classify_payload(struct pkt *p, __u8 protocol,
						       bool looked_into)
{
	__u32 how = p->svc->cid_len | p->step << HOW_STEP_SHIFT, payload = pkt_payload(p);
	__u64 said;

	if (protocol == SL_P_MQTTS && looked_into)
		said = sl_classify_tls(p->ctx, payload, how);
	else
		said = classify_by(p->ctx, protocol, payload, how);
	return classify_take(p, said);
}

static __always_inline void classify_count(const struct pkt *p)
{
	__u32 index = bpf_get_smp_processor_id() * cfg_services + p->svc->id;
	struct sl_kind_counters *kinds = bpf_map_lookup_elem(&sl_kinds, &index);

	if (kinds)
		kinds->kind[p->kind & 127]++;
}

/* A malformed message is dropped where the service says so; and what malformed CoAP asks
 * for cannot be told: no way around a privilege.
 */
static __always_inline enum sl_reason classify_malformed(const struct pkt *p, enum sl_reason why)
{
	if (!why || p->svc->flags & SL_SVC_DROP_MALFORMED)
		return why;
	return p->account->denied && p->svc->protocol == SL_P_COAP ? why : SL_R_NONE;
}

/* Of a datagram that is CoAP, as the service says. Returns in which way it is malformed, and
 * leaves that in the packet.
 */
static __always_inline __u32 classify_malformed_coap(struct pkt *p)
{
	__u32 why, copy;

	p->step = FLOW_OTHER; /* of what is malformed, too */
	why = copy = classify_payload(p, SL_P_COAP, true);
	sl_opaque(copy); /* VERIFIER: whether it is 0 matters later on */
	p->malformed = copy;
	return why;
}

/* Of TCP, in programs that look into messages. */
static __always_inline enum sl_reason stage_classify_segment(struct pkt *p)
{
	classify_tcp(p);
	if (p->messages && p->svc->protocol == SL_P_MQTT)
		classify_payload(p, SL_P_MQTT, true);
	else if (p->messages && p->svc->protocol == SL_P_MQTTS)
		classify_payload(p, SL_P_MQTTS, true);
	classify_count(p);
	return SL_R_NONE;
}

/* What its transport says of it. */
static __always_inline void classify_transport(struct pkt *p)
{
	if (p->flow.proto == IPPROTO_TCP) {
		classify_tcp(p);
	} else {
		p->step = FLOW_OTHER;
		p->kind = SL_K_UDP;
		p->messages = 1;
	}
}

static __always_inline enum sl_reason stage_classify(struct pkt *p)
{
	enum sl_reason why = SL_R_NONE;

	classify_transport(p);
	if (p->messages && has_parser(p->svc->protocol))
		why = classify_malformed(p, classify_payload(p, p->svc->protocol, false));
	classify_count(p);
	return why;
}

/* The same of UDP but CoAP, for which there is no parser here. */
static __always_inline enum sl_reason stage_classify_datagram(struct pkt *p)
{
	__u32 how = p->svc->cid_len | FLOW_OTHER << HOW_STEP_SHIFT;
	enum sl_reason why = SL_R_NONE;

	p->step = FLOW_OTHER;
	p->kind = SL_K_UDP;
	p->messages = 1;
	if (p->svc->protocol == SL_P_COAPS)
		why = classify_take(p, sl_classify_dtls(p->ctx, pkt_payload(p), how));
	else if (p->svc->protocol == SL_P_MQTTSN)
		why = classify_take(p, sl_classify_mqttsn(p->ctx, pkt_payload(p), how));
	classify_count(p);
	return classify_malformed(p, why);
}

#endif
