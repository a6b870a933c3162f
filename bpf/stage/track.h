/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The flow table of services with track: which connections there are, whose, and how many
 * are open. A connection is in it once its device has shown that it knows what the instance's
 * SYN-ACK said (RFC 9293 3.5): whoever spoofs an address does not. Until then it is half-open,
 * in a map of its own and within the service's budget, so that no flood of SYNs takes the room
 * of others. What is in it is never displaced; the daemon takes off what is idle or over.
 */
#ifndef SL_STAGE_TRACK_H
#define SL_STAGE_TRACK_H

#include "../config.h"
#include "../lib/mqttconnect.h"
#include "../lib/tls.h"
#include "../maps.h"
#include "../pkt.h"
#include "../scratch.h"
#include "note.h"
#include "pick.h"

#define TRACK_SPOKEN_MAX 0xffff /* of what an ACK may be ahead, where the SYN had data */

/* In the scratch: what is asked of the table, and what it says. */
struct track {
	struct sl_flow_key key;
	__u32 now_s;
	__u32 seq, ack; /* of the segment */
	__u32 data;	/* bytes of its payload */
	__u8 tcp_flags;
	__u8 bank;
	__u8 protocol; /* enum sl_protocol */
	__u8 delimiter;
	__u8 identify; /* what it says matters */
	__u8 opener;
	__u8 connect;	/* it begins with a CONNECT */
	__u8 refuse;	/* enum sl_reason */
	__u32 tenant;	/* whose the segment is: the source's or the default one, or as is known */
	__u32 fallback; /* the default one */
	__u32 offset;	/* of the payload in the frame */
	__u32 budget;	/* of half-open ones */
	__u32 first;	/* of the connection, as in sl_flow */
	__u64 who;	/* likewise; 0: it is not in the table */
	union {		/* what its first bytes say, see stream.h */
		struct mqtt_connect mqtt;
		struct tls_hello tls;
	};
};
_Static_assert(sizeof(struct track) <= offsetof(struct sl_scratch, second_ns), "it fits");

static __always_inline __u32 flow_tenant(__u64 who)
{
	return who >> SL_FLOW_TENANT_SHIFT & SL_FLOW_ID_MASK;
}

static __always_inline __u32 flow_account(__u64 who)
{
	return who & SL_FLOW_ID_MASK;
}

/* -- how many are open -- */

static __always_inline struct sl_open_count *open_of_tenant(__u32 tenant)
{
	return bpf_map_lookup_elem(&sl_open_tenants, &tenant);
}

static __always_inline struct sl_open_count *open_of_account(__u32 account)
{
	return bpf_map_lookup_elem(&sl_open, &account);
}

static __always_inline __u32 open_now(const struct sl_open_count *c)
{
	return *(volatile __u32 *)&c->opened - *(volatile __u32 *)&c->ended;
}

/* Are its tenant's, with @more, over the maximum? */
static __always_inline bool open_is_over(const struct sl_account *a, __u32 more)
{
	const struct sl_open_count *c = a->open_max ? open_of_tenant(a->tenant) : NULL;

	return c && open_now(c) + more > a->open_max;
}

/* What @tenant may do with the service that is asked about; NULL: nothing. */
static __always_inline const struct sl_account *track_account(const struct track *t, __u32 tenant)
{
	struct sl_account_key key = {
		.tenant = tenant,
		.service = t->key.service,
		.bank = t->bank,
	};

	return bpf_map_lookup_elem(&sl_accounts, &key);
}

/* Who is over it is only counted where on_excess is mark. */
static __always_inline __u32 track_open_max(const struct sl_account *a)
{
	return a->excess == SL_X_MARK ? 0 : a->open_max;
}

/* One more; false: that would be over its maximum, and nothing is changed. */
static __always_inline bool open_begin(const struct sl_account *a)
{
	struct sl_open_count *all = open_of_tenant(a->tenant), *one = open_of_account(a->id);
	__u32 max = track_open_max(a);

	if (!all || !one)
		return false;
	__sync_fetch_and_add(&all->opened, 1);
	if (max && open_now(all) > max) {
		__sync_fetch_and_add(&all->ended, 1);
		return false;
	}
	__sync_fetch_and_add(&one->opened, 1);
	return true;
}

static __always_inline void open_end(__u64 who)
{
	struct sl_open_count *all = open_of_tenant(flow_tenant(who));
	struct sl_open_count *one = open_of_account(flow_account(who));

	if (all)
		__sync_fetch_and_add(&all->ended, 1);
	if (one)
		__sync_fetch_and_add(&one->ended, 1);
}

/* -- what is asked -- */

