// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Links by rtnetlink, and which of them are in sl_targets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <bpf/bpf.h>
#include "../common/cleanup.h"
#include "../common/str.h"
#include "features.h"
#include "links.h"
#include <sluice/base.h>

#define BUCKETS	     256
#define IFF_LOWER_UP 0x10000 /* linux/if.h, which net/if.h excludes */
#define FLAGS_USED   (IFF_UP | IFF_RUNNING | IFF_LOWER_UP)

struct links {
	struct link *first;
	struct link *bucket[BUCKETS];
	struct nl route;
	struct features features;
	int ioctl_fd, targets_fd;
	bool changed;
	bool stale_keys; /* sl_targets may name links that are none */
};

/* Drivers with ndo_xdp_xmit in 6.1, which does not tell its features. Some of
 * them take frames only while XDP is attached to them, or with enough queues;
 * that is not visible there: what they refuse is counted as redirect_failed.
 */
static const char *const xmit_drivers[] = {
	"veth",	     "tun",	 "virtio_net",	  "bonding", "i40e",   "ice",	   "ixgbe",
	"igb",	     "igc",	 "mlx5_core",	  "bnxt_en", "ena",    "atlantic", "sfc",
	"qede",	     "funeth",	 "hv_netvsc",	  "vif",     "mvneta", "mvpp2",	   "st_gmac",
	"fsl_enetc", "fsl_dpaa", "fsl_dpaa2_eth", "cpsw",    "netsec",
};

static bool has_xmit(const struct link *k)
{
	if (k->xdp_known)
		return k->xdp & FEATURES_XDP_XMIT;
	for (size_t i = 0; i < SL_ARRAY_SIZE(xmit_drivers); i++)
		if (!strcmp(k->driver, xmit_drivers[i]))
			return true;
	return false;
}

static bool wants_target(const struct link *k)
{
	return k->ethernet && (k->flags & IFF_UP) && !(k->flags & IFF_LOOPBACK) && has_xmit(k);
}

static struct link **bucket_of(struct links *l, uint32_t ifindex)
{
	return &l->bucket[ifindex % BUCKETS];
}

struct link *links_find(struct links *l, uint32_t ifindex)
{
	struct link *k = *bucket_of(l, ifindex);

	while (k && k->ifindex != ifindex)
		k = k->chain;
	return k;
}

struct link *links_first(struct links *l)
{
	return l->first;
}

/* -- sl_targets -- */

static int target_add(const struct links *l, uint32_t ifindex)
{
	struct bpf_devmap_val value = { .ifindex = ifindex };

	if (l->targets_fd < 0)
		return 0;
	if (!bpf_map_lookup_elem(l->targets_fd, &ifindex, &value))
		return 0;
	value = (struct bpf_devmap_val){ .ifindex = ifindex };
	return bpf_map_update_elem(l->targets_fd, &ifindex, &value, BPF_ANY);
}

/* Bring one link's being a target up to date. A full sl_targets makes no target. */
static void evaluate(struct links *l, struct link *k)
{
	bool want = wants_target(k) && !target_add(l, k->ifindex);

	k->leaves = want ? false : k->leaves || k->target;
	if (want != k->target)
		l->changed = true;
	k->target = want;
}

/* Keys of links that are no target: of an earlier process, or gone. */
static void prune(struct links *l)
{
	uint32_t key, next, *at = NULL;

	while (!bpf_map_get_next_key(l->targets_fd, at, &next)) {
		const struct link *k = links_find(l, next);

		if (k && k->target) {
			key = next;
			at = &key;
		} else if (bpf_map_delete_elem(l->targets_fd, &next)) {
			return;
		}
	}
	l->stale_keys = false;
}

void links_settle(struct links *l)
{
	if (l->targets_fd < 0)
		return;
	for (struct link *k = l->first; k; k = k->next) {
		if (k->leaves)
			(void)bpf_map_delete_elem(l->targets_fd, &k->ifindex);
		k->leaves = false;
	}
	if (l->stale_keys)
		prune(l);
}

/* -- XDP features -- */

static void on_features(void *arg, uint32_t ifindex, uint64_t xdp)
{
	struct link *k = links_find(arg, ifindex);

	if (!k)
		return;
	k->xdp = xdp;
	k->xdp_known = true;
}

int links_fd(const struct links *l)
{
	return features_fd(&l->features);
}

int links_read(struct links *l, bool *ret_changed)
{
	int err;

	l->changed = false;
	err = features_listen(&l->features, on_features, l);
	for (struct link *k = l->first; k; k = k->next)
		evaluate(l, k);
	if (l->changed)
		*ret_changed = true;
	return err;
}

/* -- links -- */

static void read_driver(const struct links *l, struct link *k)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq req = { .ifr_data = (void *)&info };

	memcpy(req.ifr_name, k->name, sizeof(req.ifr_name));
	k->driver[0] = '\0';
	if (!ioctl(l->ioctl_fd, SIOCETHTOOL, &req))
		(void)str_copy(k->driver, sizeof(k->driver), info.driver);
}

static struct link *add_link(struct links *l, uint32_t ifindex)
{
	struct link *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->ifindex = ifindex;
	k->next = l->first;
	l->first = k;
	k->chain = *bucket_of(l, ifindex);
	*bucket_of(l, ifindex) = k;
	return k;
}

