// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Next hops: who is watched, what events concern, when to look again. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include "../common/addr.h"
#include "../common/cleanup.h"
#include "describe.h"
#include "neigh_own.h"

static const uint32_t groups[] = {
	RTNLGRP_LINK,	    RTNLGRP_NEIGH,     RTNLGRP_IPV4_ROUTE,
	RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE,
};

/* -- work -- */

static void publish_all(struct neigh *n)
{
	for (struct way *w = n->ways; w; w = w->next)
		way_publish(n, w);
}

static void all_stale(struct neigh *n)
{
	for (struct way *w = n->ways; w; w = w->next)
		w->stale = true;
}

/* Ask for the routes of stale ways; what is left over is the next call's. */
static int resolve_stale(struct neigh *n)
{
	uint32_t left = NEIGH_WAYS_MAX;
	int err = 0, one = 0;

	for (struct way *w = n->ways; w && left && one != -ETIMEDOUT; w = w->next) {
		if (!w->stale)
			continue;
		left--;
		one = way_resolve(n, w);
		err = err ?: one;
		way_publish(n, w);
	}
	return err;
}

/* Links that changed: hops first, so that none names a link that is no target.
 * IPv4 routes go with their link without a word, so all ways are asked for.
 */
static void follow_links(struct neigh *n)
{
	publish_all(n);
	links_settle(n->links);
	all_stale(n);
	n->links_changed = false;
}

/* The next ways in turn: for what no event tells. */
static void some_stale(struct neigh *n)
{
	uint32_t left = NEIGH_WAYS_MAX;

	for (uint32_t i = 0; i < n->dp->cap.instances && left; i++) {
		struct way *w;

		n->cursor = n->cursor + 1 < n->dp->cap.instances ? n->cursor + 1 : 0;
		w = n->watches[n->cursor].way;
		if (!w || w->stale)
			continue;
		w->stale = true;
		left--;
	}
}

int neigh_refresh(struct neigh *n)
{
	int err = links_refresh(n->links, &n->links_changed);

	if (!err)
		err = peers_refresh(n);
	if (n->links_changed)
		follow_links(n);
	else
		some_stale(n);
	if (!err)
		err = resolve_stale(n);
	publish_all(n);
	links_settle(n->links);
	return err;
}

/* -- events -- */

static void on_neighbour_event(struct neigh *n, const struct nlmsghdr *nlh)
{
	struct nexthop_neighbour is;
	struct peer *p;

	if (!nexthop_neighbour_event(nlh, &is))
		return;
	p = peer_find(n, is.ifindex, &is.addr);
	if (!p)
		return;
	if (nlh->nlmsg_type == RTM_DELNEIGH)
		is = (struct nexthop_neighbour){ .ifindex = is.ifindex, .addr = is.addr };
	peer_update(p, &is);
	for (struct way *w = p->ways; w; w = w->peer_next)
		way_publish(n, w);
	if (nlh->nlmsg_type == RTM_DELNEIGH)
		peer_care(n, p);
}

static void on_route_event(struct neigh *n, const struct nlmsghdr *nlh)
{
	struct sl_addr prefix, masked;
	uint8_t len;

	if (!nexthop_route_event(nlh, &prefix, &len))
		return;
	for (struct way *w = n->ways; w; w = w->next) {
		masked = w->addr;
		addr_mask(&masked, len);
		/* A length of 0 is IPv6's default route, and covers no mapped address. */
		if (addr_equal(&masked, &prefix) && (len || !addr_is_v4(&w->addr)))
			w->stale = true;
	}
}

static int on_event(void *arg, const struct nlmsghdr *nlh)
{
	struct neigh *n = arg;

	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (links_event(n->links, nlh))
			n->links_changed = true;
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		on_neighbour_event(n, nlh);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		on_route_event(n, nlh);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		all_stale(n);
		break;
	}
	return 0;
}

int neigh_read(struct neigh *n)
{
	int err = nl_listen(&n->events, on_event, n);
	int err2 = links_read(n->links, &n->links_changed);

	if (err == -ENOBUFS || err2 == -ENOBUFS)
		return neigh_refresh(n); /* events were lost */
	if (n->links_changed)
		follow_links(n);
	return err ?: err2 ?: resolve_stale(n);
}

