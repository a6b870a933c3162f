// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Next hops as routes, neighbours and links change: a veth to another namespace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sys/utsname.h>
#include <bpf/bpf.h>

#include "private_net.h"
#include "common/addr.h"
#include "dataplane/neigh.h"

#define WAIT_S	 20.0 /* managed neighbours that failed are probed again every 5 s */
#define PEER_MAC "02:00:00:00:00:02"
#define OUR_MAC	 "02:00:00:00:00:01"
#define IN_PEER	 "ip netns exec peer "

struct bed {
	struct dataplane *dp;
	struct neigh *n;
	enum neigh_hop_state state[8];
	char ifname[8][IF_NAMESIZE];
	int told[8];
	bool seen[8][HOP_FAILED + 1];
};

static void on_change(void *arg, uint16_t id, enum neigh_hop_state state, const char *ifname)
{
	struct bed *b = arg;

	assert_in_range(id, 1, 7);
	b->state[id] = state;
	b->seen[id][state] = true;
	b->told[id]++;
	snprintf(b->ifname[id], IF_NAMESIZE, "%s", ifname);
}

static const struct sl_hop *hop(const struct bed *b, uint16_t id)
{
	const struct sl_instance *i = &b->dp->instances[id];

	return &i->hops[i->hop & 1];
}

static bool has_mac(const __u8 mac[6], const char *text)
{
	char is[18];

	snprintf(is, sizeof(is), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return !strcmp(is, text);
}

static void watch(struct bed *b, uint16_t id, const char *addr)
{
	struct sl_addr a;

	assert_int_equal(addr_parse(addr, &a), 0);
	assert_int_equal(neigh_watch(b->n, id, &a), 0);
}

/* Serve events until @id is in @state. */
static void await(struct bed *b, uint16_t id, enum neigh_hop_state state)
{
	double end = private_now() + WAIT_S;

	while (b->state[id] != state) {
		struct pollfd p = { .fd = neigh_fd(b->n), .events = POLLIN };

		if (private_now() > end)
			fail_msg("instance %u is in state %d, not %d", id, b->state[id], state);
		if (poll(&p, 1, 100) > 0)
			assert_int_equal(neigh_read(b->n), 0);
	}
}

/* Serve events until the hop's MTU is @mtu. */
static void await_mtu(struct bed *b, uint16_t id, __u32 mtu)
{
	double end = private_now() + WAIT_S;

	while (hop(b, id)->mtu != mtu) {
		struct pollfd p = { .fd = neigh_fd(b->n), .events = POLLIN };

		if (private_now() > end)
			fail_msg("the MTU is %u, not %u", hop(b, id)->mtu, mtu);
		if (poll(&p, 1, 100) > 0)
			assert_int_equal(neigh_read(b->n), 0);
	}
}

static bool is_target(const struct bed *b, __u32 ifindex)
{
	struct bpf_devmap_val v;

	return !bpf_map_lookup_elem(b->dp->targets_fd, &ifindex, &v);
}

static bool neighbour_says(const char *addr, const char *word)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "ip -d neigh show %s | grep -qi '%s'", addr, word);
	return !system(cmd);
}

/* Before 6.3 a kernel does not say which links may be redirected to. */
static bool tells_features(void)
{
	struct utsname u;
	unsigned major = 0, minor = 0;

	return !uname(&u) && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
	       major * 1000 + minor >= 6003;
}

static int setup(void **state)
{
	static const struct model_capacity small = {
		.services = 4,
		.instances = 8,
		.tenants = 4,
		.accounts = 4,
		.prefixes = 4,
		.slots = 1024,
		.pins = 4,
		.half_open = 4,
		.device_lines = 4,
		.tallies = 4,
	};
	struct dataplane_opts opts = { .pin_root = PRIVATE_ROOT, .capacity = small };
	struct dataplane_error e = { "" };
	struct bed *b = calloc(1, sizeof(*b));

	*state = b;
	if (!b || dataplane_remove(PRIVATE_ROOT))
		return -1;
	(void)system("ip link del v0 2>/dev/null; ip netns del peer 2>/dev/null; "
		     "ip route flush type blackhole 2>/dev/null; true");
	if (!run("ip netns add peer && ip link set lo up && ip link add v0 address " OUR_MAC
		 " type veth peer name p0 address " PEER_MAC " netns peer && "
		 "ip addr add 10.9.0.1/24 dev v0 && ip addr add fd09::1/64 dev v0 nodad && "
		 "ip link set v0 up && " IN_PEER "sh -ec 'ip link set p0 up; ethtool -K p0 gro on; "
		 "ip addr add 10.9.0.2/24 dev p0; ip addr add fd09::2/64 dev p0 nodad'") ||
	    !run("sysctl -qw net.ipv4.neigh.v0.retrans_time_ms=50 "
		 "net.ipv4.neigh.v0.mcast_solicit=2"))
		return -1;
	if (dataplane_open(&opts, &b->dp, &e)) {
		print_error("%s\n", e.text);
		return -1;
	}
	return neigh_open(b->dp, on_change, b, &b->n);
}

