/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an instance's answer teaches (nat): that it answers, and, while some slot of
 * its service is in transition, that a flow is its own. That is what pins are made
 * of: whoever spoofs a device's address gets no such answer. It also tells where a
 * CoAP device's observations and transfers are, which has no connections.
 */
#ifndef SL_STAGE_LEARN_H
#define SL_STAGE_LEARN_H

#include "classify.h"
#include "pick.h"
#include "track.h"

/* In the scratch: what is asked of pick lies in front. */
struct learn {
	struct pick_ask ask;
	__u64 said; /* as classify.h has it */
	struct sl_service_key service;
};
_Static_assert(sizeof(struct learn) <= offsetof(struct sl_scratch, second_ns), "it fits");

/* The device's slot in the service that the answer is from, into *@ask. Returns the
 * service; NULL: its flows are not kept.
 */
static __always_inline const struct sl_service *learn_service(const struct sl_service_key *key,
							      struct pick_ask *ask)
{
	const struct sl_service *svc = bpf_map_lookup_elem(&sl_services, key);
	const struct sl_control *control;
	__u32 hash, zero = 0;

	if (!svc || !(svc->flags & SL_SVC_AFFINITY) || !svc->ring_size)
		return NULL;
	control = bpf_map_lookup_elem(&sl_control, &zero);
	if (!control)
		return NULL;
	hash = flow_hash(control->flow_key, &ask->key.addr, ask->key.port);
	if (!slot_read(svc->ring_first + ring_slot(hash, svc->ring_size), &ask->view.slot))
		return NULL;
	ask->key.service = svc->id;
	ask->view.keep_s = svc->keep_s;
	ask->budget = svc->half_open_max;
	return svc;
}

/* A SYN-ACK is sent to whoever asks; a FIN or RST ends. */
static __always_inline enum flow_evidence learn_tcp(__u8 flags, bool has_data)
{
	if (flags & (TCP_FIN | TCP_RST))
		return EVIDENCE_END;
	if (flags & TCP_SYN)
		return EVIDENCE_NONE;
	return has_data ? EVIDENCE_STATE : EVIDENCE_ACK;
}

/* VERIFIER: member by member, and a barrier, or the compiler puts it together on the stack. */
static __always_inline void learn_fill(struct learn *l, const struct flow *f,
				       const struct sl_return *ret, __u32 bank)
{
	__builtin_memset(l, 0, sizeof(*l));
	l->ask.key.addr = f->dst;
	l->ask.key.port = f->dport;
	l->ask.view.sender = ret->instance;
	if (ret->front) {
		l->service = (struct sl_service_key)SL_POOL_KEY(ret->service);
	} else {
		l->service.addr = ret->vip;
		l->service.port = ret->port;
		l->service.proto = f->proto;
	}
	l->service.bank = bank;
	barrier();
}

/* Remember who has sent what the device may answer. */
static __always_inline void learn_side(struct sl_exchange_key *key, const struct sl_exchange *x,
				       __u32 budget)
{
	__u32 front = key->service;
	struct sl_service_state *state = bpf_map_lookup_elem(&sl_svc_states, &front);

	if (!bpf_map_update_elem(&sl_exchanges, key, x, BPF_EXIST))
		return;
	if (state && state->exchanges < budget &&
	    !bpf_map_update_elem(&sl_exchanges, key, x, BPF_NOEXIST))
		__sync_fetch_and_add(&state->exchanges, 1);
	else
		note(SL_N_SENDER_FULL);
}

/* VERIFIER: alone, for the stack. A pool's instance has sent this: what answers it names no
 * path and comes to the pool's front, so it is remembered there, whatever the slot is. What is
 * learnt of the message lies in the scratch; @payload: its offset. Returns nothing.
 */
sl_global int sl_learn_pool(struct xdp_md *ctx, __u32 payload, __u32 front, __u32 instance)
{
	struct learn *l = scratch();
	struct sl_exchange x = { .instance = instance };
	struct sl_exchange_key key = { .service = front, .by_server = SL_SIDE_SERVER };
	const struct sl_instance *i = instance_of(instance);
	__u32 budget;
	__u8 first;

	if (!l || !i || bpf_xdp_load_bytes(ctx, payload & PAYLOAD_OFFSET_MAX, &first, 1))
		return 0;
	/* Of what need not be answered half of it. */
	budget = (first >> 4 & 3) == COAP_CON ? l->ask.budget : l->ask.budget / 2;
	x.generation = i->generation;
	x.seen = l->ask.view.now_s;
	key.addr = l->ask.key.addr;
	key.port = l->ask.key.port;
	key.mid = SAID_MID(l->said);
	if (SAID_OWN(l->said))
		learn_side(&key, &x, budget);
	if ((__u32)SAID_KIND(l->said) - SL_K_COAP_GET > SL_METHODS)
		return 0;
	key.mid = 0;
	key.by_server = SL_SIDE_ASKED;
	learn_side(&key, &x, budget);
	return 0;
}

