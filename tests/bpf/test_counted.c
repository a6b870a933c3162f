// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What packets count besides reasons: what instances are asked and what they
 * answer, and sampled events up to their cap.
 */
#include "network.h"
#include "bytes.h"

#define VIP  "203.0.113.10"
#define DEV  "198.51.100.1"
#define INST "10.0.1.11"

#define HELLO                                                              \
	"16 fefd 0000 000000000001 0036 01 00002a 0000 000000 00002a fefd" \
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff 00"
#define HELLO_FIRST  HELLO "00 0002 c0a8 0100"
#define HELLO_COOKIE HELLO "01cc 0002 c0a8 01"

/* A service of each protocol on a port of its own, whose instance has its number. */
static const struct {
	uint16_t port;
	uint8_t proto, protocol;
} services[SL_P__MAX] = {
	[SL_P_UDP] = { 6000, IPPROTO_UDP, SL_P_UDP },
	[SL_P_TCP] = { 6001, IPPROTO_TCP, SL_P_TCP },
	[SL_P_COAP] = { 6002, IPPROTO_UDP, SL_P_COAP },
	[SL_P_MQTT] = { 6003, IPPROTO_TCP, SL_P_MQTT },
	[SL_P_MQTTS] = { 6004, IPPROTO_TCP, SL_P_MQTTS },
	[SL_P_COAPS] = { 6005, IPPROTO_UDP, SL_P_COAPS },
	[SL_P_MQTTSN] = { 6006, IPPROTO_UDP, SL_P_MQTTSN },
};

static int setup_flags(void **state, uint8_t flags)
{
	struct bed *b;

	bed_open(state);
	b = *state;
	network_target(b, "dev0");
	for (int i = 0; i < SL_P__MAX; i++) {
		uint16_t port = services[i].port, inst = i + 1;
		uint16_t id = bed_service(b,
					  &(struct bed_service){ VIP, port, services[i].proto,
								 services[i].protocol, flags, 1, 1,
								 inst },
					  NULL);

		bed_account(b, 1, id, (struct sl_account){ .id = 1 });
		bed_instance(b, &(struct bed_instance){ inst, INST, port, VIP, port,
							services[i].proto, id, 77, 1500 });
		b->states[id].watch = flags & SL_SVC_OUTLIERS ? SL_W_OUTLIERS : 0;
	}
	return 0;
}

static int setup(void **state)
{
	return setup_flags(state, SL_SVC_OUTLIERS);
}

static int setup_without(void **state)
{
	return setup_flags(state, 0);
}

/* TCP: @what is the flags; UDP: the payload. */
static struct frame message(struct path p, uint8_t proto, const char *what)
{
	struct bytes b = bytes_hex(what);
	struct frame f = proto == IPPROTO_TCP ? frame_tcp(&p, b.data[0], b.data + 1, b.len - 1)
					      : frame_udp(&p, b.data, b.len);

	bytes_free(&b);
	return f;
}

static const struct {
	const char *name;
	uint8_t protocol;
	const char *asked, *told;  /* by the device: what counts, what does not */
	const char *answer, *rest; /* by the instance; the rest of UDP counts, too */
} rows[] = {
	/* clang-format off */
	{ "TCP: SYN",            SL_P_TCP,    "02",          "10",           "12", "10" },
	{ "TCP: no SYN-ACK",     SL_P_TCP,    "02",          "12",           "12", "02" },
	{ "MQTT: no data",       SL_P_MQTT,   "02",          "18 c000",      "12", "18 d000" },
	{ "MQTT over TLS",       SL_P_MQTTS,  "02",          "11",           "12", "14" },
	{ "CoAP: CON",           SL_P_COAP,   "40 01 0001",  "50 01 0002",   "60 45 0001", NULL },
	{ "CoAP: POST",          SL_P_COAP,   "40 02 0003",  "60 00 8001",   "50 45 8002", NULL },
	{ "CoAP: no ping",       SL_P_COAP,   "40 03 0004",  "40 00 0005",   "70 00 0005", NULL },
	{ "CoAP: no later block", SL_P_COAP,  "40 01 0006",  "40 01 0007 d1 0a 16", "60 45 0007", NULL },
	{ "DTLS: ClientHello",   SL_P_COAPS,  HELLO_FIRST,   HELLO_COOKIE,   "16 fefd 0000 000000000001 0000", NULL },
	{ "MQTT-SN: CONNECT",    SL_P_MQTTSN, "08 04 04 01 003c 6162", "02 16", "03 05 00", NULL },
	/* clang-format on */
};