static int teardown(void **state)
{
	struct bed *b = *state;

	neigh_close(b->n);
	dataplane_close(b->dp);
	free(b);
	return 0;
}

static void test_ready(void **state)
{
	struct bed *b = *state;

	watch(b, 1, "10.9.0.2");
	watch(b, 2, "10.9.0.2"); /* another port there */
	watch(b, 3, "fd09::2");
	await(b, 1, HOP_READY);
	await(b, 2, HOP_READY);
	await(b, 3, HOP_READY);
	assert_string_equal(b->ifname[1], "v0");
	assert_int_equal(hop(b, 1)->ifindex, if_nametoindex("v0"));
	assert_true(is_target(b, if_nametoindex("v0")));
	for (uint16_t id = 1; id <= 3; id++) {
		assert_true(has_mac(hop(b, id)->dmac, PEER_MAC));
		assert_true(has_mac(hop(b, id)->smac, OUR_MAC));
		assert_int_equal(hop(b, id)->mtu, 1500);
	}
	assert_true(neighbour_says("10.9.0.2", "managed"));

	/* Nothing has changed: nothing is told, whatever is looked at again. */
	b->told[1] = 0;
	assert_int_equal(neigh_refresh(b->n), 0);
	assert_int_equal(b->told[1], 0);

	neigh_forget(b->n, 1);
	assert_true(neighbour_says("10.9.0.2", "managed")); /* for instance 2 */
	neigh_forget(b->n, 2);
	assert_false(neighbour_says("10.9.0.2", "managed"));
	neigh_forget(b->n, 2);
}

static void test_ids(void **state)
{
	struct bed *b = *state;
	struct sl_addr a;

	assert_int_equal(addr_parse("10.9.0.2", &a), 0);
	assert_int_equal(neigh_watch(b->n, 0, &a), -EINVAL);
	assert_int_equal(neigh_watch(b->n, 8, &a), -EINVAL);
	neigh_forget(b->n, 8);
}

/* A restarted daemon finds hops ready, and takes none back meanwhile. */
static void test_restart(void **state)
{
	struct bed *b = *state;

	watch(b, 1, "10.9.0.2");
	watch(b, 2, "10.9.0.77"); /* gone when we are back */
	await(b, 1, HOP_READY);
	await(b, 2, HOP_FAILED);
	neigh_close(b->n);
	b->n = NULL;
	assert_true(neighbour_says("10.9.0.77", "managed"));
	memset(b->seen, 0, sizeof(b->seen));
	assert_int_equal(neigh_open(b->dp, on_change, b, &b->n), 0);
	watch(b, 1, "10.9.0.2");
	assert_true(b->seen[1][HOP_READY]);
	assert_false(b->seen[1][HOP_PENDING]);
	assert_int_equal(neigh_refresh(b->n), 0);
	assert_false(neighbour_says("10.9.0.77", "managed"));
	assert_true(neighbour_says("10.9.0.2", "managed"));
}

static void test_neighbour_fails_and_returns(void **state)
{
	struct bed *b = *state;

	watch(b, 1, "10.9.0.3");
	await(b, 1, HOP_FAILED);
	assert_int_equal(hop(b, 1)->ifindex, 0);
	assert_true(run(IN_PEER "ip addr add 10.9.0.3/24 dev p0"));
	await(b, 1, HOP_READY);
	assert_int_equal(b->told[1], 3); /* pending, failed, ready: probing again is no news */
	memset(b->seen, 0, sizeof(b->seen));
	assert_true(run("ip neigh del 10.9.0.3 dev v0"));
	assert_int_equal(neigh_read(b->n), 0);
	assert_true(b->seen[1][HOP_FAILED] || b->seen[1][HOP_PENDING]);
	await(b, 1, HOP_READY); /* asked for again */
}

static void test_static_neighbour(void **state)
{
	struct bed *b = *state;

	assert_true(run("ip neigh add 10.9.0.9 lladdr 02:00:00:00:00:09 dev v0 nud permanent"));
	watch(b, 1, "10.9.0.9");
	assert_int_equal(b->state[1], HOP_READY);
	assert_true(has_mac(hop(b, 1)->dmac, "02:00:00:00:00:09"));
	assert_int_equal(neigh_refresh(b->n), 0);
	neigh_forget(b->n, 1);
	assert_true(neighbour_says("10.9.0.9", "PERMANENT"));
}

