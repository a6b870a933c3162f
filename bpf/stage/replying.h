/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a reply is made of: what is left of the request, and the beginning of any answer. */
#ifndef SL_STAGE_REPLYING_H
#define SL_STAGE_REPLYING_H

#include "../lib/coap.h"
#include "../pkt.h"
#include "../scratch.h"
#include "answer.h"
#include "turn.h"

#define REPLY_MSG	32 /* header, token, and a few options; even */
#define REPLY_AMPLIFIES 3  /* times the request's bytes */

/* In the scratch: sl_xdp_content fills it, sl_xdp_reply reads it. */
struct replying {
	struct flow flow;
	__u64 device, now_ns; /* as in struct pkt, and what has no comment below */
	__u32 offset;	      /* of the CoAP message in the frame */
	__u32 left;	      /* bytes of it */
	__u32 tenant;
	__u32 response; /* which of the tenant's; 0: the source is to be asked */
	__u32 len;	/* of @msg */
	__u16 messages;
	__be16 mid;
	__u8 mid_of;
	__u8 bank;
	__u8 kind;
	__u8 step;
	__u8 msg[REPLY_MSG];
	__u8 head[64]; /* of the frame, while it is moved */
};
_Static_assert(sizeof(struct replying) <= offsetof(struct sl_scratch, second_ns), "it fits");

/* Is the request protected by OSCORE? What cannot be seen is taken for it. */
static __always_inline bool reply_is_oscore(const struct sl_content *c)
{
	return c->oscore || (!c->whole && c->number <= COAP_OSCORE);
}

/* Begin the reply with @code: header and token (RFC 7252 5.2.1, 5.2.3). A NON's is a NON,
 * with a Message-ID of chance: the server's own are not known. False: there is none.
 */
static __always_inline bool reply_begin(struct xdp_md *ctx, const struct flow *f,
					struct replying *r, __u8 code)
{
	const struct sl_content *c = content_scratch();
	__u32 at = r->offset, tkl, mid;

	__builtin_memset(r->msg, 0, sizeof(r->msg));
	if (!c || reply_is_oscore(c) || f->l4_offset != turn_head(f) ||
	    r->left < sizeof(struct coap_hdr) ||
	    bpf_xdp_load_bytes(ctx, at & PAYLOAD_OFFSET_MAX, r->msg, sizeof(struct coap_hdr)))
		return false;
	tkl = r->msg[0] & 15;
	/* Version 1, CON or NON; a request. */
	if (r->msg[0] >> 5 != 2 || tkl > COAP_TKL_MAX || !r->msg[1] || r->msg[1] >> 5 ||
	    r->left < sizeof(struct coap_hdr) + tkl)
		return false;
	at += sizeof(struct coap_hdr);
	if (tkl &&
	    bpf_xdp_load_bytes(ctx, at & PAYLOAD_OFFSET_MAX, r->msg + sizeof(struct coap_hdr),
			       answer_bytes(tkl, COAP_TKL_MAX)))
		return false;
	if (r->msg[0] >> 4 == 4 + COAP_NON) {
		mid = bpf_get_prandom_u32();
		r->msg[2] = mid >> 8;
		r->msg[3] = mid;
	} else {
		r->msg[0] |= COAP_ACK << 4;
	}
	r->msg[1] = code;
	r->len = sizeof(struct coap_hdr) + tkl;
	return true;
}

/* To a CON, that is. */
static __always_inline bool reply_is_ack(const struct replying *r)
{
	return r->msg[0] >> 4 == 4 + COAP_ACK;
}

static __always_inline void reply_put(struct replying *r, __u8 byte)
{
	r->msg[r->len & (REPLY_MSG - 1)] = byte;
	r->len++;
}

/* Make the frame long enough for @l4_len bytes of UDP, and leave what is in front of UDP's
 * payload in front. Where there is no room behind it there may be some in front: a veth's
 * frames are in the sender's memory, which ends with them. False: the frame is as it was.
 */
static __always_inline bool reply_room(struct xdp_md *ctx, const struct flow *f, struct replying *r,
				       __u32 l4_len)
{
	__u32 head = turn_head(f) + sizeof(struct udphdr);
	int more = (int)(turn_head(f) + l4_len) - (int)bpf_xdp_get_buff_len(ctx);

	if (more <= 0 || !bpf_xdp_adjust_tail(ctx, more))
		return true;
	if (head > sizeof(r->head) || bpf_xdp_load_bytes(ctx, 0, r->head, answer_bytes(head, 64)) ||
	    bpf_xdp_adjust_head(ctx, -more))
		return false;
	return !bpf_xdp_store_bytes(ctx, 0, r->head, answer_bytes(head, 64));
}

/* May there be @len bytes of reply? */
static __always_inline bool reply_is_small(const struct replying *r, __u32 len)
{
	return len <= REPLY_AMPLIFIES * r->left;
}

#endif
