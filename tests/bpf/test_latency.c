// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Times from request to answer, on explain's clock, so that they are known exactly: what
 * is a request, what is its answer, and what counts once; and the sample of one in 64.
 */
#include "network.h"
#include "bytes.h"
#include "lib/latency.h"

#define VIP	"203.0.113.10"
#define DEV	"198.51.100.1"
#define VIP6	"2001:db8:ffff::10"
#define DEV6	"2001:db8:5::1"
#define INST	"10.0.1.11"
#define INST6	"fd00::11"
#define FOREIGN "10.0.1.99"
#define ACCOUNT 7
#define MS	1000000ull

static const struct {
	uint16_t port;
	uint8_t proto, protocol;
	uint32_t sorts;
} services[] = {
	{ 5683, IPPROTO_UDP, SL_P_COAP, 1 << SL_L_COAP },
	{ 1883, IPPROTO_TCP, SL_P_MQTT, 1 << SL_L_TCP | 1 << SL_L_MQTT },
	{ 8883, IPPROTO_TCP, SL_P_MQTTS, 1 << SL_L_TCP },
};

static void add_service(struct bed *b, size_t i, bool v6, uint16_t inst, uint8_t flags)
{
	const char *vip = v6 ? VIP6 : VIP;
	uint16_t port = services[i].port;
	uint16_t id = bed_service(b,
				  &(struct bed_service){ vip, port, services[i].proto,
							 services[i].protocol, flags, 1, 1, inst },
				  NULL);

	bed_account(b, 1, id, (struct sl_account){ .id = ACCOUNT });
	bed_instance(b, &(struct bed_instance){ inst, v6 ? INST6 : INST, port, vip, port,
						services[i].proto, id, 77, 1500 });
	if (flags & SL_SVC_LATENCY)
		b->states[id].watch = services[i].sorts << SL_W_LATENCY_SHIFT;
}

static void fill(struct bed *b, uint8_t flags)
{
	network_target(b, "dev0");
	for (size_t i = 0; i < 2 * SL_ARRAY_SIZE(services); i++)
		add_service(b, i / 2, i & 1, i + 1, flags);
}

static int setup(void **state)
{
	bed_open_explain(state);
	fill(*state, SL_SVC_LATENCY);
	((struct bed *)*state)->skel->bss->explain_now_ns = 1000 * MS;
	return 0;
}

static int setup_without(void **state)
{
	bed_open_explain(state);
	fill(*state, 0);
	return 0;
}

/* On the true clock, and sampled as it is without tests. */
static int setup_sampled(void **state)
{
	bed_open(state);
	fill(*state, SL_SVC_LATENCY);
	return 0;
}

/* -- what was counted -- */

static struct sl_latency times_of(struct bed *b, uint32_t account, uint32_t sort)
{
	struct sl_latency_key key = { .account = account, .sort = sort };
	struct sl_latency l = {};

	bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.sl_latencies), &key, &l);
	return l;
}

static uint64_t times_all(struct bed *b)
{
	uint64_t n = 0;

	for (uint32_t sort = 0; sort < SL_L__MAX; sort++) {
		struct sl_latency l = times_of(b, ACCOUNT, sort);

		n += latency_count(l.bucket);
	}
	return n;
}

/* -- conversations -- */

enum who {
	DEVICE,
	OTHER_PORT, /* the same device's */
	INSTANCE,
	STRANGER, /* no instance, but in its network */
};

struct step {
	enum who who;
	const char *what; /* payload; of TCP behind the flags; NULL: the end */
	uint32_t after_us;
	int64_t want_us; /* the time that this is the end of; 0: of none */
	uint32_t seq;
};

static struct frame frame_of(enum who who, bool v6, size_t service, const struct step *s)
{
	uint16_t port = services[service].port, dev_port = who == OTHER_PORT ? 40001 : 40000;
	const char *dev = v6 ? DEV6 : DEV, *inst = v6 ? INST6 : INST;
	struct path p = { dev, dev_port, v6 ? VIP6 : VIP, port };
	struct bytes b = bytes_hex(s->what);
	struct frame f;

