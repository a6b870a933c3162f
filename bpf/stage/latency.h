/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How long instances take: a sample of requests is remembered with its time when an instance
 * has been picked, and found again by its answer (nat). CoAP by device and token, be the answer
 * piggybacked or separate (RFC 7252 5.2); TCP from SYN to SYN-ACK; MQTT from CONNECT to CONNACK.
 */
#ifndef SL_STAGE_LATENCY_H
#define SL_STAGE_LATENCY_H

#include "../config.h"
#include "../lib/coap.h"
#include "../lib/latency.h"
#include "../lib/mqtt.h"
#include "../maps.h"
#include "../pkt.h"
#include "note.h"

#define LATENCY_LONGEST (1ull << (SL_LATENCY_MAX_LOG2 - SL_LATENCY_NS_SHIFT))

/* In one word, for a function that is called: bits from the lowest. */
#define LATENCY_SORT	0  /* 8: enum sl_latency_sort */
#define LATENCY_ANSWER	8  /* 1: it is one */
#define LATENCY_SERVICE 16 /* 16 */
/* And in another the payload: its offset << 16 | its length. */

/* CoAP's token, and what tells a repeated request from a new one. False: it is no request, or
 * no answer; an empty ACK is none, which only says that one will come.
 */
static __always_inline bool latency_coap(struct xdp_md *ctx, __u32 payload, bool answer,
					 struct latency_ask *ask, __u16 *ret_id)
{
	__u32 at = payload >> 16 & PAYLOAD_OFFSET_MAX, left = payload & 0xffff, tkl;
	struct coap_hdr h;

	if (left < sizeof(h) || bpf_xdp_load_bytes(ctx, at, &h, sizeof(h)))
		return false;
	tkl = h.ver_type_tkl & 15;
	if (h.ver_type_tkl >> 6 != COAP_VERSION || tkl > COAP_MAX_TOKEN_LEN || !h.code ||
	    (coap_class(h.code) != 0) != answer || left < sizeof(h) + tkl)
		return false;
	ask->sort |= tkl << 8;
	*ret_id = h.mid;
	if (!tkl)
		return true;
	/* VERIFIER: 6.1 does not see that a number is not 0. */
	sl_opaque(tkl);
	tkl = ((tkl - 1) & (COAP_MAX_TOKEN_LEN - 1)) + 1;
	return !bpf_xdp_load_bytes(ctx, at + sizeof(h), &ask->token, tkl);
}

/* A SYN or CONNECT is known by its sequence number. */
static __always_inline bool latency_tcp(struct xdp_md *ctx, const struct flow *f, __u16 *ret_id)
{
	__u32 seq = 0;

	if (bpf_xdp_load_bytes(ctx, (f->l4_offset & L4_OFFSET_MAX) + 4, &seq, sizeof(seq)))
		return false;
	*ret_id = seq ^ seq >> 16;
	return true;
}

/* Without looking further: nothing else that a broker sends first begins so. */
static __always_inline bool latency_is_connack(struct xdp_md *ctx, __u32 payload)
{
	__u8 type = 0;

	return !bpf_xdp_load_bytes(ctx, payload >> 16 & PAYLOAD_OFFSET_MAX, &type, sizeof(type)) &&
	       type == MQTT_CONNACK << 4;
}

/* -- the table of those that are waited for -- */

/* How long ago, in the table's units. */
static __always_inline __u64 latency_age(__u64 now, __u64 when)
{
	return (now - when) & SL_LATENCY_TIME;
}

/* VERIFIER: one state for all places. */
static __always_inline __u32 latency_any(__u32 place, __u64 unknown)
{
	sl_opaque(place);
	return place + cursor_opaque_zero(unknown);
}

/* Where the request of @hash is; SL_LATENCY_WAYS: there is none. */
static __always_inline __u32 latency_find(const struct sl_latency_line *line, __u64 hash)
{
	__u32 place = SL_LATENCY_WAYS;

	for (int i = 0; i < SL_LATENCY_WAYS; i++)
		if (line->way[i].when && line->way[i].who >> 32 == hash >> 32)
			place = i;
	return latency_any(place, hash);
}

