/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Has the tenant a response of its own to this very request? By what content.h has found in it:
 * its path, byte by byte in sl_trie, and that nothing else is asked for. Giving it is
 * stage/static.h's.
 */
#ifndef SL_STAGE_RESPONSE_H
#define SL_STAGE_RESPONSE_H

#include "content.h"

/* What the whole path is in @parent's branch; 0: nothing, or it is longer. */
static __always_inline __u32 content_just_path(struct xdp_md *ctx, struct sl_content *c,
					       __u64 parent)
{
	__u32 value = 0;

	if (c->segments > SL_PATH_DEPTH)
		return 0;
	for (__u32 i = 0; i < SL_PATH_DEPTH; i++) {
		if (i >= c->segments)
			break;
		value = sl_trie_string(ctx, parent, c->segment[i].at, c->segment[i].len, false);
		parent = c->node.child | (parent & SL_TRIE_BANK);
		if (!value && !c->node.child)
			return 0;
	}
	return value;
}

/* What has a response of the node's own is asked for by these options alone. Observe and
 * blocks are an instance's affair, as is what is not known. That the request accepts what there
 * is stage/static.h finds out.
 */
#define CONTENT_STATIC                                                                   \
	(1ull << COAP_OPT_URI_HOST | 1ull << COAP_OPT_ETAG | 1ull << COAP_OPT_URI_PORT | \
	 1ull << COAP_OPT_URI_PATH | 1ull << COAP_OPT_ACCEPT)

/* VERIFIER: as above. The number of @tenant's response to the request, of just @service, or
 * of any if that is 0. 0: there is none.
 */
sl_global __u32 sl_content_response(struct xdp_md *ctx, __u64 bank, __u32 tenant, __u32 service)
{
	struct sl_content *c = content_scratch();
	const struct sl_trie_node *node;

	if (!c || !c->whole || c->detour || c->oscore || c->options & ~CONTENT_STATIC)
		return 0;
	bank &= SL_TRIE_BANK;
	__builtin_memset(&c->key, 0, sizeof(c->key));
	c->key.parent = SL_T_RESPONSE | bank;
	c->key.len = sizeof(tenant) + sizeof(service);
	__builtin_memcpy(c->key.text, &tenant, sizeof(tenant));
	__builtin_memcpy(c->key.text + sizeof(tenant), &service, sizeof(service));
	node = bpf_map_lookup_elem(&sl_trie, &c->key);
	if (!node)
		return 0;
	return c->segments ? content_just_path(ctx, c, node->child | bank) : node->value;
}

/* What the tenant has a response for, and the node itself may say; a service whose tenants
 * have none pays the test of a byte.
 */
static __always_inline __u32 stage_response(const struct pkt *p)
{
	__u32 tenant = p->account->tenant, ret;

	if (!p->svc->responses || p->kind != SL_K_COAP_GET || p->malformed)
		return 0;
	ret = sl_content_response(p->ctx, content_bank(p), tenant, p->svc->id);
	return ret ? ret : sl_content_response(p->ctx, content_bank(p), tenant, 0);
}

#endif
