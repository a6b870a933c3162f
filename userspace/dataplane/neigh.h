/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Next hops from the kernel, by netlink (libmnl): routes to instances, their
 * neighbours kept alive (NTF_EXT_MANAGED, because XDP traffic never refreshes
 * them), and which links can be redirected to. Writes sl_instance hops and
 * sl_targets. Does not log; changes are told to a callback.
 */
#ifndef SL_DP_NEIGH_H
#define SL_DP_NEIGH_H

#include "dataplane.h"

struct neigh;

enum neigh_hop_state {
	HOP_UNKNOWN, /* no route, or the address is this machine's own */
	HOP_PENDING, /* neighbour not resolved yet: the kernel forwards meanwhile */
	HOP_READY,   /* redirected by XDP */
	HOP_STACK,   /* the link is no redirect target: the kernel forwards */
	HOP_FAILED,  /* the neighbour does not answer */
};

/* @ifname: the link towards the instance; with HOP_UNKNOWN "" where there is no
 * route, and "lo" where the address is this machine's own, which cannot be
 * steered to. Must not call neigh_watch() or neigh_forget().
 */
typedef void (*neigh_changed)(void *arg, uint16_t instance, enum neigh_hop_state state,
			      const char *ifname);

int neigh_open(struct dataplane *dp, neigh_changed fn, void *arg, struct neigh **ret);
void neigh_close(struct neigh *n);

/* The descriptor to poll for reading, and what to call then: never blocks, does a
 * bounded amount of work. A negative errno is of netlink's; go on calling.
 */
int neigh_fd(const struct neigh *n);
int neigh_read(struct neigh *n);

/* Begin, end to care for an instance. The callback tells the first state at once.
 * Watching again, with another address too, is fine. Where netlink fails, the
 * state is HOP_UNKNOWN until a refresh finds better. -EINVAL: no such id; -ENOMEM.
 */
int neigh_watch(struct neigh *n, uint16_t instance, const struct sl_addr *addr);
void neigh_forget(struct neigh *n, uint16_t instance);

/* Look again at all routes, neighbours and links: call every few seconds, and
 * the events of neigh_fd() trigger it for what they concern.
 */
int neigh_refresh(struct neigh *n);

/* What a link is, for doctor: all but loopback. The array is the caller's to free. */
struct neigh_link {
	char name[IF_NAMESIZE];
	char driver[32];
	int ifindex;
	uint32_t mtu;
	bool up, target;  /* may be redirected to */
	bool tx_checksum; /* of the peer cannot be seen; of this end */
	bool forwarding4, forwarding6;
	char advice[256]; /* what to do, "" if all is well */
};
int neigh_links(struct neigh *n, struct neigh_link **ret, size_t *ret_n);

#endif /* SL_DP_NEIGH_H */
