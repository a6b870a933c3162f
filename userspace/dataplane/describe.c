// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a person should know of a link, and do about it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include "../common/cleanup.h"
#include "../common/str.h"
#include "describe.h"
#include "features.h"

#define IPV6_MIN_MTU 1280

/* False where it cannot be asked: then nothing is to be done about it. */
static bool has_tx_checksum(const char *name)
{
	sl_autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_value value = { .cmd = ETHTOOL_GTXCSUM };
	struct ifreq req = { .ifr_data = (void *)&value };

	memcpy(req.ifr_name, name, sizeof(req.ifr_name));
	return fd >= 0 && !ioctl(fd, SIOCETHTOOL, &req) && value.data;
}

/* Is the switch below /proc/sys/net on? */
static bool is_on(const char *folder, const char *link, const char *name)
{
	char path[128], value = '0';
	struct str s = str_over(path, sizeof(path));
	sl_autoclose int fd = -1;

	str_add(&s, "/proc/sys/net/%s%s%s", folder, link, name);
	if (s.cut)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &value, 1) == 1 && value != '0';
}

static void advise(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void advise(struct str *s, const char *fmt, ...)
{
	va_list ap;

	if (s->len)
		str_add(s, "; ");
	va_start(ap, fmt);
	str_addv(s, fmt, ap);
	va_end(ap);
}

static void advise_target(struct str *s, const struct link *k)
{
	if (!strcmp(k->kind, "veth"))
		advise(s, "no redirect into it: run \"ethtool -K PEER gro on\" at its peer, or "
			  "attach an XDP program there");
	else if (!strcmp(k->kind, "bridge"))
		advise(s, "a bridge is no redirect target: the kernel forwards; for speed let "
			  "instances be reached by a port of it or without it");
	else if (!k->ethernet)
		advise(s, "no Ethernet, no redirect target: the kernel forwards");
	else
		advise(s,
		       "driver %s takes no redirected frames (it may need XDP attached, or more "
		       "queues): the kernel forwards",
		       k->driver[0] ? k->driver : "unknown");
}

/* bpf_fib_lookup obeys these switches, and so does what the stack steers. Names
 * may have dots, hence the slashes.
 */
static void advise_forwarding(struct str *s, const struct neigh_link *d)
{
	if (!d->forwarding4 && !is_on("ipv4/", "", "ip_forward"))
		advise(s, "ip_forward is 0: sysctl -w net.ipv4.ip_forward=1");
	else if (!d->forwarding4)
		advise(s, "IPv4 forwarding is off: sysctl -w net/ipv4/conf/%s/forwarding=1",
		       d->name);
	if (!d->forwarding6)
		advise(s, "IPv6 forwarding is off: sysctl -w net/ipv6/conf/all/forwarding=1");
}

void describe_link(const struct link *k, struct neigh_link *ret)
{
	struct neigh_link d = {
		.ifindex = (int)k->ifindex,
		.mtu = k->mtu,
		.up = k->flags & IFF_UP,
		.target = k->target,
		.tx_checksum = has_tx_checksum(k->name),
		.forwarding4 = is_on("ipv4/conf/", k->name, "/forwarding"),
		.forwarding6 = is_on("ipv6/conf/", k->name, "/forwarding"),
	};
	struct str s = str_over(d.advice, sizeof(d.advice));

	memcpy(d.name, k->name, sizeof(d.name));
	memcpy(d.driver, k->driver[0] ? k->driver : k->kind,
	       k->driver[0] ? sizeof(k->driver) : sizeof(k->kind));
	if (!d.up)
		advise(&s, "it is down: ip link set %s up", d.name);
	else if (!d.target)
		advise_target(&s, k);
	advise_forwarding(&s, &d);
	if (d.mtu < IPV6_MIN_MTU)
		advise(&s, "MTU %u is below IPv6's %u", d.mtu, IPV6_MIN_MTU);
	if (k->xdp_known && !(k->xdp & FEATURES_XDP_REDIRECT) && d.target)
		advise(&s, "its driver's native XDP cannot redirect: attach in generic mode");
	*ret = d;
}
