// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tracing in the kernel: who is asked for, how many a second, how much of the frame; and
 * that it ends by itself.
 */
#include <sched.h>
#include <bpf/libbpf.h>
#include "bed.h"
#include "network.h"

#define VIP "203.0.113.10"
#define DEV "198.51.100.10"

struct taken {
	int traces, events;
	struct sl_trace last;
};

static struct sl_tracing *tracing;

static int take(void *ctx, void *data, size_t len)
{
	struct taken *t = ctx;

	if (len < sizeof(t->last)) {
		t->events++;
		return 0;
	}
	t->traces++;
	memcpy(&t->last, data, sizeof(t->last));
	return 0;
}

static int setup(void **state)
{
	cpu_set_t set;
	struct bed *b;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
	assert_int_equal(bed_open(state), 0);
	b = *state;
	bed_instance(b, &(struct bed_instance){ .id = 1,
						.addr = "10.77.1.2",
						.port = 5683,
						.vip = VIP,
						.vip_port = 5683,
						.proto = IPPROTO_UDP,
						.service = 1,
						.ifindex = 1,
						.mtu = 1500 });
	bed_service(b,
		    &(struct bed_service){ .vip = VIP,
					   .port = 5683,
					   .proto = IPPROTO_UDP,
					   .protocol = SL_P_COAP,
					   .tenant = 7,
					   .ring_size = 16,
					   .instance = 1 },
		    NULL);
	bed_account(b, 7, 1, (struct sl_account){ .id = 1 });
	tracing = bed_map(b->skel->maps.sl_tracing);
	tracing[0] = (struct sl_tracing){ .max = 1000, .reason = SL_TRACE_ANY };
	b->control->traced_s = bed_now_s() + 60;
	b->control->event_mask = SL_EVERY_PACKET;
	return 0;
}

/* @n CoAP GETs with three bytes of token and a payload. */
static struct taken traced(struct bed *b, int n)
{
	struct path p = { DEV, 40000, VIP, 5683 };
	struct frame f = frame_udp(&p, "\x43\x01\x12\x34tok\xffsecret", 14);
	struct taken t = {};
	struct ring_buffer *ring =
		ring_buffer__new(bpf_map__fd(b->skel->maps.sl_events), take, &t, NULL);

	assert_non_null(ring);
	for (int i = 0; i < n; i++)
		bed_run(b, &f, NULL);
	assert_true(ring_buffer__consume(ring) >= 0);
	ring_buffer__free(ring);
	return t;
}

static void test_who_is_asked_for(void **state)
{
	static const struct {
		const char *name;
		uint32_t tenant;
		uint16_t service, reason;
		int traces;
	} rows[] = {
		{ "anybody", 0, 0, SL_TRACE_ANY, 3 },	      { "tenant", 7, 0, SL_TRACE_ANY, 3 },
		{ "another tenant", 8, 0, SL_TRACE_ANY, 0 },  { "service", 0, 1, SL_TRACE_ANY, 3 },
		{ "another service", 0, 2, SL_TRACE_ANY, 0 }, { "reason", 7, 1, SL_R_STEERED, 3 },
		{ "another reason", 7, 1, SL_R_NOT_OURS, 0 },
	};

	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		print_message("case: %s\n", rows[i].name);
		tracing[0].tenant = rows[i].tenant;
		tracing[0].service = rows[i].service;
		tracing[0].reason = rows[i].reason;
		tracing[0].matched = 0;
		assert_int_equal(traced(*state, 3).traces, rows[i].traces);
		assert_int_equal(tracing[0].matched, rows[i].traces);
	}
}

static void test_the_cap_and_the_sample(void **state)
{
	struct taken t;
	uint32_t start;

	tracing[0].max = 4;
	do { /* until all are in one second */
		start = bed_now_s();
		tracing[0].second = tracing[0].told = tracing[0].capped = 0;
		t = traced(*state, 20);
	} while (bed_now_s() != start || tracing[0].second != start);
	assert_int_equal(t.traces, 4);
	assert_int_equal(tracing[0].capped, 16);
	tracing[0].max = 1000;
	tracing[0].sample_mask = 3;
	assert_int_equal(traced(*state, 20).traces, 5);
}

static void test_headers_and_payload(void **state)
{
	uint32_t fixed = 14 + 20 + 8 + 4;
	struct taken t = traced(*state, 1);

	assert_int_equal(t.last.captured, fixed);
	assert_int_equal(t.last.payload, fixed - 4);
	assert_int_equal(t.last.event.len, fixed + 10);
	assert_int_equal(t.last.event.kind, SL_K_COAP_GET);
	assert_memory_equal(t.last.bytes + fixed - 4, "\x43\x01\x12\x34", 4);
	tracing[0].payload = 1;
	t = traced(*state, 1);
	assert_int_equal(t.last.captured, fixed + 10);
	assert_memory_equal(t.last.bytes + fixed, "tok\xffsecret", 10);
}

/* Its daemon is gone: the packet that finds out is not told, and events are as before. */
static void test_it_ends_by_itself(void **state)
{
	struct bed *b = *state;
	struct taken t;

	b->control->traced_s = bed_now_s() - 1;
	tracing[0].event_mask = 1;
	t = traced(b, 8);
	assert_int_equal(t.traces, 0);
	assert_int_equal(t.events, 4);
	assert_int_equal(b->control->traced_s, 0);
	assert_int_equal(b->control->event_mask, 1);
}

static void test_events_go_on_beside_it(void **state)
{
	struct taken t;

	tracing[0].event_mask = 3;
	t = traced(*state, 8);
	assert_int_equal(t.traces, 8);
	assert_int_equal(t.events, 2);
	/* However many there were: no bit of the count is the mask's. */
	((struct bed *)*state)->counters[0].reason[SL_R_STEERED] = 1ull << 31;
	assert_int_equal(traced(*state, 8).traces, 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, bed_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_who_is_asked_for),	   TEST(test_the_cap_and_the_sample),
		TEST(test_headers_and_payload),	   TEST(test_it_ends_by_itself),
		TEST(test_events_go_on_beside_it),
	};

	network_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
