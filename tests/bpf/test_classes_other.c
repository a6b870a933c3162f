// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Quotas of classes of all protocols but CoAP, and what is answered to who is refused: MQTT-SN's
 * CONNACK and TCP's RST, byte for byte; through sl_xdp_classes and
 * sl_xdp_datagram. The program's clock is the test's.
 */
#include "network.h"
#include "bytes.h"
#include "classbed.h"

#define VIP	 "203.0.113.10"
#define VIP6	 "2001:db8:ffff::10"
#define TENANT	 1
#define NS_PER_S 1000000000ull
#define HOUR	 (3600 * NS_PER_S * SL_TAT_PER_NS)

#define SYN	 0x02
#define ACK	 0x10
#define RST_ACK	 0x14

#define PINGREQ	 "c000"
#define PUBLISH	 "3005 0001 61 3132"
#define CONNECT	 "100c 0004 4d515454 04 02 003c 0000"
#define HELLO	 "16 fefd 0000 000000000001 0010 01 000004 0000 000000 000004 fefd0000"
#define DTLS_APP "17 fefd 0001 000000000001 0004 01020304"
#define TLS_HS	 "16 0301 0004 01000000"
#define TLS_APP	 "17 0303 0004 01020304"
#define TLS_REST "05 0301 0004 01000000" /* no record begins so */
#define SN_CONN	 "07 04 04 01 003c 61"
#define SN_CONN3 "01 0009 04 04 01 003c 61" /* its length in three bytes */
#define SN_PUB	 "08 0c 60 0001 0001 61"

enum {
	MQTT = 1883,
	COAPS = 5684,
	MQTTS = 8883,
	MQTTSN = 10000,
};

static const struct {
	uint16_t port;
	uint8_t proto, protocol;
} services[] = {
	{ MQTT, IPPROTO_TCP, SL_P_MQTT },
	{ COAPS, IPPROTO_UDP, SL_P_COAPS },
	{ MQTTS, IPPROTO_TCP, SL_P_MQTTS },
	{ MQTTSN, IPPROTO_UDP, SL_P_MQTTSN },
};

static struct {
	struct bed *bed;
	uint64_t now_ns;
} fx;

static void account(struct sl_account a)
{
	a.id = 1;
	a.quota_mask |= SL_ACCOUNT_CLASSES;
	for (uint16_t id = 1; id <= 2 * SL_ARRAY_SIZE(services); id++)
		bed_account(fx.bed, TENANT, id, a);
}

static void instance(uint16_t id, const char *vip, const char *addr, size_t i, uint16_t service)
{
	struct bed_instance inst = { .id = id,
				     .addr = addr,
				     .port = services[i].port,
				     .vip = vip,
				     .vip_port = services[i].port,
				     .proto = services[i].proto,
				     .service = service,
				     .ifindex = 77,
				     .mtu = 1500 };

	bed_instance(fx.bed, &inst);
}

static bool is_tcp(uint16_t port)
{
	return port == MQTT || port == MQTTS;
}

static int setup_cost(void **state, uint64_t reply_cost)
{
	static const char *const vips[] = { VIP, VIP6 }, *const addrs[] = { "10.0.1.11",
									    "2001:db8:1::11" };

	bed_open_explain(state);
	fx.bed = *state;
	for (size_t i = 0; i < 2 * SL_ARRAY_SIZE(services); i++) {
		size_t v6 = i / SL_ARRAY_SIZE(services), k = i % SL_ARRAY_SIZE(services);
		struct bed_service s = { .vip = vips[v6],
					 .port = services[k].port,
					 .proto = services[k].proto,
					 .protocol = services[k].protocol,
					 .flags = SL_SVC_CONTENT,
					 .program = is_tcp(services[k].port) ? SL_PROG_CLASSES
									     : SL_PROG_DATAGRAM,
					 .tenant = TENANT,
					 .ring_size = 1,
					 .instance = 1 + i,
					 .reply_cost = reply_cost };

		instance(1 + i, vips[v6], addrs[v6], k, bed_service(fx.bed, &s, NULL));
	}
	account((struct sl_account){});
	fx.now_ns = 3600 * NS_PER_S;
	fx.bed->skel->bss->explain_now_ns = fx.now_ns;
	return 0;
}

