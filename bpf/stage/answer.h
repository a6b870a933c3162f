/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is over a quota, or not allowed, is answered instead of dropped, where the tenant says so: a
 * device that gets no answer repeats its CON four times (RFC 7252 4.2). 4.29 says that
 * it is the device's own doing (RFC 8516), 5.03 that it is not; Max-Age says when it is
 * worth trying again. 4.05 and 4.03 (RFC 7252 5.9.2.6, 5.9.2.4) say that it never
 * is. Only to a CON, as an answer to a NON would need a Message-ID of the server's; never
 * where OSCORE is inside, whose client would not believe it.
 */
#ifndef SL_STAGE_ANSWER_H
#define SL_STAGE_ANSWER_H

#include "../config.h"
#include "../lib/coap.h"
#include "../lib/device.h"
#include "../maps.h"
#include "../pkt.h"
#include "../scratch.h"
#include "class.h"
#include "note.h"
#include "reset.h"
#include "turn.h"

#define COAP_403     0x83
#define COAP_405     0x85
#define COAP_429     0x9d
#define COAP_503     0xa3
#define COAP_OSCORE  9
#define COAP_MAX_AGE 14 /* option; its delta needs an extension of one byte */
#define COAP_TKL_MAX 8
#define ANSWER_MSG   24	   /* header, token, Max-Age of two bytes; and even */
#define ANSWER_MAX_S 43200 /* half a day is long enough, and fits */
#define ANSWER_WALK  8	   /* options in front of OSCORE that are looked at */

/* In the scratch. */
struct answer {
	__u64 now_ns;
	__u64 device; /* its hash */
	__u64 ask;    /* for the class that refused it, see class.h */
	__u32 offset; /* of the CoAP message in the frame */
	__u32 left;   /* bytes of it */
	__u32 amount; /* of what there was too much of */
	__u32 why;    /* enum sl_reason of the refusal */
	__u32 len;    /* of the answer */
	__u32 pad;
	__u8 msg[ANSWER_MSG];
	__u8 options[2 * ANSWER_WALK]; /* first bytes of options */
};
_Static_assert(sizeof(struct answer) <= offsetof(struct sl_scratch, second_ns), "it fits");

/* -- when is it worth trying again -- */

/* How long until a bucket at @tat takes @cost, in the bucket's unit; see lib/gcra.h. */
static __always_inline __u64 answer_wait(__u64 tat, __u64 now, __u64 cost, __u64 limit)
{
	__u64 due = tat - (limit > cost ? limit - cost : 0);

	return due > now && due <= tat ? due - now : 0;
}

static __always_inline __u64 answer_wait_device(const struct answer *a,
						const struct sl_account *acc, __u32 quota)
{
	__u32 index = a->device & (cfg_device_lines - 1);
	struct sl_device_line *line = bpf_map_lookup_elem(&sl_devices, &index);
	__u16 tag = (a->device >> 48) + quota * 0x4001;
	__u64 now = a->now_ns >> SL_DEV_NS_SHIFT, *word;
	__u64 cost = (__u64)a->amount * acc->device_cost[quota & 3];

	if (quota == SL_Q_BYTES)
		cost >>= SL_DEV_BYTE_SHIFT;
	word = line ? device_word(line, tag, now) : NULL;
	if (!word || *word >> 48 != tag)
		return 0;
	return answer_wait(*word & DEVICE_TIME_MASK, now, cost, acc->device_limit)
	       << SL_DEV_NS_SHIFT;
}

static __always_inline __u64 answer_wait_tenant(const struct answer *a,
						const struct sl_account *acc, __u32 quota)
{
	__u32 tenant = acc->tenant;
	const struct sl_bucket *bucket = bpf_map_lookup_elem(&sl_buckets, &tenant);
	__u64 cost = (__u64)a->amount * acc->cost[quota & 3];

	if (quota == SL_Q_BYTES)
		cost >>= SL_BYTE_COST_SHIFT;
	if (!bucket)
		return 0;
	return answer_wait(bucket->tat[quota & 7], a->now_ns * SL_TAT_PER_NS, cost, acc->limit) /
	       SL_TAT_PER_NS;
}

