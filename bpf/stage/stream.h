/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tracked services: a connection's tenant is kept in the flow table, see track.h. It follows
 * from the source, or from what the connection's first bytes say: the user name or client id
 * of MQTT's CONNECT, the server name of a TLS ClientHello. All must be in one segment: what is
 * split is not put together, and is the default tenant's.
 *
 * Segments may overlap, and what the instance drops (a wrong checksum, say) is seen here
 * nevertheless. So until the instance has answered, every segment that has the first byte must
 * name the same tenant: nobody can say one thing here and another there.
 */
#ifndef SL_STAGE_STREAM_H
#define SL_STAGE_STREAM_H

#include "classify.h"
#include "content.h"
#include "police.h"
#include "resolve.h"
#include "track.h"

struct stream_reader {
	struct xdp_md *ctx;
	__u32 base; /* offset of the payload in the frame */
};

/* Read up to 8 bytes at @off of the payload into *@to: @wants, or as many as there are before
 * @end. Returns how many; 0: none.
 */
static __always_inline __u32 stream_read(const struct stream_reader *r, __u32 off, __u32 end,
					 __u32 wants, __u64 *to)
{
	__u32 n = off < end ? end - off : 0;

	if (n > wants)
		n = wants;
	if (!n)
		return 0;
	*to = 0;
	n = (n - 1) & 7;
	sl_opaque(n); /* VERIFIER: 6.1 does not see that a number is not 0 */
	n &= 7;
	if (bpf_xdp_load_bytes(r->ctx, (r->base + off) & (2 * 0xffff + 1), to, n + 1))
		return 0;
	return n + 1;
}

/* For bpf_loop(): 1 ends it. */
static long stream_mqtt_step(__u32 i, void *arg)
{
	struct track *t = scratch();
	__u64 bytes = 0;
	__u32 n;

	(void)i;
	if (!t)
		return 1;
	n = stream_read(arg, t->mqtt.off, t->mqtt.end, mqtt_connect_wants(&t->mqtt), &bytes);
	return !n || !mqtt_connect_step(&t->mqtt, (const __u8 *)&bytes, n);
}

static long stream_tls_step(__u32 i, void *arg)
{
	struct track *t = scratch();
	__u64 bytes = 0;
	__u32 n;

	(void)i;
	if (!t)
		return 1;
	n = stream_read(arg, t->tls.off, t->tls.end, tls_hello_wants(&t->tls), &bytes);
	return !n || !tls_hello_step(&t->tls, (const __u8 *)&bytes, n);
}

/* VERIFIER: alone, as all that reads at an offset of the packet's own. What the @left bytes at
 * @base say of themselves, into the scratch. Returns nothing.
 */
sl_global int sl_stream_walk(struct xdp_md *ctx, __u32 base, __u32 left, __u32 protocol)
{
	struct stream_reader r = { .ctx = ctx, .base = base & PAYLOAD_OFFSET_MAX };
	struct track *t = scratch();

	if (!t)
		return 0;
	if (protocol == SL_P_MQTT) {
		__builtin_memset(&t->mqtt, 0, sizeof(t->mqtt));
		t->mqtt.end = left & 0xffff;
		bpf_loop(MQTT_CONNECT_STEPS, stream_mqtt_step, &r, 0);
	} else {
		__builtin_memset(&t->tls, 0, sizeof(t->tls));
		t->tls.end = left & 0xffff;
		bpf_loop(TLS_HELLO_STEPS, stream_tls_step, &r, 0);
	}
	return 0;
}

/* -- whose it is -- */

/* How much of the string at @at there is up to the first @delimiter and with it; 0: it has none
 * among the bytes that can match.
 */
