/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stages 3 and 5: hold each device and each tenant to its quota. First packets
 * and bytes, before anybody looks into the payload; then the CoAP method, messages and
 * new connections. Device before tenant, and between them the class; what one refuses is
 * charged at none.
 */
#ifndef SL_STAGE_POLICE_H
#define SL_STAGE_POLICE_H

#include "../config.h"
#include "../lib/device.h"
#include "../lib/hash.h"
#include "../maps.h"
#include "../pkt.h"
#include "../scratch.h"
#include "class.h"
#include "note.h"
#include "top.h"

/* What is asked about a packet, in one word: packets and bytes, or messages and new connections,
 * of it; and the first of these two quotas.
 */
#define POLICE_ASK(first, n0, n1) ((n0) | (n1) << 32 | (__u64)(first) << 62)

static __always_inline __u32 police_first(__u64 n)
{
	return n >> 62 & 2;
}

static __always_inline __u64 police_n1(__u64 n)
{
	return n >> 32 & 0xffffff;
}

/* 1: it is about packets and bytes; else 0. VERIFIER: no branch, that would be one more way. */
static __always_inline __u32 police_in_bytes(__u32 first)
{
	return ~first >> 1 & 1;
}

/* Of a device: two quotas, @first and the one after it. A cost of 0: not limited. */
struct police {
	__u64 now_ns;
	__u64 hash; /* of the device */
	__u64 first;
	__u64 device_cost[2]; /* of this packet, in 1,024 ns */
};

static __always_inline struct police police_of(const struct sl_account *a, __u64 now_ns, __u64 hash,
					       __u64 n)
{
	__u32 first = police_first(n), shift = police_in_bytes(first) * SL_DEV_BYTE_SHIFT;
	__u64 cost1 = police_n1(n) * a->device_cost[first + 1];

	return (struct police){
		.now_ns = now_ns,
		.hash = hash,
		.first = first,
		/* Rounded up: what costs nothing would not be limited. */
		.device_cost = { (__u64)(__u32)n * a->device_cost[first],
				 (cost1 + (1 << shift) - 1) >> shift },
	};
}

static __always_inline enum gcra_result police_tenant_one(__u64 *tat, const struct sl_account *a,
							  __u64 now_ns, __u64 cost)
{
	if (!cost)
		return GCRA_CONFORM;
	return gcra_step(tat, now_ns * SL_TAT_PER_NS, cost, a->limit, cfg_tick_ns * SL_TAT_PER_NS);
}

/* @n: POLICE_ASK(). */
static __always_inline enum sl_reason police_tenant(const struct sl_account *a, __u64 now_ns,
						    __u64 n)
{
	__u32 first = police_first(n);
	__u64 cost0 = (__u64)(__u32)n * a->cost[first];
	__u64 cost1 =
		police_n1(n) * a->cost[first + 1] >> police_in_bytes(first) * SL_BYTE_COST_SHIFT;
	__u32 tenant = a->tenant; /* VERIFIER: 6.1 wants a key on the stack */
	struct sl_bucket *bucket = bpf_map_lookup_elem(&sl_buckets, &tenant);
	enum gcra_result res;

	if (!bucket)
		return SL_R_INTERNAL;
	res = police_tenant_one(&bucket->tat[first & 7], a, now_ns, cost0);
	if (res == GCRA_CONFORM) {
		res = police_tenant_one(&bucket->tat[(first + 1) & 7], a, now_ns, cost1);
		if (res == GCRA_CONFORM)
			return SL_R_NONE;
		if (cost0)
			gcra_refund(&bucket->tat[first & 7], cost0);
		if (res == GCRA_CONTENDED)
			note(SL_N_CONTENDED);
		return SL_R_TENANT_PACKETS + first + 1;
	}
	if (res == GCRA_CONTENDED)
		note(SL_N_CONTENDED);
	return SL_R_TENANT_PACKETS + first;
}

/* @i: which of the two. */
static __always_inline enum device_result police_device_one(const struct sl_account *a,
							    const struct police *s, int i,
							    struct sl_device_line *line,
							    struct device_charge *charge)
{
	__u16 tag = (s->hash >> 48) + (s->first + i) * 0x4001;

	if (!s->device_cost[i])
		return DEVICE_CONFORM;
	return device_step(line, tag, s->now_ns >> SL_DEV_NS_SHIFT, s->device_cost[i],
			   a->device_limit, cfg_tick_ns >> SL_DEV_NS_SHIFT, charge);
}