/* The segment's numbers, into the scratch. NULL: they cannot be read. */
static __always_inline struct track *track_ask(struct xdp_md *ctx, const struct flow *f, __u32 data)
{
	struct track *t = scratch();
	__be32 numbers[2];

	if (!t ||
	    bpf_xdp_load_bytes(ctx, (f->l4_offset & L4_OFFSET_MAX) + 4, numbers, sizeof(numbers)))
		return NULL;
	__builtin_memset(t, 0, sizeof(*t));
	barrier(); /* else it becomes a store for each member */
	t->seq = bpf_ntohl(numbers[0]);
	t->ack = bpf_ntohl(numbers[1]);
	t->data = data;
	t->tcp_flags = f->tcp_flags;
	return t;
}

/* -- changes of what is known -- */

static __always_inline struct sl_service_state *track_state(const struct track *t)
{
	__u32 service = t->key.service;

	return bpf_map_lookup_elem(&sl_svc_states, &service);
}

/* It no longer counts as open; once, whoever says so. */
static __always_inline void flow_over(struct sl_flow *f)
{
	__u64 was = __sync_fetch_and_or(&f->who, SL_FLOW_FLAG(SL_FLOW_OVER));

	if (!(was & SL_FLOW_FLAG(SL_FLOW_OVER)))
		open_end(was);
}

/* @flag is one side's end; it is over when both have said so. */
static __always_inline void flow_fin(struct sl_flow *f, __u64 flag)
{
	const __u64 both = SL_FLOW_FLAG(SL_FLOW_DEVICE_FIN | SL_FLOW_INSTANCE_FIN);

	if (((__sync_fetch_and_or(&f->who, flag) | flag) & both) == both)
		flow_over(f);
}

/* Is it where the device goes on, as far as can be seen? Whoever does not see the answers has
 * to guess that.
 */
static __always_inline bool flow_fits(const struct sl_flow *f, __u32 seq)
{
	return seq == f->next || seq == f->acked;
}

static __always_inline void flow_goes_on(struct sl_flow *f, const struct track *t)
{
	_Static_assert(TCP_FIN == 1, "it takes one number");
	if (t->seq == f->next)
		f->next += t->data + (t->tcp_flags & TCP_FIN);
}

/* A half-open entry ends: true for the one who ended it. */
static __always_inline bool track_drop_open(struct track *t)
{
	struct sl_service_state *state = track_state(t);

	if (bpf_map_delete_elem(&sl_flow_opens, &t->key))
		return false;
	if (state)
		__sync_fetch_and_sub(&state->flow_opens, 1);
	return true;
}

/* -- the device's segments -- */

/* A RST is none: it ends what is half-open at the instance. */
static __always_inline bool track_is_proof(const struct track *t, const struct sl_flow_open *o)
{
	__u32 ahead = t->ack - o->proof;

	if ((t->tcp_flags & (TCP_ACK | TCP_RST)) != TCP_ACK)
		return false;
	if (cfg_explain && !(o->flags & SL_OPEN_ANSWERED)) /* a capture of one direction */
		return true;
	return o->flags & SL_OPEN_ANSWERED &&
	       ahead <= (o->flags & SL_OPEN_SPOKEN ? TRACK_SPOKEN_MAX : 0);
}

/* The device's own: from now on it is in the table, in place of what its port had before.
 * Returns enum sl_reason.
 */
static __always_inline int track_establish(struct track *t, const struct sl_flow_open *o,
					   struct sl_flow *old)
{
	__u64 flags = (!t->identify || o->flags & SL_OPEN_SPOKEN ? SL_FLOW_NAMED : 0) |
		      (t->tcp_flags & TCP_FIN ? SL_FLOW_DEVICE_FIN : 0);
	const struct sl_account *a = track_account(t, t->tenant);
	struct sl_service_state *state = track_state(t);
	struct sl_flow new = {
		.first = o->first, .seen = t->now_s, .acked = o->first, .next = o->first
	};

	if (!a)
		return SL_R_NOT_ALLOWED;
	flow_goes_on(&new, t);
	new.who = SL_FLOW_WHO(a->tenant, a->id, flags);
	if (!open_begin(a))
		return SL_R_OPEN_CONNECTIONS;
	if (!track_drop_open(t)) { /* another CPU is about it */
		open_end(new.who);
		return SL_R_NONE;
	}
	if (old)
		flow_over(old);
	if (bpf_map_update_elem(&sl_flows, &t->key, &new, BPF_ANY)) {
		open_end(new.who);
		note(SL_N_FLOW_FULL);
		return SL_R_NONE;
	}
	if (!old && state)
		__sync_fetch_and_add(&state->flows, 1);
	t->who = new.who;
	t->first = new.first;
	return SL_R_NONE;
}

