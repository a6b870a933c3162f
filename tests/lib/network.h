/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A network namespace of the test's own, whose routes and neighbours make the
 * answers of bpf_fib_lookup: dev0 (MTU 1300) leads to devices, dev2 to others.
 */
#ifndef TEST_NETWORK_H
#define TEST_NETWORK_H

#include <net/if.h>
#include <sched.h>
#include "bed.h"

static inline void network_sh(const char *command)
{
	if (system(command))
		fail_msg("failed: %s", command);
}

static inline void network_make(void)
{
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	network_sh("ip link set lo up");
	network_sh("ip link add dev0 type veth peer name dev1");
	network_sh("ip link add dev2 type veth peer name dev3");
	network_sh("ip link set dev0 mtu 1300 up && ip link set dev1 mtu 1300 up");
	network_sh("ip link set dev2 up && ip link set dev3 up");
	network_sh("echo 1 >/proc/sys/net/ipv4/ip_forward");
	network_sh("echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
	network_sh("ip addr add 198.51.100.254/24 dev dev0");
	network_sh("ip addr add 192.0.2.254/24 dev dev2");
	network_sh("ip -6 addr add 2001:db8:5::fe/64 dev dev0 nodad");
	network_sh("ip neigh add 198.51.100.1 lladdr 02:00:00:00:05:01 dev dev0 nud permanent");
	network_sh("ip neigh add 192.0.2.1 lladdr 02:00:00:00:05:02 dev dev2 nud permanent");
	network_sh("ip -6 neigh add 2001:db8:5::1 lladdr 02:00:00:00:05:01 dev dev0 nud permanent");
	network_sh("ip route add unreachable 100.64.0.0/10");
}

/* Let the program redirect to @ifname. */
static inline void network_target(struct bed *b, const char *ifname)
{
	struct bpf_devmap_val val = { .ifindex = if_nametoindex(ifname), .bpf_prog.fd = -1 };

	assert_true(val.ifindex);
	bed_update(b->skel->maps.sl_targets, &val.ifindex, &val);
}

#endif /* TEST_NETWORK_H */
