/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet leaves behind for who is told of it. */
#ifndef SL_STAGE_TOLD_H
#define SL_STAGE_TOLD_H

#include "../config.h"
#include "../lib/hash.h"
#include "../maps.h"
#include "../pkt.h"
#include "../scratch.h"

/* In the scratch: the program that has had the packet fills it, sl_xdp_tell reads it. */
struct told {
	struct flow flow;
	__u64 device;		    /* its hash, if it is known */
	struct sl_service_key from; /* of an instance's answer: its service; else port 0 */
	__u32 account, tenant;
	__u32 seen;   /* packets of the same reason and CPU before this one */
	__s32 action; /* XDP_* */
	__u16 service, instance;
	__u8 reason, kind;
	__u8 protocol; /* enum sl_protocol of the service; SL_P__MAX: of none */
	__u8 row;
	bool redirected;
};
_Static_assert(sizeof(struct told) <= offsetof(struct sl_scratch, second_ns), "it fits");

static __always_inline void event_write(struct sl_event *e, struct xdp_md *ctx,
					const struct told *t, const struct sl_control *control)
{
	__u32 len = ctx->data_end - ctx->data;

	sl_opaque(len); /* VERIFIER: clang 19 would spill half of a packet pointer */
	*e = (struct sl_event){
		.time_ns = now_coarse_ns(),
		.ifindex = ctx->ingress_ifindex,
		.len = len,
		.account = t->account,
		.service = t->service,
		.instance = t->instance,
		.reason = t->reason,
		.kind = t->kind,
		.proto = t->flow.proto,
	};
	if (!t->flow.l3_len)
		return;
	e->family = t->flow.is_v4 ? 4 : 6;
	e->sport = t->flow.sport;
	e->dport = t->flow.dport;
	e->device =
		t->device
			?: device_hash(control->device_key, &t->flow.src, t->flow.is_v4, t->tenant);
}

#endif