/* VERIFIER: alone, for the stack. @payload: its offset << 16 | its length. */
sl_global int sl_learn(struct xdp_md *ctx, const struct flow *f, const struct sl_return *ret,
		       __u32 bank, __u32 payload)
{
	struct learn *l = scratch();
	const struct sl_service *svc;

	if (!l || !f || !ret)
		return 0;
	learn_fill(l, f, ret, bank);
	svc = learn_service(&l->service, &l->ask);
	if (!svc || !(ret->front || affinity_needs_pin(l->ask.view.slot)))
		return 0;
	if (f->proto == IPPROTO_TCP)
		l->said = (__u64)learn_tcp(f->tcp_flags, payload & 0xffff) << SAID_EVIDENCE_SHIFT;
	else if (has_parser(svc->protocol))
		l->said = classify_by(ctx, svc->protocol, payload, HOW_BY_INSTANCE);
	if (SAID_WHY(l->said))
		return 0;
	l->ask.view.now_s = scratch_now_s(l, now_coarse_ns());
	if (ret->front) {
		sl_learn_pool(ctx, payload >> 16, ret->front, ret->instance);
		if (!affinity_needs_pin(l->ask.view.slot))
			return 0;
		l->said &= ~SAID_OWN_BIT;
	}
	l->ask.view.is_tcp = f->proto == IPPROTO_TCP;
	if (SAID_TRANSFER(l->said)) {
		l->ask.key.transfer = l->ask.view.transfer = true;
		l->ask.view.evidence = SAID_TRANSFER(l->said);
		note_row(sl_pick_by_pin() >> PICK_ROW_SHIFT);
		l->ask.key.transfer = l->ask.view.transfer = false;
	}
	l->ask.view.evidence = SAID_EVIDENCE(l->said);
	l->ask.view.own = SAID_OWN(l->said);
	l->ask.mid = SAID_MID(l->said);
	l->ask.mid_of = SAID_OWN(l->said) ? MID_SERVER : MID_UNTOLD;
	note_row(sl_pick_by_pin() >> PICK_ROW_SHIFT);
	return 0;
}

static __always_inline void learn_answered(const struct flow *f, __u32 instance)
{
	struct sl_answers *n;

	if (f->proto == IPPROTO_TCP && !flow_is_syn_ack(f))
		return;
	n = answers_of(instance);
	if (n)
		n->answered++;
}

/* VERIFIER: alone: what follows is verified once. @watch: enum sl_watch. @payload: its offset
 * << 16 | its length. Returns nothing.
 */
sl_global int sl_learn_watch(struct xdp_md *ctx, const struct flow *f, const struct sl_return *ret,
			     __u32 watch, __u32 payload)
{
	if (!f || !ret)
		return 0;
	if (watch & SL_W_OUTLIERS)
		learn_answered(f, ret->instance);
	if (watch & SL_W_TRACK && f->tcp_flags & TRACK_TOLD)
		track_answer(ctx, f, ret->service, payload & 0xffff);
	if (watch >> SL_W_LATENCY_SHIFT)
		latency_answered(ctx, f, ret, watch >> SL_W_LATENCY_SHIFT, payload);
	return 0;
}

static __always_inline void learn_watched(const struct pkt *p, __u32 watch)
{
	sl_learn_watch(p->ctx, pkt_flow(p), p->ret, watch, pkt_payload(p));
}

static __always_inline void stage_learn(struct pkt *p)
{
	__u32 id = p->ret->service;
	const struct sl_service_state *state = bpf_map_lookup_elem(&sl_svc_states, &id);

	if (!state)
		return;
	if (state->watch)
		learn_watched(p, state->watch);
	if (*(volatile __u32 *)&state->unsettled)
		sl_learn(p->ctx, pkt_flow(p), p->ret, p->bank, pkt_payload(p));
}

#endif