static void remove_link(struct links *l, struct link *gone)
{
	struct link **at = bucket_of(l, gone->ifindex);

	while (*at != gone)
		at = &(*at)->chain;
	*at = gone->chain;
	for (at = &l->first; *at != gone; at = &(*at)->next)
		;
	*at = gone->next;
	/* The kernel has taken it out of sl_targets, or moved it elsewhere. */
	l->stale_keys = l->changed = true;
	free(gone);
}

static void copy_text(char *to, size_t size, const struct nlattr *a)
{
	size_t len = a ? mnl_attr_get_payload_len(a) : 0;

	len = len < size ? len : size - 1;
	if (len)
		memcpy(to, mnl_attr_get_payload(a), len);
	to[len] = '\0';
}

/* Take over what @nlh says of @k. */
static void fill(struct links *l, struct link *k, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a[IFLA_LINKINFO + 1], *info[IFLA_INFO_KIND + 1];
	struct link old = *k;

	nl_attrs(nlh, sizeof(*m), a, SL_ARRAY_SIZE(a));
	nl_nested(a[IFLA_LINKINFO], info, SL_ARRAY_SIZE(info));
	k->flags = m->ifi_flags;
	k->ethernet = m->ifi_type == ARPHRD_ETHER;
	k->mtu = nl_u32(a[IFLA_MTU], k->mtu);
	if (a[IFLA_ADDRESS] && mnl_attr_get_payload_len(a[IFLA_ADDRESS]) == sizeof(k->mac))
		memcpy(k->mac, mnl_attr_get_payload(a[IFLA_ADDRESS]), sizeof(k->mac));
	if (a[IFLA_IFNAME])
		copy_text(k->name, sizeof(k->name), a[IFLA_IFNAME]);
	if (a[IFLA_LINKINFO])
		copy_text(k->kind, sizeof(k->kind), info[IFLA_INFO_KIND]);
	if (strcmp(k->name, old.name))
		read_driver(l, k);
	if (((k->flags ^ old.flags) & FLAGS_USED) || k->mtu != old.mtu ||
	    k->ethernet != old.ethernet || memcmp(k->mac, old.mac, sizeof(k->mac)) ||
	    strcmp(k->name, old.name))
		l->changed = true;
}

/* Returns the link that @nlh tells of, made if it is new; NULL if it is none. */
static struct link *apply_link(struct links *l, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(nlh);
	struct link *k;

	/* A bridge's ports come under AF_BRIDGE: their leaving is not the link's end. */
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*m) || m->ifi_family != AF_UNSPEC ||
	    m->ifi_index <= 0)
		return NULL;
	k = links_find(l, (uint32_t)m->ifi_index);
	if (nlh->nlmsg_type == RTM_DELLINK) {
		if (k)
			remove_link(l, k);
		return NULL;
	}
	if (!k)
		k = add_link(l, (uint32_t)m->ifi_index);
	if (k)
		fill(l, k, nlh);
	return k;
}

bool links_event(struct links *l, const struct nlmsghdr *nlh)
{
	struct link *k;

	l->changed = false;
	k = apply_link(l, nlh);
	if (k) {
		(void)features_read(&l->features, k->ifindex, on_features, l);
		evaluate(l, k);
	}
	return l->changed;
}

static int on_link(void *arg, const struct nlmsghdr *nlh)
{
	struct link *k = apply_link(arg, nlh);

	if (k)
		k->seen = true;
	return 0;
}

int links_refresh(struct links *l, bool *ret_changed)
{
	char buf[NL_REQUEST_SIZE];
	struct ifinfomsg *m;
	struct nlmsghdr *nlh;
	struct link *k, *next;
	int err;

	l->changed = false;
	for (k = l->first; k; k = k->next)
		k->seen = false;
	nlh = nl_request(buf, RTM_GETLINK, NLM_F_DUMP, sizeof(*m), (void **)&m);
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	err = nl_dump(&l->route, nlh, on_link, l);
	if (!err)
		err = features_read(&l->features, 0, on_features, l);
	if (err)
		return err;
	for (k = l->first; k; k = next) {
		next = k->next;
		if (k->seen)
			evaluate(l, k);
		else
			remove_link(l, k);
	}
	l->stale_keys = true;
	if (l->changed)
		*ret_changed = true;
	return 0;
}

static void links_closep(struct links **l)
{
	links_close(*l);
}

int links_open(int targets_fd, struct links **ret)
{
	sl_cleanup(links_closep) struct links *l = calloc(1, sizeof(*l));
	bool changed;
	int err;

	if (!l)
		return -ENOMEM;
	l->targets_fd = targets_fd;
	l->ioctl_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (l->ioctl_fd < 0)
		return -errno;
	err = nl_open(NETLINK_ROUTE, &l->route);
	if (!err)
		err = features_open(&l->features);
	if (!err)
		err = links_refresh(l, &changed);
	if (err)
		return err;
	*ret = sl_take(l);
	return 0;
}

void links_close(struct links *l)
{
	if (!l)
		return;

	nl_close(&l->route);
	features_close(&l->features);
	if (l->ioctl_fd >= 0)
		close(l->ioctl_fd);
	for (struct link *k = l->first, *next; k; k = next) {
		next = k->next;
		free(k);
	}
	free(l);
}