static void test_routes(void **state)
{
	struct bed *b = *state;

	watch(b, 1, "192.0.2.7");
	assert_int_equal(b->state[1], HOP_UNKNOWN);
	assert_int_equal(b->told[1], 1);
	assert_string_equal(b->ifname[1], "");
	assert_true(run("ip route add 192.0.2.0/24 via 10.9.0.2 mtu 1300"));
	await(b, 1, HOP_READY);
	assert_true(has_mac(hop(b, 1)->dmac, PEER_MAC));
	assert_int_equal(hop(b, 1)->mtu, 1300);
	assert_true(run("ip route change 192.0.2.0/24 via 10.9.0.2"));
	await_mtu(b, 1, 1500);
	assert_true(run("ip link set v0 mtu 1400"));
	await_mtu(b, 1, 1400);
	assert_true(run("ip route del 192.0.2.0/24"));
	await(b, 1, HOP_UNKNOWN);
	assert_int_equal(hop(b, 1)->ifindex, 0);
	assert_true(run("ip route add default via 10.9.0.2"));
	await(b, 1, HOP_READY);
	assert_true(run("ip route add blackhole 192.0.2.7"));
	await(b, 1, HOP_UNKNOWN);
	watch(b, 3, "198.18.0.1");
	await(b, 3, HOP_READY);
	assert_true(run("ip route add 198.18.0.0/15 via inet6 fd09::9 dev v0"));
	await(b, 3, HOP_PENDING); /* an IPv6 gateway for IPv4 (RFC 8950), and not there */
	assert_true(run(IN_PEER "ip addr add fd09::9/64 dev p0 nodad"));
	await(b, 3, HOP_READY);
	watch(b, 4, "2001:db8::1");
	assert_int_equal(b->state[4], HOP_UNKNOWN);
	assert_true(run("ip -6 route add default via fd09::2 dev v0"));
	await(b, 4, HOP_READY);

	watch(b, 2, "10.9.0.1");
	assert_int_equal(b->state[2], HOP_UNKNOWN);
	assert_string_equal(b->ifname[2], "lo");
	watch(b, 2, "10.9.0.2"); /* the same id elsewhere */
	await(b, 2, HOP_READY);
}

static void test_targets(void **state)
{
	struct bed *b = *state;
	unsigned v0 = if_nametoindex("v0");

	if (!tells_features())
		skip();
	watch(b, 1, "10.9.0.2");
	await(b, 1, HOP_READY);
	assert_true(run(IN_PEER "ethtool -K p0 gro off"));
	await(b, 1, HOP_STACK);
	assert_int_equal(hop(b, 1)->ifindex, 0);
	assert_false(is_target(b, v0));
	assert_true(run(IN_PEER "ethtool -K p0 gro on"));
	await(b, 1, HOP_READY);
	assert_true(is_target(b, v0));

	assert_true(run("ip link set v0 address 02:00:00:00:00:11"));
	for (double end = private_now() + WAIT_S; !has_mac(hop(b, 1)->smac, "02:00:00:00:00:11");) {
		assert_true(private_now() < end);
		assert_int_equal(neigh_read(b->n), 0);
	}
	assert_true(run("ip link set v0 down")); /* its routes go without a word */
	await(b, 1, HOP_UNKNOWN);
	assert_false(is_target(b, v0));
	assert_true(run("ip link set v0 up"));
	await(b, 1, HOP_READY);
	assert_true(run("ip link del v0"));
	await(b, 1, HOP_UNKNOWN);
	assert_int_equal(hop(b, 1)->ifindex, 0);
	assert_false(is_target(b, v0));
}

/* More events than the socket holds: what was lost is found again. */
static void test_lost_events(void **state)
{
	struct bed *b = *state;

	watch(b, 1, "192.0.2.7");
	assert_true(
		run("for i in $(seq 6000); do echo route add 198.18.$((i / 250)).$((i %% 250)) "
		    "dev v0; done | ip -batch - && ip route add 192.0.2.0/24 via 10.9.0.2 && "
		    "for i in $(seq 6000); do echo route del 198.18.$((i / 250)).$((i %% 250)); "
		    "done | ip -batch -"));
	await(b, 1, HOP_READY);
}

static void test_links(void **state)
{
	struct bed *b = *state;
	struct neigh_link *links;
	size_t n, i = 0;

	if (!tells_features())
		skip();
	assert_true(run("sysctl -qw net.ipv4.ip_forward=0 && ip link add b0 type bridge && "
			"ip link set b0 up && " IN_PEER "ethtool -K p0 gro off"));
	assert_int_equal(neigh_links(b->n, &links, &n), 0);
	assert_int_equal(n, 2); /* not lo */
	for (i = 0; i < n; i++) {
		bool veth = !strcmp(links[i].name, "v0");

		assert_string_equal(links[i].driver, veth ? "veth" : "bridge");
		assert_false(links[i].target);
		assert_true(links[i].up);
		assert_false(links[i].forwarding4);
		assert_non_null(strstr(links[i].advice,
				       veth ? "ethtool -K PEER gro on" : "no redirect target"));
		assert_non_null(strstr(links[i].advice, "sysctl -w net.ipv4.ip_forward=1"));
	}
	free(links);
	assert_true(run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 && "
			"ip link del b0 && ethtool -K v0 tx off >/dev/null && " IN_PEER
			"ethtool -K p0 gro on"));
	assert_int_equal(neigh_links(b->n, &links, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(links[0].advice, "");
	assert_true(links[0].target && links[0].forwarding4 && links[0].forwarding6);
	assert_false(links[0].tx_checksum);
	assert_int_equal(links[0].mtu, 1500);
	free(links);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ready, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_neighbour_fails_and_returns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_static_neighbour, setup, teardown),
		cmocka_unit_test_setup_teardown(test_routes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_targets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_events, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links, setup, teardown),
	};

	private_net_enter();
	return cmocka_run_group_tests_name("neigh", tests, NULL, NULL);
}
