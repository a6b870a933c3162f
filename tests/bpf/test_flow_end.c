// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tracked connections as the daemon ends them: out of the map, and off what is counted, as root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <bpf/bpf.h>

#include "private_net.h"
#include "dataplane/flows.h"
#include "dataplane/stats.h"

#define TENANT	2
#define ACCOUNT 5
#define SERVICE 3
#define IDLE_S	60

static struct dataplane *dp;

static int setup(void **state)
{
	struct dataplane_opts opts = {
		.pin_root = PRIVATE_ROOT,
		.capacity = { .services = 16,
			      .instances = 8,
			      .tenants = 8,
			      .accounts = 24,
			      .prefixes = 4,
			      .slots = 1024,
			      .pins = 4,
			      .half_open = 4,
			      .device_lines = 4,
			      .tallies = 256,
			      .flows = 64 },
	};
	struct dataplane_error e = { "" };

	(void)state;
	if (dataplane_open(&opts, &dp, &e))
		fail_msg("%s", e.text);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dataplane_close(dp);
	return dataplane_remove(PRIVATE_ROOT);
}

static struct sl_flow_key key_of(uint16_t port)
{
	return (struct sl_flow_key){ .addr = { .w = { 1, 2, 3, 4 } },
				     .port = port,
				     .service = SERVICE };
}

/* As packets put it there. */
static void begin(uint16_t port, uint32_t account, uint32_t flags, uint32_t seen)
{
	struct sl_flow_key key = key_of(port);
	struct sl_flow f = { .who = SL_FLOW_WHO(TENANT, account, flags), .seen = seen };

	assert_int_equal(bpf_map_update_elem(dp->flows_fd, &key, &f, BPF_NOEXIST), 0);
	dp->service_states[SERVICE].flows++;
	dp->open[account].opened++;
	dp->open_tenants[TENANT].opened++;
	if (flags & SL_FLOW_OVER) {
		dp->open[account].ended++;
		dp->open_tenants[TENANT].ended++;
	}
}

static bool is_there(uint16_t port)
{
	struct sl_flow_key key = key_of(port);
	struct sl_flow f;

	return !bpf_map_lookup_elem(dp->flows_fd, &key, &f);
}

static bool end(uint16_t port, uint32_t now_s)
{
	struct sl_flow_key key = key_of(port);

	return flows_end(dp, &key, now_s, IDLE_S);
}

static uint32_t tenants(void)
{
	return dp->open_tenants[TENANT].opened - dp->open_tenants[TENANT].ended;
}

static void test_the_silent_end(void **state)
{
	(void)state;
	begin(1, ACCOUNT, 0, 100);
	begin(2, ACCOUNT, 0, 130); /* has spoken since the sweep has read it */
	begin(3, ACCOUNT, SL_FLOW_OVER, 100);
	assert_int_equal(stats_open(dp, ACCOUNT), 2);
	assert_true(end(1, 161));
	assert_false(end(2, 161));
	assert_true(end(3, 161));
	assert_false(end(3, 161)); /* it is gone */
	assert_false(is_there(1));
	assert_true(is_there(2));
	assert_int_equal(stats_open(dp, ACCOUNT), 1);
	assert_int_equal(tenants(), 1);
	assert_int_equal(dp->service_states[SERVICE].flows, 1);
}

/* Behind a FIN, which may be forged: it stays in the map, whose it was. */
static void test_what_lapses_is_not_forgotten(void **state)
{
	struct sl_flow_key key = key_of(1);
	struct sl_flow f;

	(void)state;
	begin(1, ACCOUNT, SL_FLOW_DEVICE_FIN | SL_FLOW_NAMED, 100);
	assert_false(flows_end(dp, &key, 220, 3600));
	assert_int_equal(stats_open(dp, ACCOUNT), 1);
	assert_true(flows_end(dp, &key, 221, 3600));
	assert_int_equal(stats_open(dp, ACCOUNT), 0);
	assert_int_equal(tenants(), 0);
	assert_int_equal(bpf_map_lookup_elem(dp->flows_fd, &key, &f), 0);
	assert_int_equal(f.who, SL_FLOW_WHO(TENANT, ACCOUNT,
					    SL_FLOW_DEVICE_FIN | SL_FLOW_NAMED | SL_FLOW_OVER |
						    SL_FLOW_LAPSED));
	assert_int_equal(dp->service_states[SERVICE].flows, 1);
	assert_false(flows_end(dp, &key, 3700, 3600));
	assert_true(flows_end(dp, &key, 3701, 3600));
	assert_false(is_there(1));
	assert_int_equal(stats_open(dp, ACCOUNT), 0); /* not taken off twice */
	assert_int_equal(dp->service_states[SERVICE].flows, 0);
}

static void test_accounts_that_go_take_theirs_along(void **state)
{
	bool used[24] = { [ACCOUNT] = true };

	(void)state;
	for (uint16_t port = 1; port <= 40; port++)
		begin(port, port % 2 ? ACCOUNT : ACCOUNT + 1, port % 4 ? 0 : SL_FLOW_OVER, 100);
	assert_int_equal(flows_forget(dp, used), 0);
	for (uint16_t port = 1; port <= 40; port++)
		assert_int_equal(is_there(port), port % 2);
	assert_int_equal(stats_open(dp, ACCOUNT), 20);
	assert_int_equal(stats_open(dp, ACCOUNT + 1), 0);
	assert_int_equal(tenants(), 20);
	assert_int_equal(dp->service_states[SERVICE].flows, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_silent_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_lapses_is_not_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_accounts_that_go_take_theirs_along, setup,
						teardown),
	};

	private_net_enter();
	return cmocka_run_group_tests_name("flow ends", tests, NULL, NULL);
}