static int setup(void **state)
{
	return setup_cost(state, 0);
}

/* One in ten seconds. */
static int setup_dear(void **state)
{
	return setup_cost(state, 10 * NS_PER_S * SL_TAT_PER_NS);
}

static struct path path_to(uint16_t port, bool v6)
{
	return (struct path){ v6 ? "2001:db8:5::1" : "198.51.100.1", 40000, v6 ? VIP6 : VIP, port };
}

static struct frame frame_of(uint16_t port, bool v6, const char *hex)
{
	struct path p = path_to(port, v6);
	struct bytes b = bytes_hex(hex);
	struct frame f =
		is_tcp(port) ? frame_tcp(&p, ACK, b.data, b.len) : frame_udp(&p, b.data, b.len);

	bytes_free(&b);
	return f;
}

static int run(uint16_t port, const char *hex)
{
	struct frame in = frame_of(port, false, hex);

	return bed_run(fx.bed, &in, NULL);
}

/* -- classes -- */

static const struct {
	const char *name;
	uint16_t port;
	const char *of, *not ;
	uint32_t cls;
	uint32_t messages;
} rows[] = {
	{ "CONNECT", MQTT, CONNECT, PUBLISH, SL_K_MQTT_CONNECT, 1 },
	{ "PUBLISH", MQTT, PUBLISH, PINGREQ, SL_K_MQTT_PUBLISH, 1 },
	{ "three PUBLISH", MQTT, PUBLISH PUBLISH PUBLISH, PINGREQ, SL_K_MQTT_PUBLISH, 3 },
	{ "a ping in front", MQTT, PINGREQ PUBLISH, PINGREQ, SL_K_MQTT_PUBLISH, 1 },
	{ "the ping in front", MQTT, PINGREQ PUBLISH, PUBLISH, SL_K_MQTT_PINGREQ, 1 },
	{ "a long one behind", MQTT, PINGREQ PUBLISH PINGREQ "30ff01 0001 61", PUBLISH,
	  SL_K_MQTT_PINGREQ, 2 },
	{ "DTLS handshake", COAPS, HELLO, DTLS_APP, SL_K_DTLS_HANDSHAKE, 1 },
	{ "DTLS data", COAPS, DTLS_APP, HELLO, SL_K_DTLS_DATA, 1 },
	{ "TLS handshake", MQTTS, TLS_HS, TLS_APP, SL_K_TLS_HANDSHAKE, 1 },
	{ "TLS data", MQTTS, TLS_APP, TLS_HS, SL_K_TLS_OTHER, 1 },
	{ "TLS, no record", MQTTS, TLS_REST, TLS_HS, SL_K_TLS_CONTINUED, 1 },
	{ "MQTT-SN CONNECT", MQTTSN, SN_CONN, SN_PUB, SL_K_MQTTSN_CONNECT, 1 },
	{ "the same, long", MQTTSN, SN_CONN3, SN_PUB, SL_K_MQTTSN_CONNECT, 1 },
};

/* One segment an hour of the class, and of another class as many as come. */
static void test_each_class_has_its_quota(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		const struct classbed one = { rows[i].cls, HOUR, 1 };
		uint64_t refused = bed_reason(fx.bed, SL_R_CLASS_MESSAGES);

		classbed_put(fx.bed, TENANT, &one, 1);
		for (int n = 0; n < 3; n++) {
			if (run(rows[i].port, rows[i].of) != (n ? XDP_DROP : XDP_REDIRECT))
				fail_msg("%s: number %d", rows[i].name, n);
			if (run(rows[i].port, rows[i].not ) != XDP_REDIRECT)
				fail_msg("%s: refuses another class", rows[i].name);
		}
		assert_int_equal(bed_reason(fx.bed, SL_R_CLASS_MESSAGES), refused + 2);
		assert_int_equal(classbed_state(fx.bed, TENANT, rows[i].cls).admitted,
				 rows[i].messages);
		assert_int_equal(classbed_state(fx.bed, TENANT, rows[i].cls).refused,
				 2 * rows[i].messages);
	}
}