	if (who >= INSTANCE)
		p = (struct path){ who == STRANGER ? FOREIGN : inst, port, dev, dev_port };
	if (services[service].proto == IPPROTO_TCP) {
		f = frame_tcp(&p, b.data[0], b.data + 1, b.len - 1);
		frame_put16(&f, f.l4 + 6, s->seq);
		frame_finish(&f);
	} else {
		f = frame_udp(&p, b.data, b.len);
	}
	bytes_free(&b);
	return f;
}

#define CONNECT "1010 0004 4d515454 04 02 003c 0004 6c617431"

static const struct {
	const char *name;
	size_t service;
	uint32_t sort;
	struct step step[8];
} rows[] = {
	/* clang-format off */
	{ "piggybacked", 0, SL_L_COAP, {
		{ DEVICE,   "4401 1234 01020304" },
		{ INSTANCE, "6445 1234 01020304 ff31", 2500, 2500 } } },
	{ "no token", 0, SL_L_COAP, {
		{ DEVICE,   "4001 1234" },
		{ INSTANCE, "6045 1234", 700, 700 } } },
	{ "longest token; an error is an answer", 0, SL_L_COAP, {
		{ DEVICE,   "4803 1234 0102030405060708" },
		{ INSTANCE, "6884 1234 0102030405060708", 9000, 9000 } } },
	{ "separate: an empty ACK is no answer", 0, SL_L_COAP, {
		{ DEVICE,   "4201 1234 aabb" },
		{ INSTANCE, "6000 1234", 1000 },
		{ INSTANCE, "4245 7777 aabb ff31", 3000, 4000 },
		{ INSTANCE, "4245 7777 aabb ff31", 3000 } } }, /* again: its ACK was lost */
	{ "NON", 0, SL_L_COAP, {
		{ DEVICE,   "5202 1234 aabb" },
		{ INSTANCE, "5244 0001 aabb", 1024, 1024 } } },
	{ "a repetition: the first counts", 0, SL_L_COAP, {
		{ DEVICE,   "4201 1234 aabb" },
		{ DEVICE,   "4201 1234 aabb", 2000000 },
		{ INSTANCE, "6245 1234 aabb", 500000, 2500000 },
		{ INSTANCE, "6245 1234 aabb", 1 } } },
	{ "the same token anew, after silence", 0, SL_L_COAP, {
		{ DEVICE,   "4201 1234 aabb" },
		{ DEVICE,   "4201 1235 aabb", 30000000 },
		{ INSTANCE, "6245 1235 aabb", 4000, 4000 } } },
	{ "and the same request anew, after hours", 0, SL_L_COAP, {
		{ DEVICE,   "4201 1234 aabb" },
		{ DEVICE,   "4201 1234 aabb", 3000000000 },
		{ INSTANCE, "6245 1234 aabb", 4000, 4000 } } },
	{ "an answer too late to be one", 0, SL_L_COAP, {
		{ DEVICE,   "4201 1234 aabb" },
		{ INSTANCE, "6245 1234 aabb", 70000000 } } },
	{ "another's token", 0, SL_L_COAP, {
		{ DEVICE,   "4201 1234 aabb" },
		{ INSTANCE, "6245 1234 aabc", 1000 },
		{ INSTANCE, "6345 1234 aabb00", 1000 },
		{ INSTANCE, "6245 1234 aabb", 1000, 3000 } } },
	{ "another flow", 0, SL_L_COAP, {
		{ OTHER_PORT, "4201 1234 aabb" },
		{ INSTANCE,   "6245 1234 aabb", 1000 } } },
	{ "an answer that nobody asked for", 0, SL_L_COAP, {
		{ INSTANCE, "4245 1234 aabb 60", 1000 } } },
	{ "an instance's own request is no answer", 0, SL_L_COAP, {
		{ DEVICE,   "4201 1234 aabb" },
		{ INSTANCE, "4201 1234 aabb", 1000 },
		{ INSTANCE, "6245 1234 aabb", 1000, 2000 } } },
	{ "a device's answer is no request", 0, SL_L_COAP, {
		{ DEVICE,   "6245 1234 aabb" },
		{ INSTANCE, "6245 1234 aabb", 1000 } } },
	{ "a ping", 0, SL_L_COAP, {
		{ DEVICE,   "4000 1234" },
		{ INSTANCE, "7000 1234", 1000 } } },
	{ "spoofed, of no instance", 0, SL_L_COAP, {
		{ DEVICE,   "4201 1234 aabb" },
		{ STRANGER, "6245 1234 aabb", 1000 },
		{ INSTANCE, "6245 1234 aabb", 1000, 2000 } } },
	{ "SYN to SYN-ACK", 1, SL_L_TCP, {
		{ DEVICE,   "02" },
		{ INSTANCE, "12", 3000, 3000 },
		{ DEVICE,   "10", 10 },
		{ INSTANCE, "12", 3000 } } },
	{ "a SYN again, and another one", 2, SL_L_TCP, {
		{ DEVICE,   "02", 0, 0, 5 },
		{ DEVICE,   "02", 1000000, 0, 5 },
		{ INSTANCE, "12", 3000, 1003000, 9 },
		{ DEVICE,   "02", 5000, 0, 6 },
		{ DEVICE,   "02", 5000, 0, 7 },
		{ INSTANCE, "12", 3000, 3000, 9 } } },
	{ "refused", 2, SL_L_TCP, {
		{ DEVICE,   "02" },
		{ INSTANCE, "14", 3000 } } },
	{ "CONNECT to CONNACK", 1, SL_L_MQTT, {
		{ DEVICE,   "18" CONNECT },
		{ INSTANCE, "10", 1000 },
		{ DEVICE,   "18" CONNECT, 200000 },
		{ INSTANCE, "18 20020000", 1000, 202000 },
		{ INSTANCE, "18 20020000", 1000 } } },
	{ "what else a broker says", 1, SL_L_MQTT, {
		{ DEVICE,   "18" CONNECT },
		{ INSTANCE, "18 d000", 1000 },
		{ DEVICE,   "18 c000", 1000 } } },
	{ "TLS: nobody looks into it", 2, SL_L_MQTT, {
		{ DEVICE,   "18" CONNECT },
		{ INSTANCE, "18 20020000", 1000 } } },
	/* clang-format on */
};

