// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The answer to a CoAP request over a quota or not allowed: byte for byte what a plain reference
 * builds (RFC 7252 5.2.1, RFC 8516), with the Max-Age that the bucket implies; and to
 * what there is none. The program's clock is the test's.
 */
#include "network.h"
#include "bytes.h"
#include "turned.h"

#define VIP		"203.0.113.10"
#define VIP6		"2001:db8:ffff::10"
#define DEV		"198.51.100.1"
#define DEV6		"2001:db8:5::1"
#define PORT		5683

#define NS_PER_S	1000000000ull
#define C405		0x85
#define C429		0x9d
#define C503		0xa3

#define CON_GET		"4401 1234 01020304 b474656d70"
#define NON_GET		"5401 1234 01020304 b474656d70"
#define CON_POST	"4402 1234 01020304 b474656d70 ff31"
#define OSCORE		"4402 1234 01020304 930914ff ff313233"		      /* option 9 alone */
#define OSCORE_HOST	"4402 1234 01020304 37686f73742e6465 630914ff ff3132" /* behind Uri-Host */
#define HOST_LONG	"4402 1234 01020304 3d03 61616161616161616161616161616161 8474656d70"
#define CON_PING	"4000 1234"
#define CON_EMPTY_TOKEN "4001 1234"

static const struct path paths[] = { { DEV, 40000, VIP, PORT }, { DEV6, 40000, VIP6, PORT } };

struct fixture {
	struct bed *bed;
	uint64_t now_ns;
};
static struct fixture fx;

/* One message in @s seconds and no more than one at once, of a device or of the tenant. */
static struct sl_account quota_of(bool device, uint32_t s)
{
	struct sl_account a = { .id = 1, .excess = SL_X_ANSWER };

	if (device) {
		a.device_mask = 1 << SL_Q_MESSAGES;
		a.device_cost[SL_Q_MESSAGES] = s * NS_PER_S >> SL_DEV_NS_SHIFT;
		a.device_limit = 1;
	} else {
		a.quota_mask = 1 << SL_Q_MESSAGES;
		a.cost[SL_Q_MESSAGES] = s * NS_PER_S * SL_TAT_PER_NS;
		a.limit = 1;
	}
	return a;
}

static void account(bool device, uint32_t s)
{
	struct sl_account a = quota_of(device, s);

	for (uint16_t service = 1; service <= 2; service++) {
		a.id = service;
		bed_account(fx.bed, 1, service, a);
	}
}

/* In the beginning all buckets are free. */
static void clock_set(uint64_t ns)
{
	fx.now_ns = ns;
	fx.bed->skel->bss->explain_now_ns = ns;
}

static int setup_cost(void **state, uint64_t reply_cost)
{
	static const char *const vips[] = { VIP, VIP6 }, *const addrs[] = { "10.0.1.11",
									    "2001:db8:1::11" };

	bed_open_explain(state);
	fx.bed = *state;
	for (int i = 0; i < 2; i++) {
		struct bed_service s = { .vip = vips[i],
					 .port = PORT,
					 .proto = IPPROTO_UDP,
					 .protocol = SL_P_COAP,
					 .tenant = 1,
					 .ring_size = 1,
					 .instance = 1 + i,
					 .reply_cost = reply_cost };
		uint16_t id = bed_service(fx.bed, &s, NULL);

		bed_instance(fx.bed, &(struct bed_instance){ 1 + i, addrs[i], PORT, vips[i], PORT,
							     IPPROTO_UDP, id, 77, 1500 });
	}
	clock_set(3600 * NS_PER_S);
	return 0;
}

static int setup(void **state)
{
	return setup_cost(state, 0);
}

/* Ten a second. */
static int setup_dear(void **state)
{
	return setup_cost(state, 100000000ull * SL_TAT_PER_NS);
}

static struct frame request(const struct path *p, const char *hex)
{
	struct bytes b = bytes_hex(hex);
	struct frame f = frame_udp(p, b.data, b.len);

	bytes_free(&b);
	return f;
}

/* What must leave in answer to @in, but for the age, which is taken from @out. */
static struct frame reference(const struct frame *in, const struct path *from, uint8_t code,
			      const struct frame *out, uint32_t *ret_age)
{
	const uint8_t *asked = in->bytes + in->payload, *said = out->bytes + in->payload;
	size_t tkl = asked[0] & 15, at = 4 + tkl;
	uint8_t msg[32] = { 0x60 | tkl, code, asked[2], asked[3] };

	memcpy(msg + 4, asked + 4, tkl);
	*ret_age = 0;
	if (out->len > in->payload + at + 2) {
		size_t len = out->len - in->payload - at - 2;

		msg[at] = 13 << 4 | len; /* Max-Age is option 14 */
		msg[at + 1] = 1;
		for (size_t i = 0; i < len && i < 4; i++) {
			msg[at + 2 + i] = said[at + 2 + i];
			*ret_age = *ret_age << 8 | said[at + 2 + i];
		}
		at += 2 + len;
		assert_in_range(len, 1, 2);
		assert_int_not_equal(said[at - len], 0); /* no more bytes than are needed */
	}
	return turned_udp(in, from, msg, at);
}