static __always_inline __u32 stream_prefix(struct xdp_md *ctx, __u32 at, __u32 len, __u8 delimiter)
{
	struct sl_content *c = content_scratch();
	__u32 n = len < SL_IDENTITY_MAX ? len : SL_IDENTITY_MAX;

	if (!c || !n)
		return 0;
	n--;
	sl_opaque(n); /* VERIFIER: as above */
	n &= 127;
	if (bpf_xdp_load_bytes(ctx, at & (2 * 0xffff + 1), c->option, n + 1))
		return 0;
	for (__u32 i = 0; i < SL_IDENTITY_MAX; i++) {
		if (i > n)
			break;
		if (c->option[i] == delimiter)
			return i + 1;
	}
	return 0;
}

/* VERIFIER: alone, as it is called for several strings. Of the whole string first, then of its
 * beginning. Returns the tenant; 0: nobody's.
 */
sl_global __u32 sl_stream_name(struct xdp_md *ctx, __u64 root, __u32 at, __u32 len, __u32 delimiter)
{
	__u32 tenant = sl_trie_string(ctx, root, at, len, false);
	__u32 n = tenant ? 0 : stream_prefix(ctx, at, len, delimiter);

	if (n && n < len)
		tenant = sl_trie_string(ctx, root, at, n, false);
	return tenant;
}

/* VERIFIER: alone, for the stack. What an instance checks comes first: the user name. Returns the
 * tenant; 0: nobody that is known.
 */
sl_global __u32 sl_stream_tenant(struct xdp_md *ctx)
{
	struct track *t = scratch();
	__u32 tenant = 0;
	__u64 bank;

	if (!t)
		return 0;
	bank = (__u64)t->bank << 63;
	if (t->protocol != SL_P_MQTT)
		return t->tls.name.len
			       ? sl_trie_string(ctx, SL_T_TLS_SNI | bank,
						t->offset + t->tls.name.at, t->tls.name.len, true)
			       : 0;
	if (t->mqtt.username.len)
		tenant = sl_stream_name(ctx, SL_T_MQTT_USERNAME | bank,
					t->offset + t->mqtt.username.at, t->mqtt.username.len,
					t->delimiter);
	if (!tenant && t->mqtt.client_id.len)
		tenant = sl_stream_name(ctx, SL_T_MQTT_CLIENT_ID | bank,
					t->offset + t->mqtt.client_id.at, t->mqtt.client_id.len,
					t->delimiter);
	return tenant;
}

static __always_inline bool stream_was_read(const struct track *t)
{
	return t->protocol == SL_P_MQTT ? t->mqtt.whole : t->tls.whole;
}

/* What the tenant may not use; a version that cannot be seen is no way around it. */
static __always_inline bool stream_is_denied(const struct track *t)
{
	const struct sl_account *a = track_account(t, t->tenant);
	__u32 version = t->mqtt.version - 3u;

	if (version >= SL_MV_OTHER)
		version = SL_MV_OTHER;
	return a && a->mqtt_denied >> version & 1;
}

/* Whose it is, as the first segment says. A part of it alone says nothing. */
static __always_inline int stream_identify(struct xdp_md *ctx, struct track *t)
{
	bool whole = t->first == t->seq && stream_was_read(t);
	__u32 found = whole ? sl_stream_tenant(ctx) : 0;
	const struct sl_account *a;

	if (t->who & SL_FLOW_FLAG(SL_FLOW_NAMED))
		return (found ?: t->fallback) == t->tenant ? SL_R_NONE : SL_R_IDENTITY_CHANGED;
	if (!found)
		note(whole ? SL_N_IDENTITY_MISSED : SL_N_IDENTITY_UNKNOWN);
	t->tenant = found ?: t->fallback;
	if (t->protocol == SL_P_MQTT && stream_is_denied(t))
		return SL_R_MQTT_NOT_ALLOWED; /* before it takes of the tenant's quota */
	a = track_account(t, t->tenant);
	return a ? track_name(t, a) : SL_R_NOT_ALLOWED;
}

/* Has the segment the connection's first byte, and has the instance not answered it yet? */
static __always_inline bool stream_is_first(const struct track *t)
{
	return t->who && !(t->who & SL_FLOW_FLAG(SL_FLOW_SETTLED)) && t->first - t->seq < t->data;
}

