/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stage 6: flow -> instance. A DTLS connection id may name it; else a slot says it,
 * unless the ring has just changed there: then the flow's pin does, by the table
 * in lib/affinity.h. What instances send teaches pins, too (nat).
 */
#ifndef SL_STAGE_PICK_H
#define SL_STAGE_PICK_H

#include "../lib/cid.h"
#include "../lib/hash.h"
#include "../config.h"
#include "../maps.h"
#include "../pkt.h"
#include "../scratch.h"
#include "latency.h"
#include "note.h"
#include "pin.h"

/* What sl_pick_by_pin() returns: the instance, the row that decided, and whether the
 * device is to be told that its instance is gone.
 */
#define PICK_ROW_SHIFT 16
#define PICK_RESET     (1u << 24)

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

static __always_inline void pick_note(__u32 row)
{
	if (row == AFF_OPENER_FULL)
		note(SL_N_HALF_OPEN_FULL);
	if (row == AFF_REQUEST_FULL)
		note(SL_N_EXCHANGE_FULL);
}

/* VERIFIER: by way of a map's memory, of which it knows nothing, so that what follows
 * is verified once, not once a row. A call would cost twice as much.
 */
static __always_inline __u32 pick_decide(struct pick_ask *ask)
{
	const struct affinity_view *v = &ask->view;
	enum affinity_row row = v->sender ? affinity_learn(v) : affinity_decide(v);

	*(volatile __u32 *)&ask->decided = row | affinity_go(row) << 8 | affinity_do(row) << 16;
	return *(volatile __u32 *)&ask->decided;
}

static __always_inline void pick_find_prev(struct pick *k)
{
	struct affinity_view *v = &k->ask->view;
	const struct sl_instance *prev = v->slot.prev ? instance_of(v->slot.prev) : NULL;

	v->prev_usable = prev && !(prev->flags & SL_I_DOWN);
	v->prev_reset = instance_is(prev, SL_I_DOWN | SL_I_RESET);
}

/* A pin decides about most packets, and nothing else is asked. */
static __always_inline bool pick_is_pinned(const struct pick_ask *ask)
{
	return ask->view.pin_usable && !ask->view.pin_closing && !ask->mid_of && !ask->view.sender;
}

/* What pick_decide() and pick_act() come to then. */
static __always_inline __u32 pick_pinned(struct pick *k)
{
	enum affinity_row row = affinity_by_pin(&k->ask->view);

	pick_mend(k, affinity_do(row));
	return k->ask->view.pin_instance | row << PICK_ROW_SHIFT;
}

static __always_inline void pick_look(struct pick *k)
{
	struct affinity_view *v = &k->ask->view;

	v->repeats = k->ask->mid_of == MID_DEVICE;
	v->room = pick_has_room(k);
	pick_find_prev(k);
	if (k->ask->mid_of)
		pick_find_exchange(k);
}

_Static_assert(sizeof(struct pick_ask) <= offsetof(struct sl_scratch, second_ns), "it fits");

/* VERIFIER: alone, as what has many paths that all end in an id. What is asked lies in
 * the scratch: 6.1 takes no key of a map from an argument's memory. Returns as above;
 * 0: no instance, and no row. The caller counts the row, where it counts the packet.
 */
sl_global __u32 sl_pick_by_pin(void)
{
	struct pick_ask *ask = scratch();
	struct pick k = {};
	__u32 service, what, row;
	__u16 instance;
	__u8 go;

	if (!ask)
		return 0;
	k.ask = ask;
	pick_find_pin(&k);
	if (pick_is_pinned(ask))
		return pick_pinned(&k);
	service = ask->key.service;
	k.state = bpf_map_lookup_elem(&sl_svc_states, &service);
	if (!k.state) /* every service has one */
		return 0;
	pick_look(&k);
	what = pick_decide(ask);
	row = what & 0xff;
	go = what >> 8;
	instance = pick_act(&k, what >> 16, affinity_instance(&ask->view, go));
	pick_note(row); /* VERIFIER: its forks come last */
	return instance | row << PICK_ROW_SHIFT | (go == GO_RESET ? PICK_RESET : 0);
}

/* Servers that need not answer what they get. */
static __always_inline bool is_oneway(__u8 protocol)
{
	return protocol == SL_P_COAPS || protocol == SL_P_MQTTSN;
}

/* The slot is in transition, or past it with pins left. */
static __always_inline __u32 pick_by_pin(struct pkt *p, struct sl_slot slot)
{
	struct sl_pin_key parts = {
		.port = p->flow.sport,
		.service = p->svc->id,
		.transfer = p->step == FLOW_BLOCK,
	};
	struct pick_ask *ask = scratch();

	if (!ask)
		return 0;
	__builtin_memset(ask, 0, sizeof(*ask));
	barrier(); /* else it becomes a store for each member */
	sl_put_word(&ask->key.addr.w[0], &p->flow.src.w[0], 64);
	sl_put_word(&ask->key.addr.w[2], &p->flow.src.w[2], 64);
	sl_put_word(&ask->key.port, &parts.port, 32);
	sl_put_word(&ask->view.slot, &slot, 64);
	ask->mid = p->mid;
	ask->mid_of = p->mid_of;
	ask->budget = p->svc->half_open_max;
	ask->view.keep_s = p->svc->keep_s;
	ask->view.step = p->step;
	ask->view.is_tcp = p->flow.proto == IPPROTO_TCP;
	ask->view.oneway = is_oneway(p->svc->protocol);
	if (!p->now_ns)
		p->now_ns = now_coarse_ns();
	ask->view.now_s = scratch_now_s(ask, p->now_ns);
	return sl_pick_by_pin();
}

