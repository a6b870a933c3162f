/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stage 2: flow -> service, tenant and account; or the return entry of an
 * instance's answer.
 */
#ifndef SL_STAGE_RESOLVE_H
#define SL_STAGE_RESOLVE_H

#include "../maps.h"
#include "../pkt.h"

static __always_inline const struct sl_prefix_root *prefix_root(__u32 i)
{
	return bpf_map_lookup_elem(&sl_prefix_roots, &i);
}

static __always_inline const struct sl_prefix_index *prefix_index(__u32 i)
{
	return bpf_map_lookup_elem(&sl_prefix_idx, &i);
}

static __always_inline const struct sl_prefix_range *prefix_range(__u32 i)
{
	return bpf_map_lookup_elem(&sl_prefix_rng, &i);
}

#include "../lib/prefix.h"

/* VERIFIER: alone, because a search has many paths that all end in a number. */
sl_global int sl_find_tenant(__u32 root, __u64 w0, __u64 w1)
{
	return prefix_find(root, w0, w1);
}

/* Whose source it is; 0: nobody's. */
static __always_inline __u32 resolve_source(const struct pkt *p)
{
	__u32 root = p->bank * SL_PREFIX_ROOTS_PER_BANK + !p->flow.is_v4;

	if (!(p->svc->flags & SL_SVC_BY_SOURCE))
		return 0;
	return sl_find_tenant(root, addr_word0(&p->flow.src, p->flow.is_v4),
			      addr_word1(&p->flow.src));
}

static __always_inline enum sl_reason resolve_account_of(struct pkt *p, __u32 tenant)
{
	struct sl_account_key key, parts = {
		.tenant = tenant,
		.service = p->svc->id,
		.bank = p->bank,
	};

	if (!parts.tenant)
		return SL_R_UNKNOWN_TENANT;
	sl_put_word(&key, &parts, 64);
	p->account = bpf_map_lookup_elem(&sl_accounts, &key);
	return p->account ? SL_R_NONE : SL_R_NOT_ALLOWED;
}

/* @tenant 0: nobody's that is known. */
static __always_inline enum sl_reason resolve_account(struct pkt *p, __u32 tenant)
{
	return resolve_account_of(p, tenant ?: p->svc->tenant);
}

static __always_inline struct sl_service *resolve_service(const struct pkt *p)
{
	struct sl_service_key key = { .addr = p->flow.dst };
	struct sl_service_key parts = {
		.port = p->flow.dport,
		.proto = p->flow.proto,
		.bank = p->bank,
	};

	sl_put_word(&key.port, &parts.port, 32);
	return bpf_map_lookup_elem(&sl_services, &key);
}

/* Under its id, see SL_POOL_KEY. */
static __always_inline struct sl_service *resolve_pool(const struct pkt *p, struct sl_content *c,
						       __u32 id)
{
	struct sl_service_key *key = (void *)&c->key;

	_Static_assert(sizeof(*key) <= sizeof(c->key), "it fits");
	*key = (struct sl_service_key)SL_POOL_KEY(id);
	key->bank = p->bank;
	return bpf_map_lookup_elem(&sl_services, key);
}

static __always_inline struct sl_return *resolve_return(const struct pkt *p)
{
	struct sl_return_key key = { .addr = p->flow.src };
	struct sl_return_key parts = { .port = p->flow.sport, .proto = p->flow.proto };

	sl_put_word(&key.port, &parts.port, 32);
	return bpf_map_lookup_elem(&sl_returns, &key);
}

/* Looking into messages has a program of its own, which begins anew: others do not pay
 * for it, and it has the verifier's patience for itself. Returns only if it is missing.
 */
static __always_inline enum sl_reason resolve_content(struct pkt *p)
{
	bpf_tail_call(p->ctx, &sl_programs, p->svc->program);
	return SL_R_INTERNAL;
}

/* One test for most services. */
static __always_inline enum sl_reason resolve_tenant(struct pkt *p)
{
	if (!(p->svc->flags & (SL_SVC_CONTENT | SL_SVC_BY_SOURCE)))
		return resolve_account(p, 0);
	if (p->svc->flags & SL_SVC_CONTENT)
		return resolve_content(p);
	return resolve_account(p, resolve_source(p));
}

static __always_inline enum sl_reason stage_resolve(struct pkt *p)
{
	if (p->dst_owned) {
		p->svc = resolve_service(p);
		if (p->svc)
			return resolve_tenant(p);
		if (!filter_has(p, &p->flow.src))
			return SL_R_NOT_OURS;
	}
	p->ret = resolve_return(p);
	return p->ret ? SL_R_NONE : SL_R_NOT_OURS;
}

/* For the program of TCP that another has handed the packet to. A change of the configuration
 * may have come between the two.
 */
static __always_inline enum sl_reason stage_resolve_again(struct pkt *p)
{
	p->svc = resolve_service(p);
	if (!p->svc)
		return SL_R_NOT_OURS;
	if (p->flow.proto != IPPROTO_TCP) /* just become another: the next packet will do */
		return SL_R_NO_INSTANCE;
	return resolve_account(p, resolve_source(p));
}

#endif