/* A free place, else the oldest's. */
static __always_inline __u32 latency_oldest(const struct sl_latency_line *line, __u64 now)
{
	__u64 oldest = 0;
	__u32 place = 0;

	for (int i = 0; i < SL_LATENCY_WAYS; i++) {
		__u64 age = latency_age(now, line->way[i].when) | -(__u64)!line->way[i].when;

		if (age < oldest)
			continue;
		oldest = age;
		place = i;
	}
	if (oldest <= LATENCY_LONGEST)
		note(SL_N_LATENCY_LOST);
	return latency_any(place, now);
}

/* Is it there, and did this very request put it there? Then the first counts. */
static __always_inline bool latency_repeats(__u64 when, __u16 id, __u64 now)
{
	return when >> 48 == id && latency_age(now, when) <= LATENCY_LONGEST;
}

/* Words are exchanged, so that another CPU sees what is free as free before it is another's. */
static __always_inline void latency_remember(__u64 hash, __u32 account, __u16 id)
{
	__u32 index = hash >> 16 & (SL_LATENCY_LINES - 1), place;
	struct sl_latency_line *line = bpf_map_lookup_elem(&sl_asked, &index);
	__u64 now = now_fine_ns() >> SL_LATENCY_NS_SHIFT & SL_LATENCY_TIME;
	__u64 who = hash >> 32 << 32 | account;

	if (!line)
		return;
	place = latency_find(line, hash);
	if (place & SL_LATENCY_WAYS)
		place = latency_oldest(line, now);
	else if (latency_repeats(line->way[place & (SL_LATENCY_WAYS - 1)].when, id, now))
		return;
	place &= SL_LATENCY_WAYS - 1;
	__sync_lock_test_and_set(&line->way[place].when, 0);
	__sync_lock_test_and_set(&line->way[place].who, who);
	__sync_lock_test_and_set(&line->way[place].when, (__u64)id << 48 | (now ?: 1));
}

/* Take the request of @hash off the table. False: there is none. Whoever takes the time off has
 * it: an answer that comes twice counts once.
 */
static __always_inline bool latency_recall(__u64 hash, __u32 *ret_account, __u64 *ret_when)
{
	__u32 index = hash >> 16 & (SL_LATENCY_LINES - 1);
	struct sl_latency_line *line = bpf_map_lookup_elem(&sl_asked, &index);
	__u32 place = line ? latency_find(line, hash) : SL_LATENCY_WAYS;
	__u64 who, when;

	if (!line || place & SL_LATENCY_WAYS)
		return false;
	place &= SL_LATENCY_WAYS - 1;
	who = *(volatile __u64 *)&line->way[place].who;
	when = *(volatile __u64 *)&line->way[place].when;
	if (!when || who >> 32 != hash >> 32 ||
	    __sync_val_compare_and_swap(&line->way[place].when, when, 0) != when ||
	    *(volatile __u64 *)&line->way[place].who != who)
		return false;
	*ret_account = who;
	*ret_when = when & SL_LATENCY_TIME;
	return true;
}

/* -- the histograms -- */

static const struct sl_latency latency_zero = {};

static __always_inline struct sl_latency *latency_histogram(__u32 account, __u32 sort)
{
	struct sl_latency_key key = { .account = account, .sort = sort };
	struct sl_latency *l = bpf_map_lookup_elem(&sl_latencies, &key);

	if (l)
		return l;
	bpf_map_update_elem(&sl_latencies, &key, &latency_zero, BPF_NOEXIST);
	l = bpf_map_lookup_elem(&sl_latencies, &key); /* another CPU may have been first */
	if (l)
		return l;
	key.account = SL_TALLY_OTHER;
	return bpf_map_lookup_elem(&sl_latencies, &key);
}