int neigh_fd(const struct neigh *n)
{
	return n->epoll_fd;
}

/* -- instances -- */

static void unlink_watch(struct neigh *n, uint16_t instance)
{
	struct watch *watch = &n->watches[instance];
	uint16_t *at = &watch->way->first;

	while (*at != instance)
		at = &n->watches[*at].next;
	*at = watch->next;
	way_put(n, watch->way);
	*watch = (struct watch){ 0 };
}

int neigh_watch(struct neigh *n, uint16_t instance, const struct sl_addr *addr)
{
	struct watch *watch;
	struct way *w;

	if (!instance || instance >= n->dp->cap.instances)
		return -EINVAL;
	watch = &n->watches[instance];
	w = way_get(n, addr);
	if (!w)
		return -ENOMEM;
	if (watch->way != w) {
		if (watch->way)
			unlink_watch(n, instance);
		watch->way = w;
		watch->next = w->first;
		w->first = instance;
	}
	way_publish(n, w);
	return 0;
}

void neigh_forget(struct neigh *n, uint16_t instance)
{
	if (instance && instance < n->dp->cap.instances && n->watches[instance].way)
		unlink_watch(n, instance);
}

/* -- open and close -- */

static int poll_add(const struct neigh *n, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (fd < 0)
		return 0;
	return epoll_ctl(n->epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static int open_events(struct neigh *n)
{
	int err = nl_open(NETLINK_ROUTE, &n->events);

	for (size_t i = 0; !err && i < SL_ARRAY_SIZE(groups); i++)
		err = nl_join(&n->events, groups[i]);
	if (err)
		return err;
	n->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (n->epoll_fd < 0)
		return -errno;
	return poll_add(n, nl_fd(&n->events));
}

static void neigh_closep(struct neigh **n)
{
	neigh_close(*n);
}

int neigh_open(struct dataplane *dp, neigh_changed fn, void *arg, struct neigh **ret)
{
	sl_cleanup(neigh_closep) struct neigh *n = calloc(1, sizeof(*n));
	int err;

	if (!n)
		return -ENOMEM;
	n->epoll_fd = -1;
	n->dp = dp;
	n->fn = fn;
	n->arg = arg;
	n->watches = calloc(dp->cap.instances, sizeof(*n->watches));
	if (!n->watches)
		return -ENOMEM;
	/* Events first: what happens while the links are read is not missed. */
	err = open_events(n);
	if (!err)
		err = nl_open(NETLINK_ROUTE, &n->ask);
	if (!err)
		err = links_open(dp->targets_fd, &n->links);
	if (!err)
		err = poll_add(n, links_fd(n->links));
	if (err)
		return err;
	*ret = sl_take(n);
	return 0;
}

/* The kernel goes on resolving what was watched, as the packet path goes on. */
void neigh_close(struct neigh *n)
{
	struct peer *p, *next_peer;
	struct way *next_way;

	if (!n)
		return;

	for (struct way *w = n->ways; w; w = next_way) {
		next_way = w->next;
		free(w);
	}
	for (size_t i = 0; i < NEIGH_BUCKETS; i++)
		for (p = n->peer_bucket[i]; p; p = next_peer) {
			next_peer = p->chain;
			free(p);
		}
	links_close(n->links);
	nl_close(&n->ask);
	nl_close(&n->events);
	if (n->epoll_fd >= 0)
		close(n->epoll_fd);
	free(n->watches);
	free(n);
}

/* -- doctor -- */

int neigh_links(struct neigh *n, struct neigh_link **ret, size_t *ret_n)
{
	struct neigh_link *links;
	size_t room = 1, used = 0;
	int err = links_refresh(n->links, &n->links_changed);

	if (err)
		return err;
	if (n->links_changed)
		follow_links(n);
	for (struct link *k = links_first(n->links); k; k = k->next)
		room++;
	links = calloc(room, sizeof(*links));
	if (!links)
		return -ENOMEM;
	for (struct link *k = links_first(n->links); k; k = k->next)
		if (!(k->flags & IFF_LOOPBACK))
			describe_link(k, &links[used++]);
	*ret = links;
	*ret_n = used;
	return 0;
}
