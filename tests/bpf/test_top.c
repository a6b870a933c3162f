// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The heaviest of 100,000 devices, whose shares follow Zipf's law, are found by the loaded
 * program, on one CPU and on all; who has no table is not counted; windows do not mix.
 */
#include <sched.h>
#include "bed.h"
#include "zipf.h"

#define VIP	"203.0.113.10"
#define OPEN	6001 /* an instance */
#define CLOSED	6002 /* its tenant's quota is used up */
#define DEVICES 100000
#define PACKETS 2000000
#define TEN	10
#define TABLE	3

static struct sl_top_set *top;
static double cumulative[DEVICES];
static uint32_t sent[DEVICES], refused[DEVICES];

static int setup_as(void **state, uint32_t table)
{
	struct bed *b;

	bed_open(state);
	b = *state;
	for (int i = 0; i < 2; i++) {
		struct bed_service s = { .vip = VIP,
					 .port = i ? CLOSED : OPEN,
					 .proto = IPPROTO_UDP,
					 .protocol = SL_P_UDP,
					 .tenant = 1,
					 .ring_size = 1,
					 .instance = 1 };
		struct sl_account a = { .id = bed_service(b, &s, NULL),
					.device_mask = table << SL_TOP_SHIFT };

		a.quota_mask = i << SL_Q_PACKETS;
		a.cost[SL_Q_PACKETS] = 1;
		bed_account(b, 1, a.id, a);
	}
	b->buckets[1].tat[SL_Q_PACKETS] = 1ull << 62; /* never */
	bed_instance(b, &(struct bed_instance){ 1, "10.0.1.11", OPEN, VIP, OPEN, IPPROTO_UDP, 1, 77,
						1500 });
	top = bed_map(b->skel->maps.sl_top);
	return 0;
}

static int setup(void **state)
{
	return setup_as(state, TABLE);
}

static int setup_none(void **state)
{
	return setup_as(state, 0);
}

static void zipf_make(double s)
{
	zipf_fill(cumulative, DEVICES, s);
	srand48(20261124);
	memset(sent, 0, sizeof(sent));
	memset(refused, 0, sizeof(refused));
}

static struct sl_addr device_addr(uint32_t i)
{
	char text[32];

	snprintf(text, sizeof(text), "10.%u.%u.%u", 100 + (i >> 16), i >> 8 & 255, i & 255);
	return addr_of(text);
}

static void cpu_use(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

/* Packets of devices as they are drawn; every fourth is refused. */
static void offer(struct bed *b, int packets)
{
	struct path open = { "10.100.0.0", 40000, VIP, OPEN };
	struct path closed = { "10.100.0.0", 40000, VIP, CLOSED };
	struct frame f[2] = { frame_udp(&open, "x", 1), frame_udp(&closed, "x", 1) };

	for (int n = 0; n < packets; n++) {
		uint32_t i = zipf_at(cumulative, DEVICES, drand48());
		struct frame *to = &f[(n & 3) == 3];
		uint8_t *src = to->bytes + to->l3 + 12;
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = to->bytes, .data_size_in = to->len);

		src[1] = 100 + (i >> 16);
		src[2] = i >> 8;
		src[3] = i;
		sent[i]++;
		refused[i] += to == &f[1];
		if (bpf_prog_test_run_opts(bpf_program__fd(b->skel->progs.sl_xdp), &opts))
			fail_msg("the program does not run");
	}
}

/* Of device @i in @window, the sum of all CPUs. */
static struct sl_top_entry told(const struct bed *b, uint32_t i, uint32_t window)
{
	struct sl_addr addr = device_addr(i);
	struct sl_top_entry sum = { device_hash(b->control->device_key, &addr, true, 1), 0, 0 };

	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++) {
		uint32_t table = cpu * SL_TOP_TENANTS + TABLE - 1;
		uint32_t first = (table * 2 + window) * SL_TOP_SETS;
		const struct sl_top_set *set = &top[first + (sum.device & (SL_TOP_SETS - 1))];

		for (int way = 0; way < SL_TOP_WAYS; way++) {
			if (set->entry[way].device != sum.device)
				continue;
			sum.offered += set->entry[way].offered;
			sum.refused += set->entry[way].refused;
		}
	}
	return sum;
}

static void heaviest(const uint32_t *count, uint32_t ret[TEN])
{
	for (int k = 0; k < TEN; k++) {
		uint32_t best = DEVICES;

		for (uint32_t i = 0; i < DEVICES; i++) {
			bool taken = false;

			for (int j = 0; j < k; j++)
				taken |= ret[j] == i;
			if (!taken && (best == DEVICES || count[i] > count[best]))
				best = i;
		}
		ret[k] = best;
	}
}

static void within(const char *what, uint32_t i, uint32_t got, uint32_t want)
{
	if (got > want || got < 0.98 * want)
		fail_msg("device %u: %s %u, sent %u", i, what, got, want);
}

/* The ten heaviest are the ten that the test sent, within 2 % of their counts. */
static void check(const struct bed *b)
{
	static uint32_t offered[DEVICES];
	uint32_t want[TEN], got[TEN];

	for (uint32_t i = 0; i < DEVICES; i++)
		offered[i] = told(b, i, 0).offered;
	heaviest(sent, want);
	heaviest(offered, got);
	for (int k = 0; k < TEN; k++) {
		struct sl_top_entry e = told(b, want[k], 0);

		print_message("%2d. device %u: sent %u, told %u; refused %u, told %u\n", k + 1,
			      want[k], sent[want[k]], e.offered, refused[want[k]], e.refused);
		assert_int_equal(got[k], want[k]);
		within("offered", want[k], e.offered, sent[want[k]]);
		within("refused", want[k], e.refused, refused[want[k]]);
	}
	for (uint32_t i = 0; i < DEVICES; i++)
		if (offered[i] > sent[i])
			fail_msg("device %u: told %u, sent %u", i, offered[i], sent[i]);
}

static void test_ten_heaviest(void **state)
{
	zipf_make(1.0);
	cpu_use(0);
	offer(*state, PACKETS);
	check(*state);
}

static void test_on_all_cpus(void **state)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);

	zipf_make(1.0);
	for (int cpu = 0; cpu < cpus; cpu++) {
		cpu_use(cpu);
		offer(*state, PACKETS / cpus);
	}
	check(*state);
}

static size_t entries(const struct bed *b)
{
	size_t n = 0;

	for (uint32_t i = 0; i < bpf_map__max_entries(b->skel->maps.sl_top); i++)
		for (int way = 0; way < SL_TOP_WAYS; way++)
			n += top[i].entry[way].device != 0;
	return n;
}

static void test_not_asked_for(void **state)
{
	zipf_make(1.0);
	offer(*state, 1000);
	assert_int_equal(entries(*state), 0);
}

static void test_windows(void **state)
{
	struct bed *b = *state;

	zipf_make(1.0);
	cpu_use(0);
	for (uint32_t turn = 0; turn < 2; turn++) {
		b->control->top_turn = turn;
		memset(sent, 0, sizeof(sent));
		offer(b, 4000);
		assert_int_equal(told(b, 0, turn).offered, sent[0]);
		assert_int_not_equal(told(b, 0, 0).offered, 0);
		assert_true(turn || !told(b, 0, 1).offered);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ten_heaviest, setup, bed_close),
		cmocka_unit_test_setup_teardown(test_on_all_cpus, setup, bed_close),
		cmocka_unit_test_setup_teardown(test_not_asked_for, setup_none, bed_close),
		cmocka_unit_test_setup_teardown(test_windows, setup, bed_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