static uint64_t admitted(uint32_t cls)
{
	return classbed_state(fx.bed, TENANT, cls).admitted;
}

static uint64_t tat(uint32_t cls)
{
	uint64_t now = fx.now_ns * SL_TAT_PER_NS, is = classbed_state(fx.bed, TENANT, cls).tat;

	return is > now ? is - now : 0;
}

/* A segment of several is charged to each one's class, or to none. */
static void test_a_bundle_is_charged_whole_or_not_at_all(void **state)
{
	static const struct classbed two[] = { { SL_K_MQTT_PINGREQ, HOUR, 10 * HOUR },
					       { SL_K_MQTT_PUBLISH, HOUR, 2 * HOUR } };
	struct sl_account a = { .quota_mask = 1 << SL_Q_MESSAGES, .limit = 10 * HOUR };

	(void)state;
	a.cost[SL_Q_MESSAGES] = HOUR;
	account(a);
	classbed_put(fx.bed, TENANT, two, 2);
	assert_int_equal(run(MQTT, PINGREQ PUBLISH PINGREQ), XDP_REDIRECT);
	assert_int_equal(tat(SL_K_MQTT_PINGREQ), 2 * HOUR);
	assert_int_equal(tat(SL_K_MQTT_PUBLISH), HOUR);
	/* The third publication is too many for its class. */
	assert_int_equal(run(MQTT, PINGREQ PUBLISH PUBLISH), XDP_DROP);
	assert_int_equal(bed_reason(fx.bed, SL_R_CLASS_MESSAGES), 1);
	/* These are too many for the tenant: three are charged to it, eight more do not fit. */
	assert_int_equal(run(MQTT, PINGREQ PINGREQ PINGREQ PINGREQ PINGREQ PINGREQ PINGREQ PUBLISH),
			 XDP_DROP);
	assert_int_equal(bed_reason(fx.bed, SL_R_TENANT_MESSAGES), 1);
	assert_int_equal(tat(SL_K_MQTT_PINGREQ), 2 * HOUR);
	assert_int_equal(tat(SL_K_MQTT_PUBLISH), HOUR);
	assert_int_equal(admitted(SL_K_MQTT_PINGREQ), 2);
	assert_int_equal(admitted(SL_K_MQTT_PUBLISH), 1);
}

/* What is no message of MQTT's is not held up: nor would a connection end. */
static void test_segments_without_data_have_no_class(void **state)
{
	static const struct classbed two[] = { { SL_K_MQTT_CONTINUED, HOUR, 1 },
					       { SL_K_MQTT_PUBLISH, HOUR, 1 } };
	static const uint8_t flags[] = { SYN, ACK, 0x11, 0x04 };
	struct path p = path_to(MQTT, false);

	(void)state;
	classbed_put(fx.bed, TENANT, two, 2);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < SL_ARRAY_SIZE(flags); i++) {
			struct frame in = frame_tcp(&p, flags[i], NULL, 0);

			assert_int_equal(bed_run(fx.bed, &in, NULL), XDP_REDIRECT);
		}
	}
}

/* -- answers -- */

/* Each device may send one packet an hour. */
static struct sl_account stingy(enum sl_quota q, enum sl_excess excess)
{
	struct sl_account a = { .device_mask = 1 << q, .excess = excess };

	a.device_cost[q] = 3600 * NS_PER_S >> SL_DEV_NS_SHIFT;
	a.device_limit = 1;
	return a;
}

/* @f, in answer to @in, as the node sends it. */
static struct frame reference(const struct frame *in, struct frame f)
{
	memcpy(f.bytes, in->bytes + 6, 6);
	memcpy(f.bytes + 6, in->bytes, 6);
	if (frame_is_v4(&f))
		frame_put16(&f, f.l3 + 6, 0x4000);
	frame_finish(&f);
	return f;
}