/* Charge the device; *@charge says what, so that it can be given back. */
static __always_inline enum sl_reason
police_device(const struct sl_account *a, const struct police *s, struct device_charge charge[2])
{
	__u32 index = s->hash & (cfg_device_lines - 1);
	struct sl_device_line *line = bpf_map_lookup_elem(&sl_devices, &index);
	enum device_result res;

	if (!line)
		return SL_R_INTERNAL;
	res = police_device_one(a, s, 0, line, &charge[0]);
	if (res == DEVICE_CONTENDED)
		note(SL_N_CONTENDED);
	if (res == DEVICE_EXCEED || res == DEVICE_CONTENDED)
		return SL_R_DEVICE_PACKETS + s->first;
	if (res == DEVICE_CONFORM)
		res = police_device_one(a, s, 1, line, &charge[1]);
	if (res == DEVICE_BYPASS)
		note(SL_N_DEVICE_BYPASSED);
	if (res == DEVICE_CONTENDED)
		note(SL_N_CONTENDED);
	if (res == DEVICE_CONFORM || res == DEVICE_BYPASS)
		return SL_R_NONE;
	device_refund(&charge[0]);
	return SL_R_DEVICE_PACKETS + s->first + 1;
}

/* VERIFIER: these two alone, because races for a word are retried. Asked in registers: what lies
 * in memory would be written and read again for each packet. Return enum sl_reason.
 */
sl_global int sl_police_tenant(const struct sl_account *a, __u64 now_ns, __u64 n)
{
	return a ? police_tenant(a, now_ns, n) : SL_R_INTERNAL;
}

/* Device, then tenant. */
sl_global int sl_police_both(const struct sl_account *a, __u64 now_ns, __u64 hash, __u64 n)
{
	struct device_charge charge[2] = {};
	enum sl_reason why = SL_R_NONE;
	struct police s;

	if (!a)
		return SL_R_INTERNAL;
	s = police_of(a, now_ns, hash, n);
	if (s.device_cost[0] | s.device_cost[1]) /* else its line is not worth a cache miss */
		why = police_device(a, &s, charge);
	if (why || !(a->quota_mask & 3 << s.first))
		return why;
	why = police_tenant(a, now_ns, n);
	if (why) {
		device_refund(&charge[0]);
		device_refund(&charge[1]);
	}
	return why;
}

/* -- the same with a level between them, in programs that look into messages -- */

/* In the scratch, until all levels have been asked: what the device's words were, and are.
 * VERIFIER: not on the stack, which has no room for it and a further call.
 */
struct police_undo {
	__u64 before[2], after[2]; /* 0: not charged */
};

/* VERIFIER: each level alone, because of the stack. Charge the device. Returns enum sl_reason. */
sl_global int sl_police_device(const struct sl_account *a, const struct police *s)
{
	struct police_undo *undo = scratch();
	struct device_charge charge[2] = {};
	enum sl_reason why;

	if (!a || !s || !undo)
		return SL_R_INTERNAL;
	why = police_device(a, s, charge);
	for (int i = 0; i < 2; i++) {
		undo->before[i] = charge[i].before;
		undo->after[i] = charge[i].after;
	}
	return why;
}

/* Give back what the device was charged, because another level refuses. Returns nothing. */
sl_global int sl_police_undo(const struct police *s)
{
	const struct police_undo *undo = scratch();
	struct sl_device_line *line;
	__u32 index;

	if (!s || !undo)
		return 0;
	index = s->hash & (cfg_device_lines - 1);
	line = bpf_map_lookup_elem(&sl_devices, &index);
	for (int i = 0; i < 2 && line; i++) {
		struct device_charge c = { .before = undo->before[i], .after = undo->after[i] };

		if (s->device_cost[i] && c.after)
			c.word = device_word(line, c.after >> 48, s->now_ns >> SL_DEV_NS_SHIFT);
		device_refund(&c);
	}
	return 0;
}

static __always_inline int police_class(const struct sl_account *a, __u64 now_ns, __u64 ask)
{
	if (ask & CLASS_ASK_BUNDLE)
		return sl_class_charge_bundle(a->tenant, ask, now_ns);
	return ask ? sl_class_charge(a->tenant, ask, now_ns) : SL_R_NONE;
}

static __always_inline void police_class_undo(const struct sl_account *a, __u64 ask)
{
	if (ask & CLASS_ASK_BUNDLE)
		sl_class_refund_bundle(a->tenant, ask, SL_MQTT_MESSAGES);
	else if (ask)
		sl_class_refund(a->tenant, ask);
}

