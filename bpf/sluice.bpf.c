// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The data plane. A packet's way reads top to bottom in pipeline(). */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "lib/csum.h"
#include "stage/parse.h"
#include "stage/resolve.h"
#include "stage/police.h"
#include "stage/classify.h"
#include "stage/content.h"
#include "stage/allow.h"
#include "stage/response.h"
#include "stage/reply.h"
#include "stage/stream.h"
#include "stage/datagram.h"
#include "stage/pick.h"
#include "stage/route.h"
#include "stage/steer.h"
#include "stage/reset.h"
#include "stage/answer.h"
#include "stage/refuse.h"
#include "stage/return.h"
#include "stage/account.h"

/* What was admitted: to its instance; or its device is told that this is gone. */
static __always_inline enum sl_reason pipeline_pick(struct pkt *p)
{
	enum sl_reason why = stage_pick(p);

	if (why == SL_R_RESET)
		return stage_reset(p);
	return why ? why : stage_steer(p);
}

/* Run the stages until one has a reason to stop. One program serves both ways:
 * resolve finds a service, or that the packet is an instance's answer.
 */
static __always_inline enum sl_reason pipeline(struct pkt *p)
{
	enum sl_reason why = stage_parse(p);

	if (!why)
		why = stage_transport(p);
	if (!why)
		why = stage_resolve(p);
	if (!why && p->ret)
		return stage_return(p);
	if (!why)
		why = stage_police_bytes(p, false);
	if (!why)
		why = stage_classify(p);
	if (!why)
		why = stage_police_messages(p, false, 0);
	if (!why)
		why = stage_pick(p);
	if (why == SL_R_RESET)
		return stage_reset(p);
	if (why == SL_R_ANSWERED_TENANT)
		return stage_answer(p, false);
	if (!why)
		why = stage_steer(p);
	return why;
}

/* The same for a service whose tenants are told apart by what a message says, or may use
 * some paths only, or that has routes: who it is comes after what it is. Of CoAP, and only
 * towards instances.
 */
static __always_inline enum sl_reason pipeline_content(struct pkt *p)
{
	enum sl_reason why = stage_parse(p);
	__u32 response;

	if (!why)
		why = stage_transport(p);
	if (!why)
		why = stage_resolve_content(p);
	if (!why)
		why = stage_classify_content(p);
	if (!why)
		why = stage_identify(p);
	if (why == SL_R_CHALLENGED)
		return reply_elsewhere(p, 0);
	if (!why)
		why = stage_route(p);
	if (!why)
		why = stage_police_bytes(p, true);
	if (!why)
		why = stage_allow(p);
	if (!why)
		why = stage_police_messages(p, true, class_ask(p));
	if (!why) {
		response = stage_response(p);
		if (response)
			return reply_elsewhere(p, response);
	}
	if (!why)
		why = stage_pick_coap(p);
	if (why == SL_R_ANSWERED_TENANT)
		return stage_answer(p, true);
	if (!why)
		why = stage_steer(p);
	return why;
}

/* The same for services of TCP whose messages have classes, or whose SYNs are answered when
 * they are refused. Only towards instances, too.
 */
static __always_inline enum sl_reason pipeline_classes(struct pkt *p)
{
	enum sl_reason why = stage_parse(p);

	if (!why)
		why = stage_transport(p);
	if (!why)
		why = stage_resolve_again(p);
	if (!why)
		why = stage_police_bytes(p, true);
	if (!why)
		why = stage_classify_segment(p);
	if (!why)
		why = stage_police_messages(p, true, class_ask_other(p));
	if (refuse_is_due(why))
		return stage_refuse(p, why);
	return why ? why : pipeline_pick(p);
}