static __always_inline __u64 answer_wait_class(const struct answer *a, const struct sl_account *acc)
{
	const struct class_quota q = class_find(acc->tenant, a->ask);

	if (!q.state)
		return 0;
	return answer_wait(q.state->tat, a->now_ns * SL_TAT_PER_NS, q.cost, q.limit) /
	       SL_TAT_PER_NS;
}

/* Whole seconds, at least one; and up to a quarter more, so that those who were refused
 * together do not come back together. @looked_into: this is a program that knows classes.
 */
static __always_inline __u32 answer_max_age(const struct answer *a, const struct sl_account *acc,
					    bool looked_into)
{
	bool device = a->why < SL_R_TENANT_PACKETS;
	__u32 quota = a->why - (device ? SL_R_DEVICE_PACKETS : SL_R_TENANT_PACKETS);
	__u64 ns = looked_into && a->why == SL_R_CLASS_MESSAGES ? answer_wait_class(a, acc)
		   : device					? answer_wait_device(a, acc, quota)
								: answer_wait_tenant(a, acc, quota);
	__u32 s = ANSWER_MAX_S;

	if (ns < ANSWER_MAX_S * NS_PER_S)
		s = ns / NS_PER_S + 1;
	return s + bpf_get_prandom_u32() % (s / 4 + 1);
}

/* -- what is asked -- */

/* Is OSCORE's option among the first? Options come in the order of their numbers; what
 * cannot be seen is taken for it.
 */
static __always_inline bool answer_has_oscore(struct xdp_md *ctx, struct answer *a, __u32 at)
{
	__u32 number = 0, end = a->offset + a->left;

	for (int i = 0; i < ANSWER_WALK; i++) {
		__u32 delta, len;
		__u8 *o = &a->options[2 * i];

		if (at >= end)
			return false;
		if (bpf_xdp_load_bytes(ctx, at & PAYLOAD_OFFSET_MAX, o, 1))
			return true;
		if (*o == COAP_MARKER)
			return false;
		delta = *o >> 4;
		len = *o & 15;
		if (delta > 12)
			return false; /* from one below 9 to one above it, and no option is 13 */
		number += delta;
		if (number >= COAP_OSCORE)
			return number == COAP_OSCORE;
		at++;
		if (len == 13) {
			if (bpf_xdp_load_bytes(ctx, at & PAYLOAD_OFFSET_MAX, o + 1, 1))
				return true;
			len += o[1];
			at++;
		} else if (len > 13) {
			return true;
		}
		at += len;
	}
	return true;
}

/* VERIFIER: 6.1 does not see that a number is not 0. @most: a power of two. */
static __always_inline __u32 answer_bytes(__u32 n, __u32 most)
{
	sl_opaque(n);
	return ((n - 1) & (most - 1)) + 1;
}

/* Begin the answer: its header and token. False: there is none to what is asked. */
static __always_inline bool answer_begin(struct xdp_md *ctx, struct answer *a)
{
	__u32 at = a->offset, tkl;

	if (a->left < sizeof(struct coap_hdr) ||
	    bpf_xdp_load_bytes(ctx, at & PAYLOAD_OFFSET_MAX, a->msg, sizeof(struct coap_hdr)))
		return false;
	tkl = a->msg[0] & 15;
	/* Version 1, CON; a request. */
	if (a->msg[0] >> 4 != 4 || tkl > COAP_TKL_MAX || !a->msg[1] || a->msg[1] >> 5 ||
	    a->left < sizeof(struct coap_hdr) + tkl)
		return false;
	at += sizeof(struct coap_hdr);
	if (tkl &&
	    bpf_xdp_load_bytes(ctx, at & PAYLOAD_OFFSET_MAX, a->msg + sizeof(struct coap_hdr),
			       answer_bytes(tkl, COAP_TKL_MAX)))
		return false;
	a->len = sizeof(struct coap_hdr) + tkl;
	return !answer_has_oscore(ctx, a, at + tkl);
}

static __always_inline void answer_put(struct answer *a, __u8 byte)
{
	a->msg[a->len & 15] = byte;
	a->len++;
}

static __always_inline void answer_age(struct answer *a, __u32 max_age)
{
	answer_put(a, 13 << 4 | (max_age > 255 ? 2 : 1));
	answer_put(a, COAP_MAX_AGE - 13);
	if (max_age > 255)
		answer_put(a, max_age >> 8);
	answer_put(a, max_age);
}