/* -- by connection id -- */

struct cid_ask {
	__u32 offset; /* of the payload */
	__u32 layout;
	__u32 rotations;
	__u32 service;
};

/* VERIFIER: alone, as all that reads at an offset of the packet's own. Returns the
 * instance; 0: the record has no id, or one of nobody who lives.
 */
sl_global int sl_pick_by_cid(struct xdp_md *ctx, struct cid_ask *ask)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct sl_cid_key key = {};
	const struct sl_instance *i;
	const __u8 *first;
	__u32 offset, *id;
	__s64 server;

	if (!ask)
		return 0;
	first = data + (ask->offset & PAYLOAD_OFFSET_MAX);
	if ((void *)(first + 1) > end)
		return 0;
	offset = cid_offset(*first);
	if (!offset)
		return 0;
	first += offset;
	if ((void *)(first + 5) > end)
		return 0;
	server = cid_server_id(first, ask->layout, ask->rotations);
	key.server_id = server;
	key.service = ask->service;
	id = server == CID_NOBODY ? NULL : bpf_map_lookup_elem(&sl_cids, &key);
	i = id ? instance_of(*id) : NULL;
	if (!i || i->flags & SL_I_DOWN) {
		note(SL_N_CID_UNKNOWN);
		return 0;
	}
	return *id;
}

static __always_inline int pick_by_cid(const struct pkt *p)
{
	struct cid_ask ask = {
		.offset = p->cur.pos - (void *)(long)p->ctx->data,
		.layout = p->svc->cid_layout,
		.rotations = p->svc->cid_rotations,
		.service = p->svc->id,
	};

	return sl_pick_by_cid(p->ctx, &ask);
}

/* -- the stage -- */

static __always_inline struct sl_answers *answers_of(__u32 instance)
{
	__u32 index = bpf_get_smp_processor_id() * cfg_instances + instance;

	return bpf_map_lookup_elem(&sl_answers, &index);
}

/* What an instance must answer if it is well. */
static __always_inline void pick_count_asked(__u32 instance)
{
	struct sl_answers *n = answers_of(instance);

	if (n)
		n->asked++;
}

/* What a service wants to know of its requests. */
struct watch {
	__u16 instance;
	__u8 kind;   /* enum sl_kind */
	__u8 step;   /* enum flow_step */
	__u8 mid_of; /* enum message_id */
	__u8 pad[3];
	__u32 account;
	__u32 payload; /* its offset << 16 | its length */
};

/* VERIFIER: alone: what follows is verified once. Returns nothing. */
sl_global int sl_watch(struct xdp_md *ctx, const struct flow *f, const struct sl_service *svc,
		       const struct watch *w)
{
	if (!f || !svc || !w)
		return 0;
	if (svc->flags & SL_SVC_OUTLIERS && (flow_is_opener(w->step) || w->mid_of == MID_DEVICE))
		pick_count_asked(w->instance);
	if (svc->flags & SL_SVC_LATENCY)
		latency_asked(ctx, f, svc, w->account, w->kind, w->payload);
	return 0;
}

static __always_inline void pick_watch(const struct pkt *p)
{
	struct watch w = {
		.instance = p->inst_id,
		.kind = p->kind,
		.step = p->step,
		.mid_of = p->mid_of,
		.account = p->account->id,
		.payload = pkt_payload(p),
	};

	sl_watch(p->ctx, pkt_flow(p), p->svc, &w);
}

/* @id: of the instance that is known already, by @row; else 0. */
static __always_inline enum sl_reason pick_instance(struct pkt *p, __u32 id, __u8 row)
{
	__u32 hash, size = p->svc->ring_size;
	struct sl_slot slot;

	if (!id && !size)
		return SL_R_NO_INSTANCE;
	if (id) {
		p->row = row;
	} else {
		hash = flow_hash(p->control->flow_key, &p->flow.src, p->flow.sport);
		if (!slot_read(p->svc->ring_first + ring_slot(hash, size), &slot))
			return SL_R_INTERNAL;
		id = slot.cur;
		if (affinity_needs_pin(slot) && p->svc->flags & SL_SVC_AFFINITY)
			id = pick_by_pin(p, slot);
	}
	if (id >> PICK_ROW_SHIFT)
		p->row = id >> PICK_ROW_SHIFT;
	if (id & PICK_RESET)
		return SL_R_RESET;
	p->inst_id = id;
	if (!p->inst_id)
		return SL_R_NO_INSTANCE;
	p->inst = instance_of(p->inst_id);
	return p->inst ? SL_R_NONE : SL_R_INTERNAL;
}

static __always_inline enum sl_reason stage_pick(struct pkt *p)
{
	__u32 id = p->svc->cid_layout ? pick_by_cid(p) : 0;
	enum sl_reason why = pick_instance(p, id, AFF_CID);

	if (!why && p->svc->flags & (SL_SVC_OUTLIERS | SL_SVC_LATENCY))
		pick_watch(p);
	return why;
}

/* The same of CoAP, where p->inst_id is the instance that the device answers, if that is known. */
static __always_inline enum sl_reason stage_pick_coap(struct pkt *p)
{
	enum sl_reason why = pick_instance(p, p->inst_id, AFF_EXCHANGE);

	if (!why && p->svc->flags & (SL_SVC_OUTLIERS | SL_SVC_LATENCY))
		pick_watch(p);
	return why;
}

#endif