static void check_connack(bool v6, const char *hex)
{
	static const uint8_t connack[] = { 3, 5, 1 };
	struct path p = path_to(MQTTSN, v6), back = { p.dst, p.dport, p.src, p.sport };
	struct frame in = frame_of(MQTTSN, v6, hex), out, want;

	assert_int_equal(bed_run(fx.bed, &in, &out), XDP_TX);
	want = reference(&in, frame_udp(&back, connack, sizeof(connack)));
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.bytes, want.bytes, want.len);
}

static void test_a_refused_connect_gets_a_connack(void **state)
{
	static const enum sl_quota quotas[] = { SL_Q_MESSAGES, SL_Q_CONNECTIONS, SL_Q_PACKETS,
						SL_Q_BYTES };
	uint64_t answered = 0;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(quotas); i++) {
		account(stingy(quotas[i], SL_X_ANSWER));
		fx.bed->skel->bss->explain_now_ns += 7200 * NS_PER_S;
		for (int v6 = 0; v6 < 2; v6++) {
			struct frame in = frame_of(MQTTSN, v6, SN_CONN);

			assert_int_equal(bed_run(fx.bed, &in, NULL), XDP_REDIRECT);
			check_connack(v6, SN_CONN);
			check_connack(v6, SN_CONN3);
			answered += 2;
		}
	}
	assert_int_equal(bed_reason(fx.bed, SL_R_ANSWERED_DEVICE), answered);
}

static void test_a_connect_over_its_class_gets_a_connack(void **state)
{
	static const struct classbed one = { SL_K_MQTTSN_CONNECT, HOUR, 1 };

	(void)state;
	account((struct sl_account){ .excess = SL_X_ANSWER });
	classbed_put(fx.bed, TENANT, &one, 1);
	assert_int_equal(run(MQTTSN, SN_CONN), XDP_REDIRECT);
	check_connack(false, SN_CONN);
	assert_int_equal(bed_reason(fx.bed, SL_R_ANSWERED_CLASS), 1);
}

/* Of other messages there is none; nor of what only looks like a CONNECT. */
static void test_what_gets_no_connack(void **state)
{
	static const char *const others[] = { SN_PUB, "08 04 04 01 003c 61",
					      "01 0008 04 04 01 003c 61", "07 05 04 01 003c 61",
					      "0404" };

	(void)state;
	account(stingy(SL_Q_PACKETS, SL_X_ANSWER));
	assert_int_equal(run(MQTTSN, SN_CONN), XDP_REDIRECT);
	for (size_t i = 0; i < SL_ARRAY_SIZE(others); i++)
		assert_int_equal(run(MQTTSN, others[i]), XDP_DROP);
	account(stingy(SL_Q_PACKETS, SL_X_DROP));
	assert_int_equal(run(MQTTSN, SN_CONN), XDP_DROP);
	account(stingy(SL_Q_PACKETS, SL_X_ANSWER));
	assert_int_equal(run(COAPS, DTLS_APP), XDP_DROP);
	assert_int_equal(bed_reason(fx.bed, SL_R_DEVICE_PACKETS), 7);
}

static void check_rst(uint16_t port, bool v6)
{
	struct path p = path_to(port, v6), back = { p.dst, p.dport, p.src, p.sport };
	struct frame in = frame_tcp(&p, SYN, NULL, 0), out, want;

	assert_int_equal(bed_run(fx.bed, &in, &out), XDP_TX);
	want = frame_tcp(&back, RST_ACK, NULL, 0);
	memset(want.bytes + want.l4 + 4, 0, 8); /* sequence 0, acknowledged: */
	memcpy(want.bytes + want.l4 + 8, in.bytes + in.l4 + 4, 4);
	want.bytes[want.l4 + 11]++;		 /* the SYN's plus 1 */
	memset(want.bytes + want.l4 + 14, 0, 2); /* no window */
	want = reference(&in, want);
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.bytes, want.bytes, want.len);
}

