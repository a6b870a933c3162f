// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <bpf/bpf.h>
#include "../common/cleanup.h"
#include "../dataplane/nexthop.h"
#include "ground_own.h"

static void nl_closep(struct nl *s)
{
	nl_close(s);
}

/* The link's own address and MTU. */
static int link_of(uint32_t ifindex, struct sl_hop *ret)
{
	sl_autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq name = {}, mac, mtu;

	if (fd < 0 || !if_indextoname(ifindex, name.ifr_name))
		return -errno;
	mac = mtu = name;
	if (ioctl(fd, SIOCGIFHWADDR, &mac) || ioctl(fd, SIOCGIFMTU, &mtu))
		return -errno;
	memcpy(ret->smac, mac.ifr_hwaddr.sa_data, sizeof(ret->smac));
	ret->mtu = mtu.ifr_mtu;
	return 0;
}

int ground_hop(const struct sl_addr *to, struct sl_hop *ret)
{
	sl_cleanup(nl_closep) struct nl s = {};
	struct nexthop_neighbour n = {};
	struct nexthop_route r;
	int err = nl_open(NETLINK_ROUTE, &s);

	*ret = (struct sl_hop){};
	if (!err)
		err = nexthop_route(&s, to, &r);
	if (err || r.kind != NEXTHOP_VIA)
		return err;
	n.ifindex = r.ifindex;
	n.addr = r.via;
	err = nexthop_neighbour(&s, &n);
	/* Not resolved: the kernel would forward, as on a node that has just begun. */
	if (err || !n.has_mac || !(n.state & NEXTHOP_VALID))
		return err;
	err = link_of(r.ifindex, ret);
	if (err)
		return err;
	memcpy(ret->dmac, n.mac, sizeof(ret->dmac));
	if (r.mtu && r.mtu < ret->mtu)
		ret->mtu = r.mtu;
	ret->ifindex = r.ifindex;
	return 0;
}

int ground_targets(int targets_fd)
{
	struct if_nameindex *links = if_nameindex();
	int err = links ? 0 : -errno;

	for (struct if_nameindex *l = links; l && l->if_index && !err; l++) {
		struct bpf_devmap_val val = { .ifindex = l->if_index, .bpf_prog.fd = -1 };

		/* An answer that goes back the way it came is sent, not redirected. */
		if (strcmp(l->if_name, "lo"))
			err = bpf_map_update_elem(targets_fd, &val.ifindex, &val, BPF_ANY);
	}
	if_freenameindex(links);
	return err;
}