static __always_inline bool answer_is_forbidden(__u32 why)
{
	return why == SL_R_PATH_NOT_ALLOWED || why == SL_R_OPERATION_NOT_ALLOWED ||
	       why == SL_R_TYPE_NOT_ALLOWED;
}

/* Returns the reason under which the answer leaves. */
static __always_inline __u32 answer_end(struct answer *a, const struct sl_account *acc,
					bool looked_into)
{
	a->msg[0] |= COAP_ACK << 4;
	if (a->why == SL_R_METHOD_NOT_ALLOWED) {
		a->msg[1] = COAP_405;
		return SL_R_ANSWERED_METHOD;
	}
	if (answer_is_forbidden(a->why)) {
		a->msg[1] = COAP_403;
		return SL_R_ANSWERED_PATH;
	}
	answer_age(a, answer_max_age(a, acc, looked_into));
	if (a->why < SL_R_TENANT_PACKETS) {
		a->msg[1] = COAP_429;
		return SL_R_ANSWERED_DEVICE;
	}
	a->msg[1] = COAP_503;
	if (looked_into && a->why == SL_R_CLASS_MESSAGES)
		return SL_R_ANSWERED_CLASS;
	return SL_R_ANSWERED_TENANT;
}

/* -- the frame -- */

static __always_inline bool answer_build(struct xdp_md *ctx, const struct flow *f, struct answer *a)
{
	__u32 len = answer_bytes(a->len, 32);
	struct udphdr *udp;
	__u64 sum;

	udp = turn(ctx, f, sizeof(*udp) + len, sizeof(*udp), &sum);
	if (!udp)
		return false;
	turn_udp(udp, sizeof(*udp) + len, sum + turn_sum(a->msg, sizeof(a->msg)));
	return !bpf_xdp_store_bytes(ctx, turn_head(f) + sizeof(*udp), a->msg, len);
}

/* What is asked lies in the scratch. Returns enum sl_reason. */
static __always_inline int answer(struct xdp_md *ctx, const struct flow *f,
				  const struct sl_service *svc, const struct sl_account *acc,
				  bool looked_into)
{
	struct answer *a = scratch();
	__u32 why;

	if (!a || !f || !svc || !acc)
		return SL_R_INTERNAL;
	why = a->why;
	if (svc->protocol != SL_P_COAP || f->l4_offset != turn_head(f) || !answer_begin(ctx, a))
		return why;
	if (!reset_within_budget(svc)) {
		note(SL_N_ANSWER_BUDGET);
		return why;
	}
	why = answer_end(a, acc, looked_into);
	return answer_build(ctx, f, a) ? why : SL_R_INTERNAL;
}

/* VERIFIER: alone, as it is reached in many states; so is the other. */
sl_global int sl_answer(struct xdp_md *ctx, const struct flow *f, const struct sl_service *svc,
			const struct sl_account *acc)
{
	return answer(ctx, f, svc, acc, false);
}

sl_global int sl_answer_by_class(struct xdp_md *ctx, const struct flow *f,
				 const struct sl_service *svc, const struct sl_account *acc)
{
	return answer(ctx, f, svc, acc, true);
}

static __always_inline __u32 answer_amount(const struct pkt *p, enum sl_reason why)
{
	if (why == SL_R_DEVICE_BYTES || why == SL_R_TENANT_BYTES)
		return p->flow.l3_len;
	return why == SL_R_DEVICE_MESSAGES || why == SL_R_TENANT_MESSAGES ? p->messages : 1;
}

/* Of a packet that a quota or a privilege has refused. */
static __always_inline enum sl_reason stage_answer(struct pkt *p, bool looked_into)
{
	struct answer *a = scratch();

	if (!a)
		return SL_R_INTERNAL;
	__builtin_memset(a->msg, 0, sizeof(a->msg));
	a->now_ns = p->now_ns;
	a->device = p->device;
	a->offset = p->cur.pos - (void *)(long)p->ctx->data;
	a->left = p->cur.left;
	a->amount = answer_amount(p, p->refused);
	a->why = p->refused;
	if (looked_into)
		a->ask = class_ask(p);
	turn_way(p);
	if (looked_into)
		return sl_answer_by_class(p->ctx, pkt_flow(p), p->svc, p->account);
	return sl_answer(p->ctx, pkt_flow(p), p->svc, p->account);
}

#endif