static void say(struct bed *b, const struct step *s, size_t row, bool v6)
{
	struct frame f = frame_of(s->who, v6, rows[row].service, s);
	struct sl_latency was = times_of(b, ACCOUNT, rows[row].sort), is;
	uint64_t before = times_all(b), want = !!s->want_us;

	b->skel->bss->explain_now_ns += s->after_us * 1000ull;
	bed_run(b, &f, NULL);
	is = times_of(b, ACCOUNT, rows[row].sort);
	if (times_all(b) - before != want ||
	    latency_count(is.bucket) - latency_count(was.bucket) != want ||
	    (is.sum_ns - was.sum_ns + 63) / 1000 != (uint64_t)s->want_us)
		fail_msg("%s, IPv%d, '%s': %lu times more, %lu ns; want %lu us", rows[row].name,
			 v6 ? 6 : 4, s->what, times_all(b) - before,
			 (unsigned long)(is.sum_ns - was.sum_ns), (unsigned long)s->want_us);
	if (want)
		assert_int_equal(is.bucket[latency_bucket(is.sum_ns - was.sum_ns)] -
					 was.bucket[latency_bucket(is.sum_ns - was.sum_ns)],
				 1);
}

static void test_conversations(void **state)
{
	struct bed *b = *state;

	for (int v6 = 0; v6 < 2; v6++) {
		for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
			for (const struct step *s = rows[i].step; s->what; s++)
				say(b, s, i, v6);
			/* What was left open here is no other row's. */
			b->skel->bss->explain_now_ns += 100000 * MS;
		}
	}
	assert_int_equal(bed_note(b, SL_N_LATENCY_LOST), 0);
	assert_int_equal(bed_reason(b, SL_R_INTERNAL), 0);
}

