/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Routes: which pool of instances has a CoAP request, by path, method, oneM2M's resource type
 * and tenant. A pool is a service, and from here on the request's. What answers a server (ACK,
 * RST, a response) names no path: it goes to whom it answers, which the way back has
 * remembered (stage learn).
 */
#ifndef SL_STAGE_ROUTE_H
#define SL_STAGE_ROUTE_H

#include "content.h"
#include "pin.h"

/* -- requests -- */

/* What a message is, in one word for functions that are called; below: the tenant. */
#define ROUTE_KIND_SHIFT   32 /* 8 bits: enum sl_kind */
#define ROUTE_MID_OF_SHIFT 40 /* 8 bits: enum message_id */
#define ROUTE_MID_SHIFT	   48
#define ROUTE_KIND(what)   ((__u8)((what) >> ROUTE_KIND_SHIFT))
#define ROUTE_MID_OF(what) ((__u8)((what) >> ROUTE_MID_OF_SHIFT))

/* Of a set of sorts those that ask for it. */
#define ROUTE_SORTS_OF_TYPE   0xaau
#define ROUTE_SORTS_OF_METHOD 0xccu
#define ROUTE_SORTS	      0xffu
_Static_assert(SL_ROUTE_TYPE == 1 && SL_ROUTE_METHOD == 2 && SL_ROUTE__SORTS == 8, "as above");

/* CoAP's code; 0: it has none that routes know. */
static __always_inline __u8 route_method(__u64 what)
{
	__u8 method = ROUTE_KIND(what) - SL_K_COAP_GET + 1;

	return method <= SL_METHODS ? method : 0;
}

static __always_inline __u32 route_lookup(struct sl_content *c, __u64 parent, __u32 sort,
					  __u64 what)
{
	struct sl_route_rule rule = { .sort = sort };
	const struct sl_trie_node *node;

	if (sort & SL_ROUTE_METHOD)
		rule.method = route_method(what);
	if (sort & SL_ROUTE_TYPE)
		rule.type = c->type;
	if (sort & SL_ROUTE_TENANT)
		rule.tenant = what;
	__builtin_memset(&c->key, 0, sizeof(c->key));
	c->key.parent = parent;
	c->key.len = SL_TRIE_RULE;
	__builtin_memcpy(c->key.text, &rule, sizeof(rule));
	node = bpf_map_lookup_elem(&sl_trie, &c->key);
	return node ? node->value : 0;
}

/* VERIFIER: alone, as it is called for each path. Of the rules at @parent, of @sorts, the one
 * that has the request. Returns its pool, 0: there is none.
 */
sl_global __u32 sl_route_rule(__u64 parent, __u32 sorts, __u64 what)
{
	struct sl_content *c = content_scratch();
	__u32 pool = 0;

	if (!c)
		return 0;
	if (c->type >= SL_TYPES)
		sorts &= ~ROUTE_SORTS_OF_TYPE;
	if (!route_method(what))
		sorts &= ~ROUTE_SORTS_OF_METHOD;
	for (int sort = SL_ROUTE__SORTS - 1; sort >= 0 && !pool; sort--)
		if (sorts >> sort & 1)
			pool = route_lookup(c, parent, sort, what);
	return pool;
}

/* Which pool of @service has the request? 0: none, it stays with the service. Of what is
 * inside of OSCORE (RFC 8613 4.1), or meant for elsewhere, nothing is known but the tenant.
 */
static __always_inline __u32 route_pool(struct xdp_md *ctx, struct sl_content *c, __u32 service,
					__u64 bank, __u64 what)
{
	const struct sl_trie_node *node;
	__u32 found, segments = c->segments, sorts = ROUTE_SORTS;
	__u64 parent;

	if (c->oscore || c->detour) { /* privileges and classes still ask for all it says */
		segments = 0;
		sorts &= ~(ROUTE_SORTS_OF_TYPE | ROUTE_SORTS_OF_METHOD);
	}
	__builtin_memset(&c->key, 0, sizeof(c->key));
	c->key.parent = SL_T_ROUTE | bank;
	c->key.len = sizeof(service);
	__builtin_memcpy(c->key.text, &service, sizeof(service));
	node = bpf_map_lookup_elem(&sl_trie, &c->key);
	if (!node)
		return 0;
	parent = node->child | bank;
	found = sl_route_rule(parent, node->more & sorts, what);
	for (__u32 i = 0; i < SL_PATH_DEPTH; i++) {
		__u32 pool;

		if (i >= segments)
			break;
		sl_trie_string(ctx, parent, c->segment[i].at, c->segment[i].len, false);
		if (!c->node.child)
			break;
		parent = c->node.child | bank;
		pool = c->node.more ? sl_route_rule(parent, c->node.more, what) : 0;
		if (pool)
			found = pool;
	}
	return found;
}

