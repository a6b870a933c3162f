// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>
#include <linux/genetlink.h>
#include <sluice/base.h>
#include "features.h"

/* Of linux/netdev.h, which Debian 12's headers do not have. */
#define NETDEV_FAMILY	      "netdev"
#define NETDEV_GROUP	      "mgmt"
#define NETDEV_VERSION	      1
#define NETDEV_DEV_GET	      1
#define NETDEV_DEV_DEL_NTF    3
#define NETDEV_A_IFINDEX      1
#define NETDEV_A_XDP_FEATURES 3
#define NETDEV_A_N	      4

/* A reader and the socket's state, for the callback of netlink. */
struct reader {
	const struct features *f;
	features_fn fn;
	void *arg;
};

static int on_device(void *arg, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *h = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a[NETDEV_A_N];
	const struct reader *r = arg;

	if (nlh->nlmsg_type != r->f->family || mnl_nlmsg_get_payload_len(nlh) < sizeof(*h) ||
	    h->cmd == NETDEV_DEV_DEL_NTF)
		return 0;
	nl_attrs(nlh, sizeof(*h), a, NETDEV_A_N);
	if (a[NETDEV_A_IFINDEX] && a[NETDEV_A_XDP_FEATURES])
		r->fn(r->arg, nl_u32(a[NETDEV_A_IFINDEX], 0), nl_u64(a[NETDEV_A_XDP_FEATURES], 0));
	return 0;
}

int features_read(struct features *f, uint32_t ifindex, features_fn fn, void *arg)
{
	struct reader r = { .f = f, .fn = fn, .arg = arg };
	char buf[NL_REQUEST_SIZE];
	struct genlmsghdr *h;
	struct nlmsghdr *nlh;

	if (!f->family)
		return 0;
	nlh = nl_request(buf, f->family, ifindex ? 0 : NLM_F_DUMP, sizeof(*h), (void **)&h);
	h->cmd = NETDEV_DEV_GET;
	h->version = NETDEV_VERSION;
	if (!ifindex)
		return nl_dump(&f->ask, nlh, on_device, &r);
	mnl_attr_put_u32(nlh, NETDEV_A_IFINDEX, ifindex);
	return nl_talk(&f->ask, nlh, on_device, &r);
}

static bool is_group(const struct nlattr *name)
{
	size_t len = name ? mnl_attr_get_payload_len(name) : 0;

	return len == sizeof(NETDEV_GROUP) &&
	       !memcmp(mnl_attr_get_payload(name), NETDEV_GROUP, sizeof(NETDEV_GROUP));
}

static int on_family(void *arg, const struct nlmsghdr *nlh)
{
	const struct nlattr *a[CTRL_ATTR_MCAST_GROUPS + 1], *g[CTRL_ATTR_MCAST_GRP_ID + 1];
	const struct nlattr *group;
	struct features *f = arg;

	nl_attrs(nlh, sizeof(struct genlmsghdr), a, SL_ARRAY_SIZE(a));
	if (a[CTRL_ATTR_FAMILY_ID] && mnl_attr_get_payload_len(a[CTRL_ATTR_FAMILY_ID]) >= 2)
		f->family = mnl_attr_get_u16(a[CTRL_ATTR_FAMILY_ID]);
	if (!a[CTRL_ATTR_MCAST_GROUPS])
		return 0;
	mnl_attr_for_each_nested(group, a[CTRL_ATTR_MCAST_GROUPS])
	{
		nl_nested(group, g, SL_ARRAY_SIZE(g));
		if (is_group(g[CTRL_ATTR_MCAST_GRP_NAME]))
			f->group = nl_u32(g[CTRL_ATTR_MCAST_GRP_ID], 0);
	}
	return 0;
}

int features_open(struct features *f)
{
	char buf[NL_REQUEST_SIZE];
	struct genlmsghdr *h;
	struct nlmsghdr *nlh;
	int err = nl_open(NETLINK_GENERIC, &f->ask);

	if (err)
		return err;
	nlh = nl_request(buf, GENL_ID_CTRL, 0, sizeof(*h), (void **)&h);
	h->cmd = CTRL_CMD_GETFAMILY;
	h->version = 1;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, NETDEV_FAMILY);
	err = nl_talk(&f->ask, nlh, on_family, f);
	if (err || !f->family || !f->group)
		return err == -ENOENT ? 0 : err;
	err = nl_open(NETLINK_GENERIC, &f->events);
	return err ? err : nl_join(&f->events, f->group);
}

void features_close(struct features *f)
{
	nl_close(&f->ask);
	nl_close(&f->events);
}

int features_fd(const struct features *f)
{
	return f->events.sock ? nl_fd(&f->events) : -1;
}

int features_listen(struct features *f, features_fn fn, void *arg)
{
	struct reader r = { .f = f, .fn = fn, .arg = arg };

	return f->events.sock ? nl_listen(&f->events, on_device, &r) : 0;
}
