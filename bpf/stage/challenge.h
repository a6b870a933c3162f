/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Asks a source to prove itself: 4.01 with an Echo option (RFC 9175 2.3), which it is to
 * send with the same request again. Nobody is charged for either.
 */
#ifndef SL_STAGE_CHALLENGE_H
#define SL_STAGE_CHALLENGE_H

#include "echo.h"
#include "replying.h"

#define COAP_401      0x81
#define ECHO_OPTION   (2 + ECHO_BYTES)
#define NO_AGE_OPTION 2 /* Max-Age of 0: no cache may give the question to others */

/* The option, behind one whose number is @delta smaller, which takes a byte of extension. */
static __always_inline void challenge_echo(struct replying *r, __u32 delta, __u64 value)
{
	reply_put(r, COAP_EXTENDED << 4 | ECHO_BYTES);
	reply_put(r, delta - COAP_EXTENDED);
	for (int i = 0; i < ECHO_BYTES; i++, value <<= 8)
		reply_put(r, value >> 56);
}

/* False: what was asked is too small for it. */
static __always_inline bool challenge_fill(struct replying *r, __u64 value)
{
	if (!reply_is_small(r, r->len + ECHO_OPTION))
		return false;
	if (!reply_is_small(r, r->len + ECHO_OPTION + NO_AGE_OPTION)) {
		challenge_echo(r, COAP_OPT_ECHO, value);
		return true;
	}
	reply_put(r, COAP_EXTENDED << 4);
	reply_put(r, COAP_MAX_AGE - COAP_EXTENDED);
	challenge_echo(r, COAP_OPT_ECHO - COAP_MAX_AGE, value);
	return true;
}

static __always_inline enum sl_reason challenge_build(struct xdp_md *ctx, const struct flow *f,
						      struct replying *r)
{
	__u32 len = answer_bytes(r->len, REPLY_MSG);
	struct udphdr *udp;
	__u64 sum;

	if (!reply_room(ctx, f, r, sizeof(*udp) + len))
		return SL_R_UNPROVEN;
	udp = turn(ctx, f, sizeof(*udp) + len, sizeof(*udp), &sum);
	if (!udp)
		return SL_R_INTERNAL;
	turn_udp(udp, sizeof(*udp) + len, sum + turn_sum(r->msg, sizeof(r->msg)));
	return bpf_xdp_store_bytes(ctx, turn_head(f) + sizeof(*udp), r->msg, len) ? SL_R_INTERNAL
										  : SL_R_CHALLENGED;
}

/* VERIFIER: alone, as it is reached in many states. The request lies in the scratch. Returns
 * enum sl_reason.
 */
sl_global int sl_challenge(struct xdp_md *ctx, const struct flow *f, const struct sl_service *svc)
{
	const struct sl_control *control;
	struct replying *r = scratch();
	__u32 zero = 0, window;

	control = bpf_map_lookup_elem(&sl_control, &zero);
	if (!r || !f || !svc || !control)
		return SL_R_INTERNAL;
	window = echo_now(control, scratch_now_s(r, now_coarse_ns()));
	if (!reply_begin(ctx, f, r, COAP_401) ||
	    !challenge_fill(r, echo_value(control->echo_key, f, window)))
		return SL_R_UNPROVEN;
	if (!reset_within_budget(svc)) {
		note(SL_N_ANSWER_BUDGET);
		return SL_R_UNPROVEN;
	}
	return challenge_build(ctx, f, r);
}

#endif
