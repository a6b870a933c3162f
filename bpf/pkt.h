/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What one packet accumulates on its way through the stages. */
#ifndef SL_PKT_H
#define SL_PKT_H

#include <linux/bpf.h>
#include "lib/affinity.h"
#include "lib/inet.h"

/* Whose is a CoAP message's Message-ID, and does it matter? */
enum message_id {
	MID_UNTOLD,
	MID_DEVICE, /* of a request that is repeated until it is answered */
	MID_SERVER, /* ACK, RST: of the server's message that they answer */
};

#define PAYLOAD_OFFSET_MAX 1023

struct pkt {
	struct xdp_md *ctx;
	struct sl_control *control;
	struct cursor cur; /* parse moves it to the payload; classify reads on from it */
	struct flow flow;  /* filled by parse and transport */
	__u64 now_ns;	   /* coarse CLOCK_MONOTONIC; set by whoever needs the time first */

	struct sl_service *svc;	    /* filled by resolve, or */
	struct sl_return *ret;	    /* this, of an instance's answer */
	struct sl_account *account; /* filled by resolve */
	struct sl_instance *inst;   /* filled by pick */
	__u64 device;		    /* its hash; filled by police where it has a quota */
	__u32 egress;		    /* filled by steer */
	__u16 messages;		    /* filled by classify */
	__be16 mid;		    /* of a CoAP message; filled by classify */
	__u16 inst_id;
	__u8 bank;
	__u8 mid_of;	/* enum message_id; filled by classify */
	__u8 kind;	/* enum sl_kind; filled by classify */
	__u8 step;	/* enum flow_step; filled by classify */
	__u8 row;	/* enum affinity_row, unless its slot is quiescent; filled by pick */
	__u8 malformed; /* enum sl_reason, of a message that passes nevertheless; by classify */
	__u8 refused;	/* enum sl_reason, where on_excess is answer; filled by police */
	__u8 barred;	/* enum sl_reason, of what a connection may not do; filled by track */
	bool dst_owned; /* by the filter: perhaps */
};

/* For a function that is called. Else the compiler makes the address where the
 * program begins and keeps it all the way; why a packet leaves is then not kept in
 * a register, which costs each packet some nanoseconds.
 */
static __always_inline const struct flow *pkt_flow(const struct pkt *p)
{
	sl_opaque(p);
	return &p->flow;
}

/* Where the payload is, for what is called: offset << 16 | bytes by the headers in front. */
static __always_inline __u32 pkt_payload(const struct pkt *p)
{
	__u32 offset = p->cur.pos - (void *)(long)p->ctx->data;

	return offset << 16 | (p->cur.left & 0xffff);
}

/* Over that, in what is called. */
static __always_inline struct cursor payload_cursor(struct xdp_md *ctx, __u32 payload)
{
	return cursor_over_frame((void *)(long)ctx->data + (payload >> 16 & PAYLOAD_OFFSET_MAX),
				 (void *)(long)ctx->data_end, payload & 0xffff);
}

#endif /* SL_PKT_H */
