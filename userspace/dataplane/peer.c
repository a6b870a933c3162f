// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Neighbours that ways lead through: kept resolved while any does. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include "../common/addr.h"
#include "neigh_own.h"

static struct peer **bucket_of(struct neigh *n, uint32_t ifindex, const struct sl_addr *a)
{
	uint32_t h = (ifindex * 31 + a->w[0] + a->w[1] * 3 + a->w[2] * 5 + a->w[3] * 7);

	return &n->peer_bucket[(h ^ h >> 12 ^ h >> 24) % NEIGH_BUCKETS];
}

struct peer *peer_find(struct neigh *n, uint32_t ifindex, const struct sl_addr *addr)
{
	struct peer *p = *bucket_of(n, ifindex, addr);

	while (p && (p->is.ifindex != ifindex || !addr_equal(&p->is.addr, addr)))
		p = p->chain;
	return p;
}

void peer_update(struct peer *p, const struct nexthop_neighbour *is)
{
	p->is = *is;
	if (is->state & NUD_FAILED)
		p->failed = true;
	else if (is->state == NUD_NONE || (is->state & NEXTHOP_VALID))
		p->failed = false;
}

void peer_care(struct neigh *n, const struct peer *p)
{
	const struct link *k = links_find(n->links, p->is.ifindex);
	int err;

	/* Static entries are the administrator's, and would lose that. */
	if (!k || !(k->flags & IFF_UP) || (p->is.state & (NUD_PERMANENT | NUD_NOARP)))
		return;
	if (!n->cannot_manage && !p->is.managed) {
		err = nexthop_care(&n->ask, &p->is, NEXTHOP_MANAGE);
		n->cannot_manage = err == -EINVAL || err == -EOPNOTSUPP;
	}
	if (n->cannot_manage && !(p->is.state & NUD_REACHABLE))
		(void)nexthop_care(&n->ask, &p->is, NEXTHOP_USE);
}

static struct peer *peer_get(struct neigh *n, uint32_t ifindex, const struct sl_addr *addr)
{
	struct nexthop_neighbour is = { .ifindex = ifindex, .addr = *addr };
	struct peer **head = bucket_of(n, ifindex, addr);
	struct peer *p = peer_find(n, ifindex, addr);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	(void)nexthop_neighbour(&n->ask, &is); /* not told: like none, and asked for below */
	peer_update(p, &is);
	p->chain = *head;
	*head = p;
	peer_care(n, p);
	return p;
}

static void peer_drop(struct neigh *n, struct peer *p)
{
	struct peer **at = bucket_of(n, p->is.ifindex, &p->is.addr);

	while (*at != p)
		at = &(*at)->chain;
	*at = p->chain;
	/* Its last state may be older than our request: read who it is managed for. */
	if (!nexthop_neighbour(&n->ask, &p->is) && p->is.ours)
		(void)nexthop_care(&n->ask, &p->is, NEXTHOP_RELEASE);
	free(p);
}

int peer_assign(struct neigh *n, struct way *w, uint32_t ifindex, const struct sl_addr *addr)
{
	struct peer *old = w->peer, *new = NULL;
	struct way **at;

	if (ifindex) {
		new = peer_get(n, ifindex, addr);
		if (!new)
			return -ENOMEM;
	}
	if (new == old)
		return 0;
	if (old) {
		for (at = &old->ways; *at != w; at = &(*at)->peer_next)
			;
		*at = w->peer_next;
		if (!old->ways)
			peer_drop(n, old);
	}
	w->peer = new;
	if (new) {
		w->peer_next = new->ways;
		new->ways = w;
	}
	return 0;
}

static int on_neighbour(void *arg, const struct nlmsghdr *nlh)
{
	struct nexthop_neighbour is;
	struct neigh *n = arg;
	struct peer *p;

	if (nlh->nlmsg_type != RTM_NEWNEIGH || !nexthop_neighbour_event(nlh, &is))
		return 0;
	p = peer_find(n, is.ifindex, &is.addr);
	if (p) {
		peer_update(p, &is);
		p->seen = true;
	} else if (is.ours && n->n_leftover < NEIGH_REAPS_MAX) {
		n->leftover[n->n_leftover++] = is;
	}
	return 0;
}

int peers_refresh(struct neigh *n)
{
	struct peer *p;
	int err;

	n->n_leftover = 0;
	for (size_t i = 0; i < NEIGH_BUCKETS; i++)
		for (p = n->peer_bucket[i]; p; p = p->chain)
			p->seen = false;
	err = nexthop_dump(&n->ask, on_neighbour, n);
	if (err)
		return err;
	for (size_t i = 0; i < NEIGH_BUCKETS; i++)
		for (p = n->peer_bucket[i]; p; p = p->chain) {
			struct nexthop_neighbour none = { .ifindex = p->is.ifindex,
							  .addr = p->is.addr };

			if (!p->seen)
				peer_update(p, &none);
			peer_care(n, p);
		}
	/* Of an earlier process: their instances have gone while there was no daemon. */
	for (size_t i = 0; i < n->n_leftover; i++)
		(void)nexthop_care(&n->ask, &n->leftover[i], NEXTHOP_RELEASE);
	return 0;
}
