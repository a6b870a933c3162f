// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* doctor: interfaces, what can be redirected to, and the way to instances. */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include "../common/addr.h"
#include "../common/cleanup.h"
#include "api.h"
#include "doctor.h"

#define MTU_NATIVE_MAX 3498 /* of a program without multi-buffer support, page size 4096 */

static const struct neigh_link *link_by_name(const struct doctor *doc, const char *name)
{
	for (size_t i = 0; i < doc->n_links; i++)
		if (!strcmp(doc->links[i].name, name))
			return &doc->links[i];
	return NULL;
}

static const struct neigh_link *link_by_index(const struct doctor *doc, uint32_t ifindex)
{
	for (size_t i = 0; i < doc->n_links; i++)
		if ((uint32_t)doc->links[i].ifindex == ifindex)
			return &doc->links[i];
	return NULL;
}

/* A one-digit sysctl; -1: there is none. */
static int sysctl_digit(const char *path)
{
	sl_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	char digit;

	return fd >= 0 && read(fd, &digit, 1) == 1 && isdigit((unsigned char)digit) ? digit - '0'
										    : -1;
}

/* -- attached interfaces -- */

/* What was said when native XDP was refused on @name. */
static const char *why_generic(const struct daemon *d, const char *name)
{
	const struct event *ev;
	const char *why = NULL;

	for (uint64_t seq = 0; (ev = events_after(d->events, seq)); seq = ev->seq)
		if (ev->level == LOG_WARN && strstr(ev->text, name) && strstr(ev->text, "generic"))
			why = ev->text;
	return why;
}

static void check_mode(struct doctor *doc, const struct daemon_interface *i,
		       const struct neigh_link *l)
{
	const char *why = why_generic(doc->d, i->name);
	char check[48];

	snprintf(check, sizeof(check), "xdp %s", i->name);
	if (i->mode == LINK_NATIVE)
		doctor_say(doc, check, DOCTOR_OK, "", "native (driver %s)", l ? l->driver : "?");
	else if (i->mode == LINK_NONE)
		doctor_say(doc, check, DOCTOR_FAIL,
			   "sluicectl events tells why; correct it and run: sluicectl reload",
			   "nothing is attached");
	else if (l && l->mtu > MTU_NATIVE_MAX)
		doctor_say(doc, check, DOCTOR_WARN, "lower the MTU to 3498 or less and reload",
			   "generic: the MTU of %u is too large for native XDP", l->mtu);
	else
		doctor_say(doc, check, DOCTOR_WARN,
			   "slow, and blind to checksum offload: use a NIC whose driver has native "
			   "XDP, "
			   "or as many free queues as CPUs (ethtool -L)",
			   "generic (driver %s)%s%s", l ? l->driver : "?", why ? ": " : "",
			   why ? why : "");
}

/* The look-up of the way back to a device obeys these switches, too. */
static void check_forwarding(struct doctor *doc, const struct neigh_link *l)
{
	bool off4 = doc->serves[0] && !l->forwarding4, off6 = doc->serves[1] && !l->forwarding6;
	char check[48], advice[DOCTOR_TEXT];

	snprintf(check, sizeof(check), "forwarding %s", l->name);
	/* Names may have dots, hence the slashes. */
	snprintf(advice, sizeof(advice), "sysctl -w%s%s%s%s",
		 off4 ? " net/ipv4/ip_forward=1 net/ipv4/conf/" : "", off4 ? l->name : "",
		 off4 ? "/forwarding=1" : "", off6 ? " net/ipv6/conf/all/forwarding=1" : "");
	doctor_say(doc, check, off4 || off6 ? DOCTOR_FAIL : DOCTOR_OK, advice, "IPv4 %s, IPv6 %s%s",
		   l->forwarding4 ? "on" : "off", l->forwarding6 ? "on" : "off",
		   off4 || off6 ? ": answers find no way to the devices" : "");
}

/* Strict reverse path filtering drops rewritten packets that come by another way
 * than the kernel would answer.
 */
static void check_rp_filter(struct doctor *doc, const struct neigh_link *l)
{
	char check[48], path[96], advice[DOCTOR_TEXT];
	int all = sysctl_digit("/proc/sys/net/ipv4/conf/all/rp_filter"), own;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", l->name);
	own = sysctl_digit(path);
	if (own < 0 || all < 0)
		return;
	snprintf(check, sizeof(check), "rp_filter %s", l->name);
	snprintf(advice, sizeof(advice),
		 "where devices are not reached by the interface they come from: "
		 "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.%.15s.rp_filter=2",
		 l->name);
	doctor_say(doc, check, (own > all ? own : all) == 1 ? DOCTOR_WARN : DOCTOR_OK, advice, "%s",
		   (own > all ? own : all) == 1 ? "strict" : "not strict");
}

static void check_offload(struct doctor *doc, const struct neigh_link *l)
{
	char check[48];

	if (strcmp(l->driver, "veth"))
		return;
	snprintf(check, sizeof(check), "offload %s", l->name);
	doctor_say(
		doc, check, l->tx_checksum ? DOCTOR_WARN : DOCTOR_OK,
		"ethtool -K IF tx off, on the end that sends: the peer's setting is not seen here",
		"veth%s",
		l->tx_checksum ? " with tx checksum offload: frames of a local stack "
				 "have partial sums, which native XDP must not forward"
			       : ", tx checksum offload off");
}