/* The same for services of UDP but CoAP, whose datagrams may say whose they are, too. */
static __always_inline enum sl_reason pipeline_datagram(struct pkt *p)
{
	enum sl_reason why = stage_parse(p);

	if (!why)
		why = stage_transport(p);
	if (!why)
		why = stage_resolve_datagram(p);
	if (!why)
		why = stage_police_bytes(p, true);
	if (!why)
		why = stage_classify_datagram(p);
	if (!why)
		why = stage_police_messages(p, true, class_ask(p));
	if (refuse_is_due(why))
		return stage_refuse_datagram(p, why);
	if (!why)
		why = stage_pick(p);
	if (!why)
		why = stage_steer(p);
	return why;
}

/* The same for connections of services with track, whose tenant is kept. Only towards instances:
 * what these send is sl_xdp's, see stage_learn().
 */
static __always_inline enum sl_reason pipeline_stream(struct pkt *p)
{
	enum sl_reason why = stage_parse(p);

	if (!why)
		why = stage_transport(p);
	if (!why)
		why = stage_resolve_stream(p);
	if (!why)
		why = stage_classify_segment(p);
	if (!why)
		why = stage_track(p);
	if (!why)
		why = stage_police_bytes(p, true);
	if (!why)
		why = stage_police_stream(p);
	if (!why)
		why = stage_police_messages(p, true, class_ask_other(p));
	if (refuse_is_due(why) || why == SL_R_OPEN_CONNECTIONS)
		return stage_refuse(p, why);
	if (!why)
		stage_track_open(p);
	return why ? why : pipeline_pick(p);
}

static __always_inline enum sl_reason pipeline_of(struct pkt *p, enum sl_program program)
{
	switch (program) {
	case SL_PROG_CONTENT:
		return pipeline_content(p);
	case SL_PROG_CLASSES:
		return pipeline_classes(p);
	case SL_PROG_STREAM:
		return pipeline_stream(p);
	case SL_PROG_DATAGRAM:
		return pipeline_datagram(p);
	default:
		return pipeline(p);
	}
}

/* @program: SL_PROG__MAX is the first, from which the others are called. */
static __always_inline int packet(struct xdp_md *ctx, enum sl_program program)
{
	struct pkt p = {
		.ctx = ctx,
		/* As many bytes as length fields say: stage_transport holds them to the frame. */
		.cur = cursor_over_frame((void *)(long)ctx->data, (void *)(long)ctx->data_end,
					 FRAME_LEN_MAX),
	};
	__u32 zero = 0;

	sl_in_memory(p);
	p.control = bpf_map_lookup_elem(&sl_control, &zero);
	if (!p.control)
		return XDP_ABORTED;
	p.bank = *(volatile __u16 *)&p.control->bank & 1;
	return stage_account(&p, pipeline_of(&p, program));
}

SEC("xdp.frags")
int sl_xdp(struct xdp_md *ctx)
{
	return packet(ctx, SL_PROG__MAX);
}

SEC("xdp.frags")
int sl_xdp_content(struct xdp_md *ctx)
{
	return packet(ctx, SL_PROG_CONTENT);
}

SEC("xdp.frags")
int sl_xdp_classes(struct xdp_md *ctx)
{
	return packet(ctx, SL_PROG_CLASSES);
}

SEC("xdp.frags")
int sl_xdp_stream(struct xdp_md *ctx)
{
	return packet(ctx, SL_PROG_STREAM);
}

SEC("xdp.frags")
int sl_xdp_datagram(struct xdp_md *ctx)
{
	return packet(ctx, SL_PROG_DATAGRAM);
}

SEC("xdp.frags")
int sl_xdp_tell(struct xdp_md *ctx)
{
	return stage_tell(ctx);
}

SEC("xdp.frags")
int sl_xdp_reply(struct xdp_md *ctx)
{
	return stage_reply(ctx);
}

/* A driver may refuse a frame after the program has redirected it: of all XDP
 * programs on this machine, because the tracepoint does not say whose it was.
 */
SEC("raw_tp/xdp_devmap_xmit")
int sl_redirect_err(struct bpf_raw_tracepoint_args *ctx)
{
	int drops = ctx->args[3];

	if (drops > 0)
		note_many(SL_N_REDIRECT_FAILED, drops);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
