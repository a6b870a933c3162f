// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>
#include <linux/rtnetlink.h>
#include "../common/addr.h"
#include "nexthop.h"

/* NDA_PROTOCOL of neighbours that are managed for us ('S'; free in rtnetlink.h,
 * shown by ip neigh as "proto 83"), so that a restarted daemon knows its own.
 */
#define OUR_PROTOCOL 83

static uint8_t family_of(const struct sl_addr *a)
{
	return addr_is_v4(a) ? AF_INET : AF_INET6;
}

static void put_addr(struct nlmsghdr *nlh, uint16_t type, const struct sl_addr *a)
{
	if (addr_is_v4(a))
		mnl_attr_put(nlh, type, sizeof(a->w[3]), &a->w[3]);
	else
		mnl_attr_put(nlh, type, sizeof(*a), a);
}

static bool get_bytes(const void *bytes, size_t len, uint8_t family, struct sl_addr *ret)
{
	struct sl_addr a = { .w = { 0, 0, bpf_htonl(0xffff), 0 } };

	if (family == AF_INET && len == sizeof(a.w[3]))
		memcpy(&a.w[3], bytes, len);
	else if (family == AF_INET6 && len == sizeof(a))
		memcpy(&a, bytes, len);
	else
		return false;
	*ret = a;
	return true;
}

static bool get_addr(const struct nlattr *a, uint8_t family, struct sl_addr *ret)
{
	return a && get_bytes(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a), family, ret);
}

/* RTA_VIA: a gateway of another family than the destination's. */
static bool get_via(const struct nlattr *a, struct sl_addr *ret)
{
	struct rtvia via;
	size_t len = a ? mnl_attr_get_payload_len(a) : 0;

	if (len < sizeof(via))
		return false;
	memcpy(&via, mnl_attr_get_payload(a), sizeof(via));
	return get_bytes((const char *)mnl_attr_get_payload(a) + sizeof(via), len - sizeof(via),
			 (uint8_t)via.rtvia_family, ret);
}

static int on_route(void *arg, const struct nlmsghdr *nlh)
{
	const struct nlattr *a[RTA_MAX + 1], *metrics[RTAX_MTU + 1];
	const struct rtmsg *m = mnl_nlmsg_get_payload(nlh);
	struct nexthop_route *r = arg;

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*m))
		return 0;
	nl_attrs(nlh, sizeof(*m), a, SL_ARRAY_SIZE(a));
	nl_nested(a[RTA_METRICS], metrics, SL_ARRAY_SIZE(metrics));
	r->ifindex = nl_u32(a[RTA_OIF], 0);
	r->mtu = nl_u32(metrics[RTAX_MTU], 0);
	if (m->rtm_type == RTN_LOCAL)
		r->kind = NEXTHOP_LOCAL;
	else if (m->rtm_type == RTN_UNICAST && r->ifindex)
		r->kind = NEXTHOP_VIA;
	if (!get_addr(a[RTA_GATEWAY], m->rtm_family, &r->via))
		(void)get_via(a[RTA_VIA], &r->via);
	return 0;
}

/* Errors that are an answer: there is no way. */
static bool says_no(int err)
{
	switch (-err) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case ENODEV:
	case EACCES: /* prohibit */
	case EINVAL: /* blackhole */
	case EAGAIN: /* throw */
	case ESRCH:
		return true;
	default:
		return false;
	}
}

int nexthop_route(struct nl *s, const struct sl_addr *dst, struct nexthop_route *ret)
{
	struct nexthop_route r = { .kind = NEXTHOP_NONE, .via = *dst };
	char buf[NL_REQUEST_SIZE];
	struct nlmsghdr *nlh;
	struct rtmsg *m;
	int err;

	nlh = nl_request(buf, RTM_GETROUTE, 0, sizeof(*m), (void **)&m);
	m->rtm_family = family_of(dst);
	m->rtm_dst_len = addr_is_v4(dst) ? 32 : 128;
	put_addr(nlh, RTA_DST, dst);
	err = nl_talk(s, nlh, on_route, &r);
	if (err && !says_no(err))
		return err;
	if (err)
		r.kind = NEXTHOP_NONE;
	*ret = r;
	return 0;
}

bool nexthop_route_event(const struct nlmsghdr *nlh, struct sl_addr *ret, uint8_t *ret_len)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a[RTA_DST + 1];
	struct sl_addr any = { .w = { 0 } };
	bool v4;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*m) || (m->rtm_flags & RTM_F_CLONED))
		return false;
	v4 = m->rtm_family == AF_INET;
	if ((!v4 && m->rtm_family != AF_INET6) || m->rtm_dst_len > (v4 ? 32 : 128))
		return false;
	nl_attrs(nlh, sizeof(*m), a, SL_ARRAY_SIZE(a));
	if (v4)
		any.w[2] = bpf_htonl(0xffff);
	if (!get_addr(a[RTA_DST], m->rtm_family, &any) && m->rtm_dst_len)
		return false;
	*ret = any;
	*ret_len = (uint8_t)(m->rtm_dst_len + (v4 ? ADDR_V4_BITS : 0));
	return true;
}