/* Returns the Max-Age. */
static uint32_t answered(const struct path *p, const char *hex, uint8_t code)
{
	struct frame in = request(p, hex), out, want;
	uint32_t age;

	assert_int_equal(bed_run(fx.bed, &in, &out), XDP_TX);
	want = reference(&in, p, code, &out, &age);
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.bytes, want.bytes, want.len);
	return age;
}

static int goes(const struct path *p, const char *hex)
{
	struct frame in = request(p, hex);

	return bed_run(fx.bed, &in, NULL);
}

static void use_up(const struct path *p)
{
	assert_int_equal(goes(p, CON_GET), XDP_REDIRECT);
}

static void test_a_device_over_its_quota_gets_429(void **state)
{
	static const char *const tokens[] = {
		"",	      "a1",	      "a1a2",		"a1a2a3",	   "a1a2a3a4",
		"a1a2a3a4a5", "a1a2a3a4a5a6", "a1a2a3a4a5a6a7", "a1a2a3a4a5a6a7a8"
	};
	char hex[64];

	(void)state;
	account(true, 10);
	for (int v6 = 0; v6 < 2; v6++) {
		use_up(&paths[v6]);
		for (int n = 0; n <= 8; n++) {
			snprintf(hex, sizeof(hex), "4%d01 1234 %s b474656d70", n, tokens[n]);
			/* Up to ten seconds, rounded up, and a quarter. */
			assert_in_range(answered(&paths[v6], hex, C429), 10, 13);
		}
		assert_in_range(answered(&paths[v6], CON_POST, C429), 10, 13);
	}
	assert_int_equal(bed_reason(fx.bed, SL_R_ANSWERED_DEVICE), 20);
	assert_int_equal(bed_reason(fx.bed, SL_R_DEVICE_MESSAGES), 0);
}

static void test_a_tenant_over_its_quota_gives_503(void **state)
{
	(void)state;
	account(false, 100);
	use_up(&paths[0]);
	assert_in_range(answered(&paths[0], CON_GET, C503), 100, 126);
	assert_in_range(answered(&paths[1], CON_GET, C503), 100, 126); /* it is the tenant's */
	clock_set(fx.now_ns + 90 * NS_PER_S);
	assert_in_range(answered(&paths[0], CON_GET, C503), 10, 13);
	clock_set(fx.now_ns + 11 * NS_PER_S);
	use_up(&paths[0]);
	assert_int_equal(bed_reason(fx.bed, SL_R_ANSWERED_TENANT), 3);
}

/* What is told is when it passes: at the least of what chance can make of it. */
static void test_a_device_that_obeys_passes(void **state)
{
	uint32_t least = UINT32_MAX, most = 0;

	(void)state;
	account(true, 1000);
	use_up(&paths[0]);
	clock_set(fx.now_ns + 200 * NS_PER_S);
	for (int i = 0; i < 2000; i++) {
		uint32_t age = answered(&paths[0], CON_GET, C429);

		least = age < least ? age : least;
		most = age > most ? age : most;
	}
	assert_in_range(least, 800, 802);
	assert_in_range(most, 990, 1001);
	clock_set(fx.now_ns + (least - 2) * NS_PER_S);
	(void)answered(&paths[0], CON_GET, C429);
	clock_set(fx.now_ns + 2 * NS_PER_S);
	use_up(&paths[0]);
}

static void test_what_cannot_be_answered_is_dropped(void **state)
{
	static const char *const not [] = {
		NON_GET,
		OSCORE,
		OSCORE_HOST,
		CON_PING,
		"6044 1234",
		"7000 1234",
		"4901 1234 010203040506070809",
		"4401 1234 0102",
		"8401 1234 01020304",
		"44",
		"4445 1234 01020304 ff31", /* a response as CON */
	};

	(void)state;
	account(true, 10);
	use_up(&paths[0]);
	for (size_t i = 0; i < SL_ARRAY_SIZE(not ); i++) {
		uint64_t before = bed_reason(fx.bed, SL_R_DEVICE_MESSAGES);

		if (goes(&paths[0], not [i]) != XDP_DROP ||
		    bed_reason(fx.bed, SL_R_DEVICE_MESSAGES) != before + 1)
			fail_msg("%s is not dropped as device_messages", not [i]);
	}
	(void)answered(&paths[0], HOST_LONG, C429);
	(void)answered(&paths[0], CON_EMPTY_TOKEN, C429);
}

static void test_answers_are_within_the_reply_budget(void **state)
{
	(void)state;
	account(true, 10);
	use_up(&paths[0]);
	(void)answered(&paths[0], CON_GET, C429);
	for (int i = 0; i < 5; i++)
		assert_int_equal(goes(&paths[0], CON_GET), XDP_DROP);
	assert_int_equal(bed_reason(fx.bed, SL_R_DEVICE_MESSAGES), 5);
	assert_int_equal(bed_note(fx.bed, SL_N_ANSWER_BUDGET), 5);
	clock_set(fx.now_ns + NS_PER_S / 10);
	(void)answered(&paths[0], CON_GET, C429);
}

