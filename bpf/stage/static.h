/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a tenant has said once and for all about a path, to whoever asks for it by a CON: 2.05
 * with an ETag, or 2.03 to who has it already (RFC 7252 5.9.1.3, 5.9.1.5). Charged to the
 * tenant and to the device as any request; and whatever stands in its way, the
 * instance is asked.
 */
#ifndef SL_STAGE_STATIC_H
#define SL_STAGE_STATIC_H

#include "replying.h"

#define COAP_203 0x43
#define COAP_205 0x45

/* Is who asks content with this format? */
static __always_inline bool static_accepted(struct xdp_md *ctx, const struct sl_content *c,
					    __u32 format)
{
	__u8 value[2] = {};

	if (!(c->options >> COAP_OPT_ACCEPT & 1))
		return true;
	if (c->accept.len > 2 || format == SL_FORMAT_NONE)
		return false;
	if (c->accept.len == 1 && bpf_xdp_load_bytes(ctx, c->accept.at, value + 1, 1))
		return false;
	if (c->accept.len == 2 && bpf_xdp_load_bytes(ctx, c->accept.at, value, 2))
		return false;
	return (__u32)(value[0] << 8 | value[1]) == format;
}

static __always_inline bool static_has_etag(struct xdp_md *ctx, const struct sl_content *c,
					    const __u8 *etag)
{
	__u64 mine, theirs;

	__builtin_memcpy(&mine, etag, sizeof(mine));
	for (int i = 0; i < SL_ETAGS; i++) {
		if (c->etag[i].len != sizeof(theirs) ||
		    bpf_xdp_load_bytes(ctx, c->etag[i].at, &theirs, sizeof(theirs)))
			continue;
		if (theirs == mine)
			return true;
	}
	return false;
}

/* @sum of bytes as 16-bit words in memory, were they to begin one byte later. */
static __always_inline __u16 static_sum(__u16 sum, bool odd)
{
	return odd ? sum << 8 | sum >> 8 : sum;
}

/* Put @n + 1 bytes of what the response has. */
static __always_inline bool static_store(struct xdp_md *ctx, __u32 at,
					 const struct sl_response *rec, bool valid, __u32 n)
{
	const __u8 *from = valid ? rec->valid : rec->body;

	sl_opaque(n); /* VERIFIER: 6.1 wants the bound beside its use */
	return n < sizeof(rec->body) && !bpf_xdp_store_bytes(ctx, at, (void *)from, n + 1);
}

/* SL_R_NONE: there is no room, and the frame is as it was. */
static __always_inline enum sl_reason static_build(struct xdp_md *ctx, const struct flow *f,
						   struct replying *r,
						   const struct sl_response *rec, bool valid)
{
	__u32 len = answer_bytes(r->len, 16), n = ((valid ? rec->valid_len : rec->len) - 1) & 1023;
	__u32 at = turn_head(f) + sizeof(struct udphdr), l4_len;
	struct udphdr *udp;
	__u64 sum;

	if (n >= sizeof(rec->body))
		return SL_R_NONE;
	l4_len = sizeof(*udp) + len + n + 1;
	if (!reply_room(ctx, f, r, l4_len))
		return SL_R_NONE;
	udp = turn(ctx, f, l4_len, sizeof(*udp), &sum);
	if (!udp)
		return SL_R_INTERNAL;
	sum += turn_sum(r->msg, sizeof(r->msg));
	sum += static_sum(valid ? rec->valid_sum : rec->sum, len & 1);
	turn_udp(udp, l4_len, sum);
	if (bpf_xdp_store_bytes(ctx, at, r->msg, len) ||
	    !static_store(ctx, at + len, rec, valid, n))
		return SL_R_INTERNAL;
	return SL_R_ANSWERED_STATIC;
}

/* VERIFIER: alone, as it is reached in many states. The request lies in the scratch. Returns
 * enum sl_reason; SL_R_NONE: the instance has to say it.
 */
sl_global int sl_static(struct xdp_md *ctx, const struct flow *f, const struct sl_service *svc)
{
	const struct sl_content *c = content_scratch();
	const struct sl_response *rec;
	struct sl_response_key key = {};
	struct replying *r = scratch();
	bool valid;

	if (!c || !r || !f || !svc)
		return SL_R_INTERNAL;
	key.tenant = r->tenant;
	key.number = r->response;
	key.bank = r->bank;
	rec = bpf_map_lookup_elem(&sl_responses, &key);
	if (!rec || !static_accepted(ctx, c, rec->format))
		return SL_R_NONE;
	valid = static_has_etag(ctx, c, rec->etag);
	if (!reply_begin(ctx, f, r, valid ? COAP_203 : COAP_205) || !reply_is_ack(r))
		return SL_R_NONE;
	if (!svc->echo_s && !reply_is_small(r, r->len + (valid ? rec->valid_len : rec->len)))
		return SL_R_NONE;
	if (!reset_within_budget(svc))
		return SL_R_NONE;
	return static_build(ctx, f, r, rec, valid);
}

#endif