/* A device that goes without a FIN says so by a RST, at just what the instance expects (RFC 5961
 * 3.2). Another one may be forged, and is no more than a FIN.
 */
static __always_inline void track_rst(const struct track *t, struct sl_flow *f)
{
	const __u64 rst = SL_FLOW_FLAG(SL_FLOW_DEVICE_RST);
	__u64 was = *(volatile __u64 *)&f->who;

	if (was & SL_FLOW_FLAG(SL_FLOW_OVER))
		return;
	if (!flow_fits(f, t->seq)) {
		flow_fin(f, SL_FLOW_FLAG(SL_FLOW_DEVICE_FIN));
		return;
	}
	__sync_fetch_and_or(&f->who, rst);
	flow_over(f);
}

#define TRACK_AGAIN SL_FLOW_FLAG(SL_FLOW_DEVICE_RST | SL_FLOW_LAPSED)

/* Data behind a RST: the instance has not taken that; or behind a long silence. It counts again,
 * if there is room. Data that may be forged leaves the FIN. Returns enum sl_reason.
 */
static __always_inline int track_revive(const struct track *t, struct sl_flow *f, __u64 who,
					bool fits)
{
	const __u64 ends = TRACK_AGAIN | SL_FLOW_FLAG(SL_FLOW_OVER);
	const __u64 fin = SL_FLOW_FLAG(SL_FLOW_DEVICE_FIN);
	const struct sl_account *a = track_account(t, flow_tenant(who));

	if (!a)
		return SL_R_NONE; /* who asks next finds out */
	if (!open_begin(a))
		return SL_R_OPEN_CONNECTIONS;
	if (!fits)
		__sync_fetch_and_or(&f->who, fin);
	if (!(__sync_fetch_and_and(&f->who, fits ? ~(ends | fin) : ~ends) &
	      SL_FLOW_FLAG(SL_FLOW_OVER)))
		open_end(who); /* another CPU was first */
	return SL_R_NONE;
}

/* Returns enum sl_reason. */
static __always_inline int track_touch(const struct track *t, struct sl_flow *f)
{
	const __u64 fin = SL_FLOW_FLAG(SL_FLOW_DEVICE_FIN), over = SL_FLOW_FLAG(SL_FLOW_OVER);
	__u64 who = *(volatile __u64 *)&f->who;
	bool fits = flow_fits(f, t->seq);

	if (f->seen != t->now_s)
		f->seen = t->now_s;
	if (t->tcp_flags & TCP_RST) {
		track_rst(t, f);
		return SL_R_NONE;
	}
	flow_goes_on(f, t);
	if (t->tcp_flags & TCP_FIN)
		flow_fin(f, fin);
	else if (t->data && who & TRACK_AGAIN)
		return track_revive(t, f, who, fits);
	else if (t->data && fits && who & fin && !(who & over)) /* it was forged, or repeated */
		__sync_fetch_and_and(&f->who, ~fin);
	return SL_R_NONE;
}

/* What the table knows of the segment's connection, for anything but a SYN, into *@t. Returns
 * enum sl_reason.
 */
static __always_inline int track_find(struct track *t)
{
	struct sl_flow *f = bpf_map_lookup_elem(&sl_flows, &t->key);
	struct sl_flow_open *o;
	int why = SL_R_NONE;

	if (!f || f->who & SL_FLOW_FLAG(SL_FLOW_AGAIN)) {
		o = bpf_map_lookup_elem(&sl_flow_opens, &t->key);
		if (o && track_is_proof(t, o))
			why = track_establish(t, o, f);
		else if (f && !o)
			__sync_fetch_and_and(&f->who, ~SL_FLOW_FLAG(SL_FLOW_AGAIN));
		if (why || t->who)
			return why;
	}
	if (!f) {
		note(SL_N_FLOW_UNTRACKED);
		return SL_R_NONE;
	}
	why = track_touch(t, f);
	t->who = f->who;
	t->first = f->first;
	t->tenant = flow_tenant(t->who);
	return why;
}

/* VERIFIER: alone, as what has many ways. A SYN that is sent on. Without room for it the
 * connection is not tracked. Returns nothing.
 */