static void test_without_the_word_nobody_is_answered(void **state)
{
	struct sl_account a = quota_of(true, 10);

	(void)state;
	a.excess = SL_X_DROP;
	bed_account(fx.bed, 1, 1, a);
	use_up(&paths[0]);
	assert_int_equal(goes(&paths[0], CON_GET), XDP_DROP);
	assert_int_equal(bed_reason(fx.bed, SL_R_DEVICE_MESSAGES), 1);
}

/* -- privileges -- */

/* GET and FETCH alone. The quota is one message in ten seconds. */
static void privileged(enum sl_excess excess)
{
	struct sl_account a = quota_of(true, 10);

	a.excess = excess;
	a.denied = 0xff & ~(1 << 0 | 1 << 4);
	for (uint16_t service = 1; service <= 2; service++) {
		a.id = service;
		bed_account(fx.bed, 1, service, a);
	}
}

static void test_a_method_that_is_not_allowed_gets_405(void **state)
{
	static const char *const denied[] = { CON_POST,	   "4003 1234", "4104 1234 a1", "4006 1234",
					      "4007 1234", "4008 1234", "401f 1234" };

	(void)state;
	privileged(SL_X_ANSWER);
	for (int v6 = 0; v6 < 2; v6++) {
		for (size_t i = 0; i < SL_ARRAY_SIZE(denied); i++)
			assert_int_equal(answered(&paths[v6], denied[i], C405), 0); /* no age */
		/* None of these was charged; and what is over the quota is told so. */
		use_up(&paths[v6]);
		assert_in_range(answered(&paths[v6], "4005 1234", C429), 10, 13);
		assert_int_equal(answered(&paths[v6], CON_POST, C405), 0);
	}
	assert_int_equal(bed_reason(fx.bed, SL_R_ANSWERED_METHOD), 16);
	assert_int_equal(bed_reason(fx.bed, SL_R_METHOD_NOT_ALLOWED), 0);
}

static void test_a_method_that_is_not_allowed_is_dropped(void **state)
{
	static const enum sl_excess ways[] = { SL_X_DROP, SL_X_MARK };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(ways); i++) {
		privileged(ways[i]);
		for (int v6 = 0; v6 < 2; v6++)
			assert_int_equal(goes(&paths[v6], CON_POST), XDP_DROP);
		assert_int_equal(bed_reason(fx.bed, SL_R_METHOD_NOT_ALLOWED), 2 * (i + 1));
	}
	privileged(SL_X_ANSWER); /* not what has no answer */
	assert_int_equal(goes(&paths[0], "5002 1234"), XDP_DROP);
	assert_int_equal(goes(&paths[0], OSCORE), XDP_DROP);
	assert_int_equal(bed_reason(fx.bed, SL_R_METHOD_NOT_ALLOWED), 6);
	/* Nor is there a way around by an option that is malformed. */
	assert_int_equal(goes(&paths[0], "4002 1234 f0"), XDP_DROP);
	assert_int_equal(bed_reason(fx.bed, SL_R_COAP_OPTION_DELTA), 1);
	use_up(&paths[0]);
	use_up(&paths[1]);
}

/* What is no request has no method: replies and pings of devices pass. */
static void test_what_is_no_request_needs_no_method(void **state)
{
	static const char *const passes[] = { "6000 1234", "7000 1234", "4000 1234", "6045 1234" };
	struct sl_account a = { .id = 1, .denied = 0xff };

	(void)state;
	bed_account(fx.bed, 1, 1, a);
	for (size_t i = 0; i < SL_ARRAY_SIZE(passes); i++)
		assert_int_equal(goes(&paths[0], passes[i]), XDP_REDIRECT);
	assert_int_equal(goes(&paths[0], CON_GET), XDP_DROP);
}

static void test_405_is_within_the_reply_budget(void **state)
{
	(void)state;
	privileged(SL_X_ANSWER);
	(void)answered(&paths[0], CON_POST, C405);
	assert_int_equal(goes(&paths[0], CON_POST), XDP_DROP);
	assert_int_equal(bed_reason(fx.bed, SL_R_METHOD_NOT_ALLOWED), 1);
	assert_int_equal(bed_note(fx.bed, SL_N_ANSWER_BUDGET), 1);
}

#define ANSWER_TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, bed_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ANSWER_TEST(test_a_device_over_its_quota_gets_429, setup),
		ANSWER_TEST(test_a_tenant_over_its_quota_gives_503, setup),
		ANSWER_TEST(test_a_device_that_obeys_passes, setup),
		ANSWER_TEST(test_what_cannot_be_answered_is_dropped, setup),
		ANSWER_TEST(test_answers_are_within_the_reply_budget, setup_dear),
		ANSWER_TEST(test_without_the_word_nobody_is_answered, setup),
		ANSWER_TEST(test_a_method_that_is_not_allowed_gets_405, setup),
		ANSWER_TEST(test_a_method_that_is_not_allowed_is_dropped, setup),
		ANSWER_TEST(test_what_is_no_request_needs_no_method, setup),
		ANSWER_TEST(test_405_is_within_the_reply_budget, setup_dear),
	};

	network_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