static void test_nothing_is_timed_that_nobody_wants(void **state)
{
	struct bed *b = *state;

	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		for (const struct step *s = rows[i].step; s->what; s++) {
			struct frame f = frame_of(s->who, false, rows[i].service, s);

			bed_run(b, &f, NULL);
		}
	}
	assert_int_equal(times_all(b), 0);
}

/* -- many -- */

static void exchange(struct bed *b, uint32_t token, bool answered)
{
	uint8_t ask[8] = { 0x44, 1, token >> 8, token }, told[8];
	struct path there = { DEV, 40000, VIP, 5683 }, back = { INST, 5683, DEV, 40000 };
	struct frame f;

	memcpy(ask + 4, &token, 4);
	f = frame_udp(&there, ask, sizeof(ask));
	bed_run(b, &f, NULL);
	memcpy(told, ask, sizeof(told));
	told[0] = 0x64;
	told[1] = 0x45;
	f = frame_udp(&back, told, sizeof(told));
	if (answered)
		bed_run(b, &f, NULL);
}

/* A flood that nobody answers takes the oldest away, and costs no more than that. */
static void test_floods_displace_what_is_oldest(void **state)
{
	struct bed *b = *state;
	uint32_t n = SL_LATENCY_LINES * SL_LATENCY_WAYS * 2;

	for (uint32_t i = 1; i <= n; i++) {
		b->skel->bss->explain_now_ns += 1000;
		exchange(b, i, false);
	}
	assert_in_range(bed_note(b, SL_N_LATENCY_LOST), n / 2, n * 3 / 4);
	exchange(b, n + 1, true);
	assert_int_equal(times_all(b), 1);
	assert_int_equal(times_of(b, ACCOUNT, SL_L_COAP).sum_ns, 0);
}

static void test_no_room_is_counted_as_others(void **state)
{
	struct bed *b = *state;
	struct sl_latency_key key = { .account = SL_TALLY_OTHER, .sort = SL_L_COAP };
	static const struct sl_latency zero;

	bed_update(b->skel->maps.sl_latencies, &key, &zero);
	for (uint32_t i = 0; i < SL_DEF_LATENCIES - 1; i++) {
		key.account = 1000 + i;
		bed_update(b->skel->maps.sl_latencies, &key, &zero);
	}
	exchange(b, 1, true);
	assert_int_equal(times_all(b), 0);
	assert_int_equal(latency_count(times_of(b, SL_TALLY_OTHER, SL_L_COAP).bucket), 1);
}

/* Of 6400 one in 64, and both ways the same: five deviations of the binomial off at most. */
static void test_one_in_64(void **state)
{
	struct bed *b = *state;
	struct sl_latency l;

	for (uint32_t i = 0; i < 6400; i++)
		exchange(b, i * 2654435761u, true);
	assert_in_range(times_all(b), 50, 150);
	l = times_of(b, ACCOUNT, SL_L_COAP);
	assert_true(l.sum_ns > 0); /* the true clock goes on between two calls */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_conversations, setup, bed_close),
		cmocka_unit_test_setup_teardown(test_nothing_is_timed_that_nobody_wants,
						setup_without, bed_close),
		cmocka_unit_test_setup_teardown(test_floods_displace_what_is_oldest, setup,
						bed_close),
		cmocka_unit_test_setup_teardown(test_no_room_is_counted_as_others, setup,
						bed_close),
		cmocka_unit_test_setup_teardown(test_one_in_64, setup_sampled, bed_close),
	};

	network_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
