// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Ways to instances' addresses: route, neighbour and link become a hop. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include "../common/addr.h"
#include "neigh_own.h"
#include "sync.h"

static struct way **bucket_of(struct neigh *n, const struct sl_addr *a)
{
	uint32_t h = a->w[0] + a->w[1] * 3 + a->w[2] * 5 + a->w[3] * 7;

	return &n->way_bucket[(h ^ h >> 12 ^ h >> 24) % NEIGH_BUCKETS];
}

int way_resolve(struct neigh *n, struct way *w)
{
	struct nexthop_route r;
	const struct link *k;
	int err = nexthop_route(&n->ask, &w->addr, &r);

	if (err)
		return err;
	k = r.kind == NEXTHOP_VIA ? links_find(n->links, r.ifindex) : NULL;
	/* A link without Ethernet has no neighbours that could be written into a frame. */
	err = peer_assign(n, w, k && k->ethernet ? r.ifindex : 0, &r.via);
	if (err)
		return err;
	w->route = r;
	w->stale = false;
	return 0;
}

struct way *way_get(struct neigh *n, const struct sl_addr *addr)
{
	struct way **head = bucket_of(n, addr), *w = *head;

	while (w && !addr_equal(&w->addr, addr))
		w = w->chain;
	if (w)
		return w;
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->addr = *addr;
	w->stale = true;
	w->chain = *head;
	*head = w;
	w->next = n->ways;
	w->pprev = &n->ways;
	if (w->next)
		w->next->pprev = &w->next;
	n->ways = w;
	(void)way_resolve(n, w); /* stale still: the next refresh tries again */
	return w;
}

void way_put(struct neigh *n, struct way *w)
{
	struct way **at = bucket_of(n, &w->addr);

	if (w->first)
		return;
	while (*at != w)
		at = &(*at)->chain;
	*at = w->chain;
	*w->pprev = w->next;
	if (w->next)
		w->next->pprev = w->pprev;
	(void)peer_assign(n, w, 0, &w->addr);
	free(w);
}

/* What @w amounts to now. *@ret_hop is zero where the kernel is to forward. */
static enum neigh_hop_state way_state(const struct way *w, const struct link *k,
				      struct sl_hop *ret_hop)
{
	const struct peer *p = w->peer;

	memset(ret_hop, 0, sizeof(*ret_hop));
	if (w->route.kind != NEXTHOP_VIA || !k)
		return HOP_UNKNOWN;
	if (p && p->failed)
		return HOP_FAILED;
	if (!k->target)
		return HOP_STACK;
	if (!p || !p->is.has_mac || !(p->is.state & NEXTHOP_VALID))
		return HOP_PENDING;
	memcpy(ret_hop->dmac, p->is.mac, sizeof(ret_hop->dmac));
	memcpy(ret_hop->smac, k->mac, sizeof(ret_hop->smac));
	ret_hop->ifindex = k->ifindex;
	ret_hop->mtu = w->route.mtu && w->route.mtu < k->mtu ? w->route.mtu : k->mtu;
	return HOP_READY;
}

void way_publish(struct neigh *n, struct way *w)
{
	const struct link *k =
		w->route.kind == NEXTHOP_NONE ? NULL : links_find(n->links, w->route.ifindex);
	struct sl_hop hop;
	enum neigh_hop_state state = way_state(w, k, &hop);
	uint32_t ifindex = k ? k->ifindex : 0;

	for (uint16_t id = w->first; id; id = n->watches[id].next) {
		const struct sl_instance *record = &n->dp->instances[id];
		struct watch *watch = &n->watches[id];

		/* Compared with the kernel's record, for others write it too. */
		if (memcmp(&record->hops[record->hop & 1], &hop, sizeof(hop)))
			sync_instance_hop(n->dp, id, &hop);
		if (watch->told && watch->state == state && watch->ifindex == ifindex)
			continue;
		watch->told = true;
		watch->state = state;
		watch->ifindex = ifindex;
		if (n->fn)
			n->fn(n->arg, id, state, k ? k->name : "");
	}
}