static void expect(struct bed *b, size_t row, uint32_t asked, uint32_t answered)
{
	struct sl_answers n = bed_answers(b, rows[row].protocol + 1);

	if (n.asked != asked || n.answered != answered)
		fail_msg("%s: asked %u, want %u; answered %u, want %u", rows[row].name, n.asked,
			 asked, n.answered, answered);
}

static void say(struct bed *b, size_t row, bool by_instance, const char *what)
{
	uint16_t port = services[rows[row].protocol].port;
	struct path p = by_instance ? (struct path){ INST, port, DEV, 40000 }
				    : (struct path){ DEV, 40000, VIP, port };
	struct frame f = message(p, services[rows[row].protocol].proto, what);

	assert_int_equal(bed_run(b, &f, NULL), XDP_REDIRECT);
}

static void test_asked_and_answered(void **state)
{
	struct bed *b = *state;

	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct sl_answers was = bed_answers(b, rows[i].protocol + 1);

		say(b, i, false, rows[i].asked);
		expect(b, i, was.asked + 1, was.answered);
		say(b, i, false, rows[i].told);
		expect(b, i, was.asked + 1, was.answered);
		say(b, i, true, rows[i].answer);
		expect(b, i, was.asked + 1, was.answered + 1);
		if (rows[i].rest)
			say(b, i, true, rows[i].rest);
		expect(b, i, was.asked + 1, was.answered + 1);
	}
}

static void test_nothing_is_counted_that_nobody_wants(void **state)
{
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		say(*state, i, false, rows[i].asked);
		say(*state, i, true, rows[i].answer);
		expect(*state, i, 0, 0);
	}
}

/* -- events -- */

static int take(void *ctx, void *data, size_t len)
{
	(void)data;
	assert_int_equal(len, sizeof(struct sl_event));
	++*(int *)ctx;
	return 0;
}

/* Of @n packets on one CPU, every second of which is sampled: how many were told of? */
static int events_of(struct bed *b, int n)
{
	struct path p = { DEV, 40000, VIP, 6000 };
	struct frame f = frame_udp(&p, "x", 1);
	int taken = 0;
	struct ring_buffer *ring =
		ring_buffer__new(bpf_map__fd(b->skel->maps.sl_events), take, &taken, NULL);

	assert_non_null(ring);
	for (int i = 0; i < n; i++)
		assert_int_equal(bed_run(b, &f, NULL), XDP_REDIRECT);
	assert_true(ring_buffer__consume(ring) >= 0);
	ring_buffer__free(ring);
	return taken;
}

static void stay_on_cpu_0(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

static void test_events_have_a_cap(void **state)
{
	struct bed *b = *state;
	uint32_t start;
	int taken;

	stay_on_cpu_0();
	b->control->event_mask = 1;
	b->control->event_max = 3;
	do { /* until all are in one second */
		start = b->counters[0].event_s = bed_now_s();
		b->counters[0].events = 0;
		b->counters[0].note[SL_N_EVENT_CAPPED] = 0;
		taken = events_of(b, 20);
	} while (bed_now_s() != start);
	assert_int_equal(taken, 3);
	assert_int_equal(bed_note(b, SL_N_EVENT_CAPPED), 7);
	b->counters[0].event_s--; /* the next second */
	assert_int_equal(events_of(b, 4), 2);
}

static void test_events_without_a_cap(void **state)
{
	struct bed *b = *state;

	stay_on_cpu_0();
	b->control->event_mask = 1;
	assert_int_equal(events_of(b, 20), 10);
	assert_int_equal(bed_note(b, SL_N_EVENT_CAPPED), 0);
	b->control->event_mask = 0;
	assert_int_equal(events_of(b, 20), 0);
}

#define TEST(name, setup_) cmocka_unit_test_setup_teardown(name, setup_, bed_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_asked_and_answered, setup),
		TEST(test_nothing_is_counted_that_nobody_wants, setup_without),
		TEST(test_events_have_a_cap, setup),
		TEST(test_events_without_a_cap, setup),
	};

	network_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