/* Attached, or the way to an instance. Where an instance's link cannot be
 * redirected to, its record does not say which it is: then all that are up.
 */
static bool is_ours(const struct doctor *doc, const struct neigh_link *l)
{
	for (const struct daemon_interface *i = doc->d->interfaces; i; i = i->next)
		if (!strcmp(i->name, l->name))
			return true;
	for (struct live_service *s = registry_services(doc->d->registry); s; s = s->next) {
		for (struct live_instance *i = s->instances; i; i = i->next) {
			const struct sl_instance *k = &doc->d->dp->instances[i->id];

			if (k->hops[k->hop & 1].ifindex == (uint32_t)l->ifindex ||
			    (i->hop == HOP_STACK && l->up && strcmp(l->name, "lo")))
				return true;
		}
	}
	return false;
}

static void check_target(struct doctor *doc, const struct neigh_link *l)
{
	char check[48];

	snprintf(check, sizeof(check), "link %s", l->name);
	doctor_say(doc, check, l->target && l->up ? DOCTOR_OK : DOCTOR_WARN,
		   l->up ? l->advice : "ip link set it up", "driver %s, MTU %u, %s, %s",
		   l->driver[0] ? l->driver : "?", l->mtu, l->up ? "up" : "down",
		   l->target ? "can be redirected to" : "cannot be redirected to");
}

static void find_families(struct doctor *doc)
{
	for (struct live_service *s = registry_services(doc->d->registry); s; s = s->next)
		doc->serves[!addr_is_v4(&s->key.addr)] = true;
}

void doctor_links(struct doctor *doc)
{
	find_families(doc);
	for (const struct daemon_interface *i = doc->d->interfaces; i; i = i->next) {
		const struct neigh_link *l = link_by_name(doc, i->name);

		check_mode(doc, i, l);
		if (!l)
			continue;
		check_forwarding(doc, l);
		check_rp_filter(doc, l);
		check_offload(doc, l);
	}
	for (size_t i = 0; i < doc->n_links; i++)
		if (is_ours(doc, &doc->links[i]))
			check_target(doc, &doc->links[i]);
}

/* -- instances -- */

static void say_hop(struct doctor *doc, const struct live_instance *i, enum doctor_state state,
		    const char *advice, const char *text)
{
	char check[2 * SL_NAME_LEN + 16], addr[ADDR_TEXT];

	snprintf(check, sizeof(check), "instance %s/%s", i->service->name, i->name);
	doctor_say(doc, check, state, advice, "%s: %s", addr_text(&i->addr, addr), text);
}

static void check_hop(struct doctor *doc, const struct live_instance *i)
{
	switch (i->hop) {
	case HOP_READY:
		break;
	case HOP_UNKNOWN:
		say_hop(doc, i, DOCTOR_FAIL,
			"add a route: ip route get ADDRESS says what is missing", "no route");
		break;
	case HOP_PENDING:
		say_hop(doc, i, DOCTOR_WARN,
			"it answers neither ARP nor neighbour discovery so far: is it running?",
			"its neighbour is not resolved; the kernel forwards meanwhile");
		break;
	case HOP_FAILED:
		say_hop(doc, i, DOCTOR_FAIL, "is it running, and on that network?",
			"the neighbour does not answer");
		break;
	case HOP_STACK:
		say_hop(doc, i, DOCTOR_WARN, "see the check of its link",
			"its link cannot be redirected to: the kernel forwards, more slowly");
		break;
	}
}

/* Packets of devices that fit the interface but not the way to the instance. */
static void check_mtu(struct doctor *doc, const struct live_instance *i)
{
	const struct sl_instance *k = &doc->d->dp->instances[i->id];
	const struct sl_hop *hop = &k->hops[k->hop & 1];
	const struct neigh_link *out = link_by_index(doc, hop->ifindex);
	char text[DOCTOR_TEXT / 2];

	if (!hop->ifindex || !hop->mtu)
		return;
	for (const struct daemon_interface *in = doc->d->interfaces; in; in = in->next) {
		const struct neigh_link *l = link_by_name(doc, in->name);

		if (!l || l->mtu <= hop->mtu)
			continue;
		snprintf(text, sizeof(text),
			 "packets over %u bytes that %s (MTU %u) receives do not fit %s", hop->mtu,
			 l->name, l->mtu, out ? out->name : "its way");
		say_hop(doc, i, DOCTOR_WARN, "raise the MTU towards it, or lower the devices'",
			text);
		return;
	}
}

void doctor_instances(struct doctor *doc)
{
	size_t n = 0, ready = 0, said = 0;

	for (struct live_service *s = registry_services(doc->d->registry); s; s = s->next) {
		for (struct live_instance *i = s->instances; i; i = i->next) {
			n++;
			ready += i->hop == HOP_READY;
			/* Of thousands the first tell enough. */
			if (i->hop != HOP_READY && said++ < API_LIST_LIMIT)
				check_hop(doc, i);
			if (said < API_LIST_LIMIT)
				check_mtu(doc, i);
		}
	}
	if (n)
		doctor_say(doc, "instances", ready == n ? DOCTOR_OK : DOCTOR_WARN,
			   "see the checks of single instances",
			   "%zu of %zu are reached by redirect", ready, n);
}
