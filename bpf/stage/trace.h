/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* While somebody traces: the headers of packets as they leave. */
#ifndef SL_STAGE_TRACE_H
#define SL_STAGE_TRACE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include "../lib/hash.h"
#include "../lib/inet.h"
#include "../lib/mqttsn.h"
#include "../maps.h"
#include "../pkt.h"
#include "told.h"

#define COAP_FIXED    4	 /* RFC 7252 3: version, type, token's length, code, Message-ID */
#define DTLS_FIXED    13 /* RFC 6347 4.1: a record's header */
#define TLS_FIXED     5	 /* RFC 8446 5.1 */
#define MQTTSN_FIXED  2	 /* MQTT-SN 1.2 5.2: length and type; */
#define MQTTSN_LONGER 4	 /* a length of three bytes */
#define MQTT_FIXED    2	 /* MQTT 5.0 2.1: type, and the length's first byte; */
#define MQTT_LONGEST  5	 /* others follow a byte of 128 or more */

/* -- where the payload begins -- */

static __always_inline __u8 frame_byte(struct xdp_md *ctx, __u32 offset)
{
	__u8 byte = 0;

	bpf_xdp_load_bytes(ctx, offset, &byte, 1);
	return byte;
}

/* What the service speaks; of an instance's answer, too. */
static __always_inline __u32 trace_protocol(const struct told *told)
{
	const struct sl_service *svc;

	if (!told->from.port)
		return told->protocol;
	svc = bpf_map_lookup_elem(&sl_services, &told->from);
	return svc ? svc->protocol : SL_P__MAX;
}

static __always_inline __u32 mqtt_fixed(struct xdp_md *ctx, __u32 at, __u32 kind)
{
	__u32 len = MQTT_FIXED;

	if (kind == SL_K_MQTT_CONTINUED) /* no message begins here */
		return 0;
	while (len < MQTT_LONGEST && frame_byte(ctx, at + len - 1) & 0x80)
		len++;
	return len;
}

/* The length of the message's fixed header. */
static __always_inline __u32 trace_fixed(struct xdp_md *ctx, __u32 at, __u32 protocol, __u32 kind)
{
	switch (protocol) {
	case SL_P_COAP:
		return COAP_FIXED;
	case SL_P_COAPS:
		return DTLS_FIXED;
	case SL_P_MQTTS:
		return TLS_FIXED;
	case SL_P_MQTTSN:
		return frame_byte(ctx, at) == MQTTSN_LONG ? MQTTSN_LONGER : MQTTSN_FIXED;
	case SL_P_MQTT:
		return mqtt_fixed(ctx, at, kind);
	default:
		return 0;
	}
}

/* Offset behind the transport's header, with TCP's options. Of a fragment, and of what
 * has no such header, all behind IP's is payload.
 */
static __always_inline __u32 trace_transport(struct xdp_md *ctx, const struct flow *f)
{
	__u32 at = f->l4_offset, len;

	if (at < sizeof(struct ethhdr))
		return sizeof(struct ethhdr);
	if (f->is_fragment)
		return at;
	if (f->proto == IPPROTO_UDP)
		return at + sizeof(struct udphdr);
	if (f->proto != IPPROTO_TCP)
		return at;
	len = (frame_byte(ctx, at + 12) >> 4) * 4;
	return at + (len < sizeof(struct tcphdr) ? sizeof(struct tcphdr) : len);
}

/* How many bytes of the frame may be told; without the padding behind the IP packet. */
static __always_inline __u32 trace_length(struct xdp_md *ctx, const struct flow *f, __u32 payload,
					  __u32 fixed, bool wants_payload)
{
	__u32 len = wants_payload ? SL_TRACE_BYTES : payload + fixed;
	__u32 ip_end =
		sizeof(struct ethhdr) + (f->has_vlan ? sizeof(struct vlan_tag) : 0) + f->l3_len;
	__u32 frame = ctx->data_end - ctx->data;

	sl_opaque(frame); /* VERIFIER: as in event_write() */
	if (f->l3_len && len > ip_end)
		len = ip_end;
	if (len > frame)
		len = frame;
	return len < SL_TRACE_BYTES ? len : SL_TRACE_BYTES;
}

/* False: the ring is full. */
static __always_inline bool trace_write(struct xdp_md *ctx, const struct told *told,
					const struct sl_control *control, bool wants_payload)
{
	struct sl_trace *t = bpf_ringbuf_reserve(&sl_events, sizeof(*t), 0);
	const struct flow *f = &told->flow;
	__u32 payload, fixed = 0, len;

	if (!t)
		return false;
	event_write(&t->event, ctx, told, control);
	t->src = f->src;
	t->dst = f->dst;
	t->row = told->row;
	t->redirected = told->redirected;
	t->captured = 0;
	t->l4 = f->l4_offset;
	payload = trace_transport(ctx, f);
	t->payload = payload;
	if (f->l4_offset && !f->is_fragment)
		fixed = trace_fixed(ctx, payload, trace_protocol(told), told->kind);
	/* No frame is empty. VERIFIER: 6.1 does not see that a number is not 0. */
	len = trace_length(ctx, f, payload, fixed, wants_payload) - 1;
	sl_opaque(len);
	len = (len & (SL_TRACE_BYTES - 1)) + 1;
	if (!bpf_xdp_load_bytes(ctx, 0, t->bytes, len))
		t->captured = len;
	bpf_ringbuf_submit(t, 0);
	return true;
}

/* -- who is asked for -- */

static __always_inline bool trace_wants(const struct sl_tracing *t, const struct told *s)
{
	return (!t->tenant || t->tenant == s->tenant) &&
	       (!t->service || t->service == s->service) &&
	       (t->reason == SL_TRACE_ANY || t->reason == s->reason);
}

static __always_inline bool trace_allowed(struct sl_tracing *t, __u32 now_s)
{
	if (t->second != now_s) {
		t->second = now_s;
		t->told = 0;
	}
	return t->told++ < t->max;
}

/* Somebody traces, or has: the daemon renews the time up to which this is so, and if it
 * is gone the packets put an end to it. Returns the mask of events.
 */
static __always_inline __u32 trace(struct xdp_md *ctx, const struct told *told,
				   struct sl_control *control)
{
	__u32 cpu = bpf_get_smp_processor_id(), now_s = now_coarse_ns() / 1000000000;
	struct sl_tracing *t = bpf_map_lookup_elem(&sl_tracing, &cpu);
	__u32 mask;

	if (!t)
		return 0;
	mask = t->event_mask;
	if (now_s > control->traced_s) {
		control->event_mask = mask;
		control->traced_s = 0;
		return mask;
	}
	if (!trace_wants(t, told) || t->matched++ & t->sample_mask)
		return mask;
	if (!trace_allowed(t, now_s))
		t->capped++;
	else if (!trace_write(ctx, told, control, t->payload))
		t->lost++;
	return mask;
}

#endif