/* VERIFIER: alone, for the stack, each, and by way of the scratch, as both end in many ways.
 * Whose segment it is, as far as the table knows: into t->tenant, and t->refuse. Returns nothing.
 */
sl_global int sl_stream_find(void)
{
	struct track *t = scratch();
	const struct sl_account *a;

	if (!t)
		return 0;
	if (!t->opener) {
		t->refuse = track_find(t);
		return 0;
	}
	a = track_account(t, t->tenant);
	if (a && open_is_over(a, 1))
		t->refuse = SL_R_OPEN_CONNECTIONS;
	return 0;
}

/* And as it says itself: likewise. Only what comes first, and what else begins with a CONNECT,
 * is looked into.
 */
sl_global int sl_stream_look(struct xdp_md *ctx)
{
	struct track *t = scratch();
	bool first, is_mqtt;
	int why = SL_R_NONE;

	if (!t || t->refuse || t->opener || !t->data)
		return 0;
	first = stream_is_first(t);
	is_mqtt = t->protocol == SL_P_MQTT;
	if (!(first && (t->identify || is_mqtt)) && !t->connect)
		return 0;
	sl_stream_walk(ctx, t->offset, t->data, t->protocol);
	if (first && t->identify)
		why = stream_identify(ctx, t);
	if (!why && is_mqtt && stream_is_denied(t))
		why = SL_R_MQTT_NOT_ALLOWED;
	t->refuse = why;
	return 0;
}

/* -- the stages -- */

/* Until more is known a segment is its source's or the default tenant's. A change of the
 * configuration may have come between the two programs.
 */
static __always_inline enum sl_reason stage_resolve_stream(struct pkt *p)
{
	p->svc = resolve_service(p);
	if (!p->svc)
		return SL_R_NOT_OURS;
	if (p->svc->program != SL_PROG_STREAM || p->flow.proto != IPPROTO_TCP)
		return SL_R_NO_INSTANCE; /* just become another: the next packet will do */
	return SL_R_NONE;
}

static __always_inline void stream_ask(struct pkt *p, struct track *t, __u32 source)
{
	t->key.addr = p->flow.src;
	t->key.port = p->flow.sport;
	t->key.service = p->svc->id;
	t->bank = p->bank;
	t->protocol = p->svc->protocol;
	t->delimiter = p->svc->delimiter;
	t->identify = p->svc->flags & SL_SVC_IDENTIFY && !source;
	t->opener = p->step == FLOW_OPENER;
	t->connect = p->kind == SL_K_MQTT_CONNECT;
	t->fallback = p->svc->tenant;
	t->tenant = source ?: p->svc->tenant;
	t->offset = p->cur.pos - (void *)(long)p->ctx->data;
	t->budget = p->svc->half_open_max;
	if (!p->now_ns)
		p->now_ns = now_coarse_ns();
	t->now_s = scratch_now_s(t, p->now_ns);
}

/* Whose segment it is. What is refused for it is so where its bytes have been charged. */
static __always_inline enum sl_reason stage_track(struct pkt *p)
{
	struct track *t = track_ask(p->ctx, &p->flow, p->cur.left);

	if (!t)
		return SL_R_INTERNAL;
	stream_ask(p, t, resolve_source(p));
	sl_stream_find();
	sl_stream_look(p->ctx);
	p->barred = *(volatile __u8 *)&t->refuse;
	return resolve_account(p, *(volatile __u32 *)&t->tenant);
}

static __always_inline enum sl_reason stage_police_stream(struct pkt *p)
{
	if (!p->barred)
		return SL_R_NONE;
	return p->barred == SL_R_OPEN_CONNECTIONS ? police_excess(p, SL_R_OPEN_CONNECTIONS)
						  : police_refuse(p, p->barred);
}

static __always_inline void stage_track_open(const struct pkt *p)
{
	if (p->step == FLOW_OPENER)
		sl_track_open();
}

#endif
