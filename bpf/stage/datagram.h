/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* UDP services other than CoAP: whose a datagram is, by its source, or by what it says: bits of
 * a DTLS connection id (RFC 9146 4, RFC 9147 4).
 */
#ifndef SL_STAGE_DATAGRAM_H
#define SL_STAGE_DATAGRAM_H

#include "../lib/cid.h"
#include "../maps.h"
#include "../pkt.h"
#include "../scratch.h"
#include "note.h"
#include "resolve.h"

/* Where in an id its tenant is. */
struct cid_tenant {
	__u8 at, bits; /* as in sl_service */
	__u8 cid_len;
	__u8 bank;
};

/* The number in the id of the record in @payload (offset << 16 | bytes), into *@ret: 1; 0: it has
 * no id; negative: it ends before its number does.
 */
static __always_inline int datagram_number(struct xdp_md *ctx, __u32 payload,
					   const struct cid_tenant *of, __u32 *ret)
{
	__u32 offset, at = payload >> 16 & PAYLOAD_OFFSET_MAX, left = payload & 0xffff;
	__u64 word = 0;
	__u8 first;
	__u32 n;

	if (!left || bpf_xdp_load_bytes(ctx, at, &first, sizeof(first)))
		return 0;
	offset = cid_offset(first);
	if (!offset)
		return 0;
	if (offset + of->cid_len > left)
		return -1;
	n = cid_tenant_bytes(of->at, of->bits) - 1;
	sl_opaque(n); /* VERIFIER: 6.1 does not see that a number is not 0 */
	n &= 7;
	if (bpf_xdp_load_bytes(ctx, (at + offset + of->at / 8) & 0xffff, &word, n + 1))
		return -1;
	*ret = cid_tenant_number(bpf_be64_to_cpu(word), of->at, of->bits);
	return 1;
}

/* VERIFIER: alone, as all that reads at an offset of the packet's own. Whose connection id the
 * record in @payload has. Returns the tenant; 0: nobody's that is known, or it has none.
 */
sl_global __u32 sl_cid_tenant(struct xdp_md *ctx, __u32 payload, const struct cid_tenant *of)
{
	struct sl_content *c = content_scratch();
	const struct sl_trie_node *node;
	__u32 number = 0;
	int found;

	if (!c || !of)
		return 0;
	found = datagram_number(ctx, payload, of, &number);
	if (found <= 0) {
		if (found < 0)
			note(SL_N_IDENTITY_UNKNOWN);
		return 0;
	}
	__builtin_memset(&c->key, 0, sizeof(c->key));
	c->key.parent = SL_T_DTLS_CID | (__u64)of->bank << 63;
	c->key.len = sizeof(number);
	number = bpf_htonl(number);
	__builtin_memcpy(c->key.text, &number, sizeof(number));
	node = bpf_map_lookup_elem(&sl_trie, &c->key);
	if (!node || !node->value) {
		note(SL_N_IDENTITY_MISSED);
		return 0;
	}
	return node->value;
}

static __always_inline __u32 datagram_tenant(struct pkt *p)
{
	const struct cid_tenant of = {
		.at = p->svc->cid_tenant_at,
		.bits = p->svc->cid_tenant_bits,
		.cid_len = p->svc->cid_len,
		.bank = p->bank,
	};
	__u32 tenant = resolve_source(p);

	if (tenant || !(p->svc->flags & SL_SVC_IDENTIFY) || !of.bits)
		return tenant;
	return sl_cid_tenant(p->ctx, pkt_payload(p), &of);
}

/* A change of the configuration may have come between the two programs. */
static __always_inline enum sl_reason stage_resolve_datagram(struct pkt *p)
{
	p->svc = resolve_service(p);
	if (!p->svc)
		return SL_R_NOT_OURS;
	if (p->svc->program != SL_PROG_DATAGRAM || p->flow.proto != IPPROTO_UDP)
		return SL_R_NO_INSTANCE; /* just become another: the next packet will do */
	return resolve_account(p, datagram_tenant(p));
}

#endif