sl_global int sl_track_open(void)
{
	struct track *t = scratch();
	struct sl_flow_open new = {}, *o;
	struct sl_service_state *state;
	struct sl_flow *f;

	if (!t)
		return 0;
	f = bpf_map_lookup_elem(&sl_flows, &t->key);
	if (f)
		__sync_fetch_and_or(&f->who, SL_FLOW_FLAG(SL_FLOW_AGAIN));
	new.first = t->seq + 1;
	new.seen = t->now_s;
	new.flags = t->data ? SL_OPEN_SPOKEN : 0;
	o = bpf_map_lookup_elem(&sl_flow_opens, &t->key);
	if (o && o->first == new.first) { /* repeated */
		o->seen = new.seen;
		o->flags |= new.flags;
		return 0;
	}
	state = track_state(t);
	if (!state || (!o && state->flow_opens >= t->budget)) {
		note(SL_N_FLOW_FULL);
		return 0;
	}
	if (!o && !bpf_map_update_elem(&sl_flow_opens, &t->key, &new, BPF_NOEXIST))
		__sync_fetch_and_add(&state->flow_opens, 1);
	else if (bpf_map_update_elem(&sl_flow_opens, &t->key, &new, BPF_EXIST))
		note(SL_N_FLOW_FULL);
	return 0;
}

/* The connection is @a's, for good. Returns enum sl_reason. */
static __always_inline int track_name(struct track *t, const struct sl_account *a)
{
	struct sl_flow *f = bpf_map_lookup_elem(&sl_flows, &t->key);
	__u64 was, now = SL_FLOW_WHO(a->tenant, a->id, SL_FLOW_NAMED);

	if (!f)
		return SL_R_NONE;
	was = *(volatile __u64 *)&f->who;
	if (was & SL_FLOW_FLAG(SL_FLOW_NAMED)) /* another CPU was first */
		return flow_tenant(was) == a->tenant ? SL_R_NONE : SL_R_IDENTITY_CHANGED;
	if (flow_tenant(was) == a->tenant) {
		__sync_fetch_and_or(&f->who, SL_FLOW_FLAG(SL_FLOW_NAMED));
		return SL_R_NONE;
	}
	if (!open_begin(a))
		return SL_R_OPEN_CONNECTIONS;
	now |= was >> SL_FLOW_FLAGS_SHIFT << SL_FLOW_FLAGS_SHIFT;
	/* It has just ended, or changed otherwise: the segment is sent again. */
	if (was & SL_FLOW_FLAG(SL_FLOW_OVER) ||
	    __sync_val_compare_and_swap(&f->who, was, now) != was) {
		open_end(now);
		return SL_R_IDENTITY_CHANGED;
	}
	open_end(was);
	/* All that mark does with it is to count it; the default tenant's was at its SYN. */
	return a->excess == SL_X_MARK && open_is_over(a, 0) ? SL_R_OPEN_CONNECTIONS : SL_R_NONE;
}

/* -- the instance's -- */

static __always_inline void track_syn_ack(struct track *t)
{
	struct sl_flow_open *o = bpf_map_lookup_elem(&sl_flow_opens, &t->key);
	__u32 ahead;

	if (!o)
		return;
	ahead = t->ack - o->first;
	if (ahead > (o->flags & SL_OPEN_SPOKEN ? TRACK_SPOKEN_MAX : 0))
		return;
	o->proof = t->seq + 1;
	barrier();
	o->flags |= SL_OPEN_ANSWERED;
}

/* A SYN that is refused ends what it began; else the connection does. */
static __always_inline void track_reset(struct track *t)
{
	struct sl_flow_open *o = bpf_map_lookup_elem(&sl_flow_opens, &t->key);
	struct sl_flow *f;

	if (o && t->ack == o->first) {
		track_drop_open(t);
		return;
	}
	f = bpf_map_lookup_elem(&sl_flows, &t->key);
	if (f)
		flow_over(f);
}

/* It has taken what came first, or it has said all. */
static __always_inline void track_said(struct track *t)
{
	const __u64 settled = SL_FLOW_FLAG(SL_FLOW_SETTLED);
	struct sl_flow *f = bpf_map_lookup_elem(&sl_flows, &t->key);

	if (!f)
		return;
	f->acked = t->ack;
	if (t->ack - f->next < 0x7fffffff)
		f->next = t->ack;
	if (t->data && !(f->who & settled) && t->ack - f->first - 1 < 0x7fffffff)
		__sync_fetch_and_or(&f->who, settled);
	if (t->tcp_flags & TCP_FIN)
		flow_fin(f, SL_FLOW_FLAG(SL_FLOW_INSTANCE_FIN));
}

/* Segments of which it wants to be told. Linux pushes the last of what is written at once. */
#define TRACK_TOLD (TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH)

/* What an instance's segment says of the connection, @data bytes of it. */
static __always_inline void track_answer(struct xdp_md *ctx, const struct flow *f, __u16 service,
					 __u32 data)
{
	struct track *t = track_ask(ctx, f, data);

	if (!t)
		return;
	t->key.addr = f->dst;
	t->key.port = f->dport;
	t->key.service = service;
	if (f->tcp_flags & TCP_SYN)
		track_syn_ack(t);
	else if (f->tcp_flags & TCP_RST)
		track_reset(t);
	else
		track_said(t);
}

#endif