/* -- what answers -- */

/* Who has sent what the device answers? Returns the pool's instance, 0: nobody who is known. An
 * ACK or RST is the last of its exchange: a server that repeats its message is remembered anew.
 */
static __always_inline __u32 route_answer(const struct flow *f, __u32 service, __u64 what)
{
	struct sl_exchange_key key = {};
	struct sl_service_state *state;
	const struct sl_exchange *x;
	const struct sl_instance *i;
	__u32 instance;

	key.addr = f->src;
	key.port = f->sport;
	key.service = service;
	key.by_server = SL_SIDE_ASKED;
	if (ROUTE_MID_OF(what) == MID_SERVER) {
		key.by_server = SL_SIDE_SERVER;
		key.mid = what >> ROUTE_MID_SHIFT;
	}
	x = bpf_map_lookup_elem(&sl_exchanges, &key);
	if (!x)
		return 0;
	instance = x->instance;
	i = instance_of(instance);
	if (!i || i->generation != x->generation || i->flags & SL_I_DOWN)
		return 0;
	if (key.by_server == SL_SIDE_ASKED)
		return instance;
	state = bpf_map_lookup_elem(&sl_svc_states, &service);
	if (state && !bpf_map_delete_elem(&sl_exchanges, &key))
		__sync_fetch_and_sub(&state->exchanges, 1);
	return instance;
}

/* -- the stage -- */

/* What it returns, beside a pool's id. */
#define ROUTE_INSTANCE_SHIFT 16

/* VERIFIER: alone: what follows is verified once. Where does a message to @service go? Returns
 * 0: where others go; a pool's id; or an instance's.
 */
sl_global __u32 sl_route(struct xdp_md *ctx, const struct flow *f, __u64 bank, __u32 service,
			 __u64 what)
{
	struct sl_content *c = content_scratch();

	if (!c || !f)
		return 0;
	if (ROUTE_KIND(what) == SL_K_COAP_PING) /* for anybody */
		return 0;
	if (ROUTE_MID_OF(what) == MID_SERVER || ROUTE_KIND(what) == SL_K_COAP_RESPONSE)
		return route_answer(f, service, what) << ROUTE_INSTANCE_SHIFT;
	return route_pool(ctx, c, service, bank & SL_TRIE_BANK, what) & 0xffff;
}

static __always_inline __u64 route_what(const struct pkt *p, __u32 tenant)
{
	return tenant | (__u64)p->kind << ROUTE_KIND_SHIFT |
	       (__u64)p->mid_of << ROUTE_MID_OF_SHIFT | (__u64)p->mid << ROUTE_MID_SHIFT;
}

/* Who may use it is asked here, and messages are counted here: it is known now whose they
 * are, and what for.
 */
static __always_inline enum sl_reason stage_route(struct pkt *p)
{
	struct sl_content *c = content_scratch();
	enum sl_reason why;
	__u32 tenant, to;

	if (!c)
		return SL_R_INTERNAL;
	if (!c->tenant) /* VERIFIER: by way of the map, as with pick_decide() */
		*(volatile __u32 *)&c->tenant = p->svc->tenant;
	tenant = *(volatile __u32 *)&c->tenant;
	to = cursor_opaque_zero(tenant);
	if (p->svc->flags & SL_SVC_ROUTES)
		to = sl_route(p->ctx, pkt_flow(p), content_bank(p), p->svc->id,
			      route_what(p, tenant));
	p->inst_id = to >> ROUTE_INSTANCE_SHIFT; /* pick leaves it at that */
	to &= 0xffff;
	c->pool = to;
	if (to) {
		p->svc = resolve_pool(p, c, to);
		if (!p->svc)
			return SL_R_INTERNAL;
	}
	why = resolve_account_of(p, tenant);
	if (!why)
		classify_count(p);
	return why;
}

#endif