bool nexthop_neighbour_event(const struct nlmsghdr *nlh, struct nexthop_neighbour *ret)
{
	const struct ndmsg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a[NDA_FLAGS_EXT + 1];
	struct nexthop_neighbour n = { 0 };

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*m) || (m->ndm_flags & NTF_PROXY))
		return false;
	nl_attrs(nlh, sizeof(*m), a, SL_ARRAY_SIZE(a));
	if (!get_addr(a[NDA_DST], m->ndm_family, &n.addr))
		return false;
	n.ifindex = (uint32_t)m->ndm_ifindex;
	n.state = nlh->nlmsg_type == RTM_DELNEIGH ? NUD_NONE : m->ndm_state;
	n.flags = m->ndm_flags;
	n.managed = nl_u32(a[NDA_FLAGS_EXT], 0) & NTF_EXT_MANAGED;
	n.ours = n.managed && a[NDA_PROTOCOL] && mnl_attr_get_payload_len(a[NDA_PROTOCOL]) &&
		 mnl_attr_get_u8(a[NDA_PROTOCOL]) == OUR_PROTOCOL;
	if (a[NDA_LLADDR] && mnl_attr_get_payload_len(a[NDA_LLADDR]) == sizeof(n.mac)) {
		memcpy(n.mac, mnl_attr_get_payload(a[NDA_LLADDR]), sizeof(n.mac));
		n.has_mac = true;
	}
	*ret = n;
	return true;
}

static int on_neighbour(void *arg, const struct nlmsghdr *nlh)
{
	struct nexthop_neighbour n, *want = arg;

	if (nlh->nlmsg_type == RTM_NEWNEIGH && nexthop_neighbour_event(nlh, &n) &&
	    n.ifindex == want->ifindex && addr_equal(&n.addr, &want->addr))
		*want = n;
	return 0;
}

static struct nlmsghdr *begin(char buf[NL_REQUEST_SIZE], uint16_t type, uint16_t flags,
			      const struct nexthop_neighbour *n)
{
	struct nlmsghdr *nlh;
	struct ndmsg *m;

	nlh = nl_request(buf, type, flags, sizeof(*m), (void **)&m);
	m->ndm_family = family_of(&n->addr);
	m->ndm_ifindex = (int)n->ifindex;
	put_addr(nlh, NDA_DST, &n->addr);
	return nlh;
}

int nexthop_neighbour(struct nl *s, struct nexthop_neighbour *n)
{
	struct nexthop_neighbour found = { .ifindex = n->ifindex, .addr = n->addr };
	char buf[NL_REQUEST_SIZE];
	struct nlmsghdr *nlh = begin(buf, RTM_GETNEIGH, 0, n);
	int err = nl_talk(s, nlh, on_neighbour, &found);

	if (err && err != -ENOENT)
		return err;
	*n = found;
	return 0;
}

int nexthop_dump(struct nl *s, nl_fn fn, void *arg)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	char buf[NL_REQUEST_SIZE];
	struct nlmsghdr *nlh;
	struct ndmsg *m;
	int err = 0;

	for (size_t i = 0; !err && i < SL_ARRAY_SIZE(families); i++) {
		nlh = nl_request(buf, RTM_GETNEIGH, NLM_F_DUMP, sizeof(*m), (void **)&m);
		m->ndm_family = families[i];
		err = nl_dump(s, nlh, fn, arg);
	}
	return err;
}

int nexthop_care(struct nl *s, const struct nexthop_neighbour *n, enum nexthop_care care)
{
	char buf[NL_REQUEST_SIZE];
	struct nlmsghdr *nlh =
		begin(buf, RTM_NEWNEIGH, care == NEXTHOP_RELEASE ? 0 : NLM_F_CREATE, n);
	struct ndmsg *m = mnl_nlmsg_get_payload(nlh);

	/* What is not repeated is cleared: a control plane's mark, or a router's. */
	m->ndm_flags = n->flags & (NTF_EXT_LEARNED | NTF_ROUTER);
	/* With NTF_USE (or managed) the state is the kernel's to choose. */
	m->ndm_flags |= NTF_USE;
	if (care == NEXTHOP_MANAGE) {
		mnl_attr_put_u32(nlh, NDA_FLAGS_EXT, NTF_EXT_MANAGED);
		mnl_attr_put_u8(nlh, NDA_PROTOCOL, OUR_PROTOCOL);
	}
	return nl_talk(s, nlh, NULL, NULL);
}
