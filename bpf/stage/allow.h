/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a tenant may ask for by CoAP: its paths, and oneM2M's operations and resource types. An
 * operation is CoAP's method; a POST creates where it names the type of what it creates, and
 * else notifies (TS-0008 6.2.1, 6.2.2.4). What cannot be seen is not allowed.
 */
#ifndef SL_STAGE_ALLOW_H
#define SL_STAGE_ALLOW_H

#include "content.h"
#include "police.h"

static __always_inline __u32 allow_operation(const struct sl_content *c, __u32 kind)
{
	switch (kind) {
	case SL_K_COAP_GET:
		return SL_OP_RETRIEVE;
	case SL_K_COAP_POST:
		return c->type == SL_TYPE_NONE ? SL_OP_NOTIFY : SL_OP_CREATE;
	case SL_K_COAP_PUT:
		return SL_OP_UPDATE;
	case SL_K_COAP_DELETE:
		return SL_OP_DELETE;
	default:
		return SL_OP_OTHER;
	}
}

/* Inside of OSCORE (RFC 8613 4.1) is another method; a POST whose options were not all seen may
 * be either; and of a request whose header is not linear the method is not known.
 */
static __always_inline bool allow_is_hidden(const struct sl_content *c, __u32 kind)
{
	return c->oscore || kind == SL_K_UDP ||
	       (!c->whole && (kind == SL_K_COAP_POST || kind == SL_K_COAP_MALFORMED));
}

static __always_inline bool allow_type(struct sl_content *c, __u64 parent)
{
	__u8 type = c->type;

	if (c->type >= SL_TYPES)
		return false;
	__builtin_memset(&c->key, 0, sizeof(c->key));
	c->key.parent = parent;
	c->key.len = SL_TRIE_RULE;
	c->key.text[0] = type;
	return bpf_map_lookup_elem(&sl_trie, &c->key);
}

static __always_inline enum sl_reason allow_onem2m(struct sl_content *c, __u64 parent, __u32 more,
						   __u32 kind)
{
	__u32 operation = allow_operation(c, kind);

	if (!(more & (SL_ALLOW_OPERATIONS | SL_ALLOW_TYPES)))
		return SL_R_NONE;
	if (allow_is_hidden(c, kind) || more >> operation & 1)
		return SL_R_OPERATION_NOT_ALLOWED;
	if (operation != SL_OP_CREATE || !(more & SL_ALLOW_TYPES) || allow_type(c, parent))
		return SL_R_NONE;
	return SL_R_TYPE_NOT_ALLOWED;
}

/* VERIFIER: alone: what follows is verified once. May @tenant have what the request of @kind
 * asks for? Returns enum sl_reason.
 */
sl_global int sl_allow(struct xdp_md *ctx, __u64 bank, __u32 tenant, __u32 kind)
{
	struct sl_content *c = content_scratch();
	const struct sl_trie_node *node;
	__u64 parent;
	__u32 more;

	if (!c)
		return SL_R_INTERNAL;
	bank &= SL_TRIE_BANK;
	__builtin_memset(&c->key, 0, sizeof(c->key));
	c->key.parent = SL_T_ALLOW | bank;
	c->key.len = sizeof(tenant);
	__builtin_memcpy(c->key.text, &tenant, sizeof(tenant));
	node = bpf_map_lookup_elem(&sl_trie, &c->key);
	if (!node || !c->request) /* nothing was ever said of it */
		return SL_R_NONE;
	parent = node->child | bank;
	more = node->more;
	if (!(more & SL_ALLOW_ANY_PATH)) {
		if (!c->whole || c->detour)
			return SL_R_PATH_NOT_ALLOWED;
		/* Outside of OSCORE a path means nothing to the server (RFC 8613 4.1). */
		if (!node->value && (c->oscore || !content_path(ctx, c, parent)))
			return SL_R_PATH_NOT_ALLOWED;
	}
	return allow_onem2m(c, parent, more, kind);
}

/* Malformed: see classify_malformed(). */
static __always_inline enum sl_reason stage_allow(struct pkt *p)
{
	enum sl_reason why;

	if (p->malformed && p->account->denied)
		return p->malformed;
	if (!content_is_request(p))
		return SL_R_NONE;
	why = sl_allow(p->ctx, content_bank(p), p->account->tenant, p->kind);
	if (!why)
		return SL_R_NONE;
	return p->malformed ? p->malformed : police_refuse(p, why);
}

#endif
