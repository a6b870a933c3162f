// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Figures: sums over CPUs of what the maps hold, as root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "private_net.h"
#include "dataplane/stats.h"
#include "sluice.skel.h"

static const struct model_capacity small = {
	.services = 16,
	.instances = 8,
	.tenants = 8,
	.accounts = 24,
	.prefixes = 4,
	.slots = 1024,
	.pins = 4,
	.half_open = 4,
	.device_lines = 4,
	.tallies = 256,
};

static struct dataplane *open_small(void)
{
	struct dataplane_opts opts = { .pin_root = PRIVATE_ROOT, .capacity = small };
	struct dataplane_error e = { "" };
	struct dataplane *dp = NULL;

	if (dataplane_open(&opts, &dp, &e))
		fail_msg("%s", e.text);
	return dp;
}

static void put_tally(const struct dataplane *dp, struct sl_tally_key key, uint64_t n)
{
	assert_int_equal(bpf_map_update_elem(dp->tallies_fd, &key, &n, BPF_ANY), 0);
}

static void test_sums(void **state)
{
	struct dataplane *dp = open_small();
	struct sl_cpu_counters counters = { .reason = { [SL_R_STEERED] = 5 },
					    .note = { [SL_N_MARKED] = 2 } };
	struct sl_hot hot = { .packets = 3, .bytes = 300, .messages = 2, .connections = 1 }, sum;
	struct stats_tally *tallies;
	struct stats_reasons reasons;
	char device[STATS_DEVICE_LEN];
	uint64_t kinds[SL_K__MAX];
	size_t n;

	(void)state;
	for (__u32 cpu = 0; cpu < dp->n_cpus; cpu++) {
		struct sl_kind_counters kind = { .kind = { [SL_K_COAP_GET] = 7 } };
		__u32 k = cpu * small.services + 15, h = cpu * small.accounts + 23;
		int fd = bpf_map__fd(dp->skel->maps.sl_counters);

		assert_int_equal(bpf_map_update_elem(fd, &cpu, &counters, 0), 0);
		fd = bpf_map__fd(dp->skel->maps.sl_kinds);
		assert_int_equal(bpf_map_update_elem(fd, &k, &kind, 0), 0);
		fd = bpf_map__fd(dp->skel->maps.sl_hot);
		assert_int_equal(bpf_map_update_elem(fd, &h, &hot, 0), 0);
		put_tally(dp, (struct sl_tally_key){ 2, SL_R_TOO_BIG, cpu, 1 }, 10);
	}
	put_tally(dp, (struct sl_tally_key){ 2, SL_R_TOO_BIG | SL_TALLY_MARK, 0, 1 }, 4);
	put_tally(dp, (struct sl_tally_key){ 0, SL_R_UNKNOWN_TENANT, 0, 3 }, 1);
	put_tally(dp, (struct sl_tally_key){ SL_TALLY_OTHER, SL_R_TOO_BIG, 0, 0 }, 6);

	stats_reasons(dp, &reasons);
	assert_int_equal(reasons.reason[SL_R_STEERED], 5 * dp->n_cpus);
	assert_int_equal(reasons.note[SL_N_MARKED], 2 * dp->n_cpus);
	stats_kinds(dp, 15, kinds);
	assert_int_equal(kinds[SL_K_COAP_GET], 7 * dp->n_cpus);
	stats_kinds(dp, 16, kinds); /* out of range reads nothing */
	assert_int_equal(kinds[SL_K_COAP_GET], 0);
	stats_account(dp, 23, &sum);
	assert_int_equal(sum.packets, 3 * dp->n_cpus);
	assert_int_equal(sum.bytes, 300 * dp->n_cpus);

	assert_int_equal(stats_tallies(dp, &tallies, &n), 0);
	assert_int_equal(n, 4);
	assert_int_equal(tallies[0].account, 0);
	assert_int_equal(tallies[1].packets, 10 * dp->n_cpus);
	assert_int_equal(tallies[1].reason, SL_R_TOO_BIG);
	assert_true(tallies[2].mark && tallies[2].packets == 4);
	assert_int_equal(tallies[3].account, SL_TALLY_OTHER);
	free(tallies);
	stats_device(0xab, device);
	assert_string_equal(device, "d-00000000000000ab");
	dataplane_close(dp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
	};

	private_net_enter();
	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
