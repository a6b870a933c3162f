/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is over a quota and not CoAP is answered instead of dropped, where the tenant says so:
 * an MQTT-SN CONNECT by a CONNACK "rejected: congestion" (MQTT-SN 1.2 5.4.5), after which
 * the client waits before it tries again, and a SYN by a RST (RFC 9293 3.10.7.1). Both are
 * within the reply budget and no larger than what was asked. CoAP's answers are in answer.h.
 */
#ifndef SL_STAGE_REFUSE_H
#define SL_STAGE_REFUSE_H

#include "../lib/mqttsn.h"
#include "answer.h"
#include "reset.h"

#define REFUSE_CONNACK_LEN 3
#define REFUSE_CONGESTION  1 /* return code */

static __always_inline enum sl_reason refuse_answered(enum sl_reason why)
{
	if (why == SL_R_CLASS_MESSAGES)
		return SL_R_ANSWERED_CLASS;
	return why < SL_R_TENANT_PACKETS ? SL_R_ANSWERED_DEVICE : SL_R_ANSWERED_TENANT;
}

/* Is the datagram of @left bytes a CONNECT, its length in one byte or three? Nobody need have
 * looked into it yet.
 */
static __always_inline bool refuse_is_connect(struct xdp_md *ctx, const struct flow *f, __u32 left)
{
	__u8 h[4];

	if (bpf_xdp_load_bytes(ctx, turn_head(f) + sizeof(struct udphdr), h, sizeof(h)))
		return false;
	if (h[0] != MQTTSN_LONG)
		return h[0] == left && h[1] == MQTTSN_CONNECT;
	return ((__u32)h[1] << 8 | h[2]) == left && h[3] == MQTTSN_CONNECT;
}

/* VERIFIER: alone, as it is reached in many states. @left: bytes of UDP's payload. Returns
 * enum sl_reason: what it is answered under, or @why.
 */
sl_global int sl_refuse_connect(struct xdp_md *ctx, const struct flow *f,
				const struct sl_service *svc, __u32 left, __u32 why)
{
	struct answer *a = scratch();

	if (!a || !f || !svc)
		return SL_R_INTERNAL;
	if (f->l4_offset != turn_head(f) || !refuse_is_connect(ctx, f, left))
		return why;
	if (!reset_within_budget(svc)) {
		note(SL_N_ANSWER_BUDGET);
		return why;
	}
	__builtin_memset(a->msg, 0, sizeof(a->msg));
	a->msg[0] = REFUSE_CONNACK_LEN;
	a->msg[1] = MQTTSN_CONNACK;
	a->msg[2] = REFUSE_CONGESTION;
	a->len = REFUSE_CONNACK_LEN;
	return answer_build(ctx, f, a) ? refuse_answered(why) : SL_R_INTERNAL;
}

static __always_inline enum sl_reason refuse_syn(struct pkt *p, enum sl_reason why)
{
	enum sl_reason res = stage_reset(p);

	if (res == SL_R_RESET)
		return refuse_answered(why);
	if (res == SL_R_RESET_BUDGET)
		note(SL_N_ANSWER_BUDGET);
	return res == SL_R_INTERNAL ? res : why;
}

/* Refused by a quota, whether or not its tenant wants an answer. */
static __always_inline bool refuse_is_due(enum sl_reason why)
{
	return (why >= SL_R_DEVICE_PACKETS && why <= SL_R_TENANT_CONNECTIONS) ||
	       why == SL_R_CLASS_MESSAGES || why == SL_R_ANSWERED_TENANT;
}

/* Of a segment that a quota has refused. */
static __always_inline enum sl_reason stage_refuse(struct pkt *p, enum sl_reason why)
{
	bool syn = (p->flow.tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;

	if (why == SL_R_ANSWERED_TENANT)
		why = p->refused;
	return syn && p->account->quota_mask & SL_ACCOUNT_RESET_SYN ? refuse_syn(p, why) : why;
}

/* Of a datagram, likewise. */
static __always_inline enum sl_reason stage_refuse_datagram(struct pkt *p, enum sl_reason why)
{
	if (why != SL_R_ANSWERED_TENANT)
		return why;
	if (p->svc->protocol != SL_P_MQTTSN)
		return p->refused;
	turn_way(p);
	return sl_refuse_connect(p->ctx, pkt_flow(p), p->svc, p->cur.left, p->refused);
}

#endif