static void test_a_refused_syn_gets_a_rst(void **state)
{
	static const uint16_t ports[] = { MQTT, MQTTS };
	struct sl_account a = stingy(SL_Q_CONNECTIONS, SL_X_DROP);
	struct path p = path_to(MQTT, false);
	struct frame syn = frame_tcp(&p, SYN, NULL, 0);

	(void)state;
	a.quota_mask |= SL_ACCOUNT_RESET_SYN;
	account(a);
	assert_int_equal(bed_run(fx.bed, &syn, NULL), XDP_REDIRECT);
	for (size_t i = 0; i < SL_ARRAY_SIZE(ports); i++)
		check_rst(ports[i], false);
	p = path_to(MQTT, true);
	syn = frame_tcp(&p, SYN, NULL, 0);
	assert_int_equal(bed_run(fx.bed, &syn, NULL), XDP_REDIRECT);
	check_rst(MQTTS, true);
	assert_int_equal(bed_reason(fx.bed, SL_R_ANSWERED_DEVICE), 3);
	/* All else is dropped: a connection that is there goes on when it may again. */
	a = stingy(SL_Q_PACKETS, SL_X_DROP);
	a.quota_mask |= SL_ACCOUNT_RESET_SYN;
	account(a);
	assert_int_equal(run(MQTT, PUBLISH), XDP_REDIRECT);
	assert_int_equal(run(MQTT, PUBLISH), XDP_DROP);
	check_rst(MQTT, false); /* a SYN over another quota */
}

/* By default, and with on_excess answer. */
static void test_a_refused_syn_is_dropped(void **state)
{
	struct path p = path_to(MQTT, false);
	struct frame syn = frame_tcp(&p, SYN, NULL, 0);

	(void)state;
	account(stingy(SL_Q_CONNECTIONS, SL_X_ANSWER));
	assert_int_equal(bed_run(fx.bed, &syn, NULL), XDP_REDIRECT);
	assert_int_equal(bed_run(fx.bed, &syn, NULL), XDP_DROP);
	assert_int_equal(bed_reason(fx.bed, SL_R_DEVICE_CONNECTIONS), 1);
}

/* What is over the budget is dropped under its own reason. */
static void test_answers_are_within_the_reply_budget(void **state)
{
	struct sl_account a = stingy(SL_Q_CONNECTIONS, SL_X_ANSWER);
	struct path p = path_to(MQTT, false);
	struct frame syn = frame_tcp(&p, SYN, NULL, 0);

	(void)state;
	a.quota_mask |= SL_ACCOUNT_RESET_SYN;
	account(a);
	assert_int_equal(run(MQTTSN, SN_CONN), XDP_REDIRECT);
	check_connack(false, SN_CONN);
	assert_int_equal(run(MQTTSN, SN_CONN), XDP_DROP);
	check_rst(MQTT, false); /* the budget is the service's */
	assert_int_equal(bed_run(fx.bed, &syn, NULL), XDP_DROP);
	assert_int_equal(bed_reason(fx.bed, SL_R_DEVICE_CONNECTIONS), 2);
	assert_int_equal(bed_note(fx.bed, SL_N_ANSWER_BUDGET), 2);
	fx.bed->skel->bss->explain_now_ns += 11 * NS_PER_S;
	check_connack(false, SN_CONN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn, open) cmocka_unit_test_setup_teardown(fn, open, bed_close)
		TEST(test_each_class_has_its_quota, setup),
		TEST(test_a_bundle_is_charged_whole_or_not_at_all, setup),
		TEST(test_segments_without_data_have_no_class, setup),
		TEST(test_a_refused_connect_gets_a_connack, setup),
		TEST(test_a_connect_over_its_class_gets_a_connack, setup),
		TEST(test_what_gets_no_connack, setup),
		TEST(test_a_refused_syn_gets_a_rst, setup),
		TEST(test_a_refused_syn_is_dropped, setup),
		TEST(test_answers_are_within_the_reply_budget, setup_dear),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