/* Device, class, tenant. @n: POLICE_ASK(); @ask: for the class of a message, see class.h; 0: it
 * has none.
 */
sl_global int sl_police_by_class(const struct sl_account *a, __u64 now_ns, __u64 hash, __u64 n,
				 __u64 ask)
{
	struct police s;
	bool device;
	int why = SL_R_NONE;

	if (!a)
		return SL_R_INTERNAL;
	s = police_of(a, now_ns, hash, n);
	device = s.device_cost[0] | s.device_cost[1];
	if (device)
		why = sl_police_device(a, &s);
	if (why)
		return why;
	why = police_class(a, now_ns, ask);
	if (!why && a->quota_mask & 3 << s.first) {
		why = sl_police_tenant(a, now_ns, n);
		if (why)
			police_class_undo(a, ask);
	}
	if (why && device)
		sl_police_undo(&s);
	return why;
}

_Static_assert(SL_R_DEVICE_PACKETS + SL_Q_CONNECTIONS == SL_R_DEVICE_CONNECTIONS &&
		       SL_R_TENANT_PACKETS + SL_Q_CONNECTIONS == SL_R_TENANT_CONNECTIONS,
	       "refusals stand in the order of enum sl_quota");

/* Over a quota, or without a privilege. answer: the stage of that name finds out whether it
 * can be.
 */
static __always_inline enum sl_reason police_refuse(struct pkt *p, enum sl_reason why)
{
	top_count(p, true);
	if (p->account->excess != SL_X_ANSWER)
		return why;
	p->refused = why;
	return SL_R_ANSWERED_TENANT;
}

/* Over a quota; mark: count what would have been refused, and go on. Privileges know no
 * such dry run.
 */
static __always_inline enum sl_reason police_excess(struct pkt *p, enum sl_reason why)
{
	if (p->account->excess != SL_X_MARK)
		return police_refuse(p, why);
	note(SL_N_MARKED);
	tally(p, why | SL_TALLY_MARK);
	return SL_R_NONE;
}

/* @n: packets and bytes, or messages and new connections, of this packet. @looked_into: this
 * is a program that does; then @ask is for its class.
 */
static __always_inline enum sl_reason police(struct pkt *p, enum sl_quota first, __u64 n0, __u64 n1,
					     bool looked_into, __u64 ask)
{
	const struct sl_account *a = p->account;
	__u64 n = POLICE_ASK(first, n0, n1);
	enum sl_reason why;

	if ((!((a->quota_mask | a->device_mask) & 3 << first) && !ask) || !(n0 | n1))
		return SL_R_NONE;
	if (!p->now_ns)
		p->now_ns = now_coarse_ns();
	if (!(a->device_mask & 3 << first) && !ask)
		why = sl_police_tenant(a, p->now_ns, n);
	else if (looked_into)
		why = sl_police_by_class(a, p->now_ns, p->device, n, ask);
	else
		why = sl_police_both(a, p->now_ns, p->device, n);
	return why ? police_excess(p, why) : SL_R_NONE;
}

static __always_inline enum sl_reason stage_police_bytes(struct pkt *p, bool looked_into)
{
	if (p->account->device_mask) {
		p->device = pkt_device(p);
		top_count(p, false);
	}
	return police(p, SL_Q_PACKETS, 1, p->flow.l3_len, looked_into, 0);
}

static __always_inline enum sl_reason police_method(struct pkt *p)
{
	__u32 method = p->kind - SL_K_COAP_GET;

	/* Behind the linear bytes it cannot be seen: no way around a privilege. */
	if (p->kind == SL_K_UDP && p->svc->protocol == SL_P_COAP)
		return police_refuse(p, SL_R_METHOD_NOT_ALLOWED);
	if (method > SL_METHODS || !(p->account->denied >> method & 1))
		return SL_R_NONE;
	return police_refuse(p, SL_R_METHOD_NOT_ALLOWED);
}
_Static_assert(SL_K_COAP_OTHER - SL_K_COAP_GET == SL_METHODS, "a bit for each kind, in order");

/* What the tenant may not do at all is not charged. @ask: for their classes, see class.h. */
static __always_inline enum sl_reason stage_police_messages(struct pkt *p, bool looked_into,
							    __u64 ask)
{
	enum sl_reason why;

	if (p->account->denied) {
		why = police_method(p);
		if (why)
			return why;
	}
	return police(p, SL_Q_MESSAGES, p->messages, p->step == FLOW_OPENER, looked_into, ask);
}

#endif
