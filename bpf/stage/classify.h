/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stage 4: what is the message, what is it to its flow, how many are there? */
#ifndef SL_STAGE_CLASSIFY_H
#define SL_STAGE_CLASSIFY_H

#include "../config.h"
#include "../lib/coap.h"
#include "../lib/mqtt.h"
#include "../maps.h"
#include "../pkt.h"
#include "note.h"

#define PAYLOAD_OFFSET_MAX 1023

/* What a parser is told of a payload, and what it says. */
struct message {
	__u32 offset;	/* from the frame's start */
	__u32 left;	/* bytes by the headers in front */
	__u32 protocol; /* enum sl_protocol */
	__u32 kind;	/* enum sl_kind */
	__u32 step;	/* enum flow_step */
	__u32 messages;
};

/* POST, PATCH and iPATCH are not idempotent (RFC 7252 5.8.2, RFC 8132): their
 * repetitions must find the server that has seen the first, for longer.
 */
static __always_inline enum flow_step coap_step(const struct coap_msg *m)
{
	switch (m->kind) {
	case SL_K_COAP_POST:
	case SL_K_COAP_PATCH:
	case SL_K_COAP_IPATCH:
		return m->later_block ? FLOW_OTHER : FLOW_OPENER_SLOW;
	case SL_K_COAP_GET:
	case SL_K_COAP_PUT:
	case SL_K_COAP_DELETE:
	case SL_K_COAP_FETCH:
	case SL_K_COAP_OTHER:
		return m->later_block ? FLOW_OTHER : FLOW_OPENER;
	default:
		return FLOW_OTHER;
	}
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
	return SL_R_NONE;
}

static __always_inline void classify_mqtt(struct cursor *c, struct message *m)
{
	struct mqtt_msg msg;

	m->kind = SL_K_MQTT_CONTINUED;
	if (mqtt_parse(c, &msg) != MQTT_OK)
		return;
	m->kind = msg.kind;
	m->messages = mqtt_count(c, &msg);
}

/* VERIFIER: alone, because a walk over options has many paths. Returns enum
 * sl_reason: none, or in which way the message is malformed.
 */
sl_global int sl_classify(struct xdp_md *ctx, struct message *m)
{
	struct cursor c;

	if (!m)
		return SL_R_INTERNAL;
	c.pos = (void *)(long)ctx->data + (m->offset & PAYLOAD_OFFSET_MAX);
	c.end = (void *)(long)ctx->data_end;
	c.left = m->left;
	if (m->protocol == SL_P_COAP)
		return classify_coap(&c, m);
	classify_mqtt(&c, m);
	return SL_R_NONE;
}

static __always_inline void classify_tcp(struct pkt *p)
{
	__u8 flags = p->flow.tcp_flags;

	p->step = FLOW_OTHER;
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

static __always_inline enum sl_reason classify_payload(struct pkt *p)
{
	struct message m = {
		.offset = p->cur.pos - (void *)(long)p->ctx->data,
		.left = p->cur.left,
		.protocol = p->svc->protocol,
		.step = p->step,
		.messages = 1,
	};
	enum sl_reason why = sl_classify(p->ctx, &m);

	p->kind = m.kind;
	p->step = m.step;
	p->messages = m.messages;
	return why && p->svc->flags & SL_SVC_DROP_MALFORMED ? why : SL_R_NONE;
}

static __always_inline void classify_count(const struct pkt *p)
{
	__u32 index = bpf_get_smp_processor_id() * cfg_services + p->svc->id;
	struct sl_kind_counters *kinds = bpf_map_lookup_elem(&sl_kinds, &index);

	if (kinds)
		kinds->kind[p->kind & 127]++;
}

static __always_inline enum sl_reason stage_classify(struct pkt *p)
{
	enum sl_reason why = SL_R_NONE;

	if (p->flow.proto == IPPROTO_TCP) {
		classify_tcp(p);
	} else {
		p->step = FLOW_OTHER;
		p->kind = SL_K_UDP;
		p->messages = 1;
	}
	if (p->messages && (p->svc->protocol == SL_P_COAP || p->svc->protocol == SL_P_MQTT))
		why = classify_payload(p);
	classify_count(p);
	return why;
}

#endif