static __always_inline void latency_count_answer(__u64 hash, __u32 sort)
{
	__u64 when, ticks;
	struct sl_latency *l;
	__u32 account, bucket;

	if (!latency_recall(hash, &account, &when))
		return;
	ticks = latency_age(now_fine_ns() >> SL_LATENCY_NS_SHIFT, when);
	if (ticks > LATENCY_LONGEST)
		return; /* whatever that is an answer to */
	l = latency_histogram(account, sort);
	bucket = latency_bucket(ticks << SL_LATENCY_NS_SHIFT);
	sl_opaque(bucket);
	if (!l || bucket >= SL_LATENCY_BUCKETS)
		return;
	__sync_fetch_and_add(&l->bucket[bucket], 1);
	__sync_fetch_and_add(&l->sum_ns, ticks << SL_LATENCY_NS_SHIFT);
}

/* -- both ways -- */

/* VERIFIER: alone: once for all that may be asked. Returns nothing. */
sl_global int sl_latency_sampled(__u64 hash, __u32 sort, __u32 answer, __u32 account, __u32 id)
{
	if (answer)
		latency_count_answer(hash, sort);
	else
		latency_remember(hash, account, id);
	return 0;
}

static __always_inline bool latency_read(struct xdp_md *ctx, const struct flow *f, __u32 payload,
					 bool answer, struct latency_ask *ask, __u16 *ret_id)
{
	if (ask->sort == SL_L_COAP)
		return latency_coap(ctx, payload, answer, ask, ret_id);
	if (!answer)
		return latency_tcp(ctx, f, ret_id);
	return ask->sort == SL_L_TCP || latency_is_connack(ctx, payload);
}

/* VERIFIER: alone, for the stack. @what: see LATENCY_SORT. Returns nothing. */
sl_global int sl_latency(struct xdp_md *ctx, const struct flow *f, __u32 what, __u32 account,
			 __u32 payload)
{
	bool answer = what >> LATENCY_ANSWER & 1;
	const struct sl_control *control;
	struct latency_ask ask = {};
	__u32 zero = 0;
	__u16 id = 0;
	__u64 hash;

	if (!f)
		return 0;
	ask.addr = answer ? f->dst : f->src;
	ask.port = answer ? f->dport : f->sport;
	ask.service = what >> LATENCY_SERVICE;
	ask.sort = what & 0xff;
	if (!latency_read(ctx, f, payload, answer, &ask, &id))
		return 0;
	control = bpf_map_lookup_elem(&sl_control, &zero);
	if (!control)
		return 0;
	hash = latency_hash(control->device_key, &ask);
	if (!latency_is_sampled(hash, cfg_latency_mask))
		return 0;
	return sl_latency_sampled(hash, what & 0xff, answer, account, id);
}

/* A request of @kind that has an instance now. */
static __always_inline void latency_asked(struct xdp_md *ctx, const struct flow *f,
					  const struct sl_service *svc, __u32 account, __u8 kind,
					  __u32 payload)
{
	__u32 sort = SL_L_COAP;

	if (kind == SL_K_TCP_OPEN)
		sort = SL_L_TCP;
	else if (kind == SL_K_MQTT_CONNECT)
		sort = SL_L_MQTT;
	else if (svc->protocol != SL_P_COAP)
		return;
	sl_latency(ctx, f, sort | (__u32)svc->id << LATENCY_SERVICE, account, payload);
}

/* An instance's packet. @sorts: 1 << enum sl_latency_sort for those that its service has. */
static __always_inline void latency_answered(struct xdp_md *ctx, const struct flow *f,
					     const struct sl_return *ret, __u32 sorts,
					     __u32 payload)
{
	__u32 sort = SL_L_COAP;

	if (f->proto == IPPROTO_TCP) {
		sort = SL_L_MQTT;
		if (flow_is_syn_ack(f))
			sort = SL_L_TCP;
		else if (!(payload & 0xffff))
			return;
	}
	if (sorts >> sort & 1)
		sl_latency(ctx, f,
			   sort | 1 << LATENCY_ANSWER | (__u32)ret->service << LATENCY_SERVICE, 0,
			   payload);
}

#endif /* SL_STAGE_LATENCY_H */
