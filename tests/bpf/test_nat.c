// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* nat: a frame that leaves is byte for byte what a plain reference makes of it,
 * which writes the fields and computes all checksums from scratch.
 */
#include "network.h"

#define VIP   "203.0.113.10"
#define VIP6  "2001:db8:ffff::10"
#define DEV   "198.51.100.1"
#define DEV6  "2001:db8:5::1"
#define INST  "10.0.1.11"
#define INST6 "2001:db8:1::11"

static int setup(void **state)
{
	static const struct {
		const char *vip, *inst;
		uint8_t proto, protocol;
		uint16_t port, inst_port;
	} rows[] = {
		{ VIP, INST, IPPROTO_UDP, SL_P_UDP, 5683, 15683 },
		{ VIP6, INST6, IPPROTO_UDP, SL_P_UDP, 5683, 5683 },
		{ VIP, INST, IPPROTO_TCP, SL_P_TCP, 1883, 1 },
		{ VIP6, INST6, IPPROTO_TCP, SL_P_TCP, 1883, 65535 },
	};
	struct bed *b;

	bed_open(state);
	b = *state;
	network_target(b, "dev0");
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		uint16_t inst = i + 1;
		uint16_t id =
			bed_service(b,
				    &(struct bed_service){ rows[i].vip, rows[i].port, rows[i].proto,
							   rows[i].protocol, 0, 1, 1, inst },
				    NULL);

		bed_account(b, 1, id, (struct sl_account){ .id = 1 });
		bed_instance(b, &(struct bed_instance){ inst, rows[i].inst, rows[i].inst_port,
							rows[i].vip, rows[i].port, rows[i].proto,
							id, 77, 1500 });
	}
	return 0;
}

/* What must leave: addresses and port written, a hop taken, sums made anew. */
static struct frame reference(const struct frame *in, const struct path *to, bool to_source,
			      const uint8_t *dmac, const uint8_t *smac)
{
	bool udp_none = frame_proto(in) == IPPROTO_UDP && !frame_get16(in, frame_l4_check_at(in));
	struct sl_addr addr = addr_of(to_source ? to->src : to->dst);
	struct frame f = *in;

	memcpy(f.bytes, dmac, 6);
	memcpy(f.bytes + 6, smac, 6);
	if (frame_is_v4(&f)) {
		f.bytes[f.l3 + 8]--;
		memcpy(f.bytes + f.l3 + (to_source ? 12 : 16), &addr.w[3], 4);
	} else {
		f.bytes[f.l3 + 7]--;
		memcpy(f.bytes + f.l3 + (to_source ? 8 : 24), &addr, 16);
	}
	frame_put16(&f, f.l4 + (to_source ? 0 : 2), to_source ? to->sport : to->dport);
	frame_finish(&f);
	if (udp_none)
		frame_put16(&f, frame_l4_check_at(&f), 0);
	return f;
}

static void check(struct bed *b, const struct frame *in, const struct path *to, bool to_source)
{
	static const uint8_t dev_mac[6] = { 2, 0, 0, 0, 5, 1 };
	struct frame out, want;
	uint8_t smac[6];

	assert_int_equal(bed_run(b, in, &out), XDP_REDIRECT);
	memcpy(smac, out.bytes + 6, 6); /* dev0's own, made up by the kernel */
	want = to_source ? reference(in, to, true, dev_mac, smac)
			 : reference(in, to, false, bed_dmac, bed_smac);
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.bytes, want.bytes, want.len);
	assert_true(frame_sums_are_right(&out));
}

static const struct {
	struct path in, out;
	bool tcp;
} ways[] = {
	{ { DEV, 40000, VIP, 5683 }, { DEV, 40000, INST, 15683 }, false },
	{ { DEV6, 40000, VIP6, 5683 }, { DEV6, 40000, INST6, 5683 }, false },
	{ { DEV, 40000, VIP, 1883 }, { DEV, 40000, INST, 1 }, true },
	{ { DEV6, 40000, VIP6, 1883 }, { DEV6, 40000, INST6, 65535 }, true },
};

static struct path turned(const struct path *p)
{
	return (struct path){ p->dst, p->dport, p->src, p->sport };
}

/* Random ports, lengths and payloads, so that sums take many values. */
static void test_frames_leave_as_the_reference_makes_them(void **state)
{
	uint8_t payload[1024];

	srand(1);
	for (int round = 0; round < 2000; round++) {
		size_t len = rand() % 1024, w = rand() % SL_ARRAY_SIZE(ways);
		struct path in = ways[w].in, out = ways[w].out, back_in, back_out;
		struct frame f;

		for (size_t i = 0; i < len; i++)
			payload[i] = rand();
		in.sport = out.sport = 1 + rand() % 65535;
		back_in = turned(&out);
		back_out = turned(&in);
		f = ways[w].tcp ? frame_tcp(&in, 16, payload, len) : frame_udp(&in, payload, len);
		check(*state, &f, &out, false);
		f = ways[w].tcp ? frame_tcp(&back_in, 16, payload, len)
				: frame_udp(&back_in, payload, len);
		check(*state, &f, &back_out, true);
	}
}

static void test_options_and_extension_headers_stay(void **state)
{
	static const size_t v4[] = { 4, 8, 40 }, v6[] = { 8, 16, 40 };

	for (int i = 0; i < 3; i++) {
		struct frame f = frame_udp_opt(&ways[0].in, v4[i], "x", 1);

		check(*state, &f, &ways[0].out, false);
		f = frame_udp_opt(&ways[1].in, v6[i], "x", 1);
		check(*state, &f, &ways[1].out, false);
	}
}

static void test_a_udp_checksum_that_is_not_there_stays_so(void **state)
{
	struct path back = turned(&ways[0].out), to = turned(&ways[0].in);
	struct frame f = frame_udp(&ways[0].in, "x", 1);

	frame_put16(&f, frame_l4_check_at(&f), 0);
	check(*state, &f, &ways[0].out, false);
	f = frame_udp(&back, "x", 1);
	frame_put16(&f, frame_l4_check_at(&f), 0);
	check(*state, &f, &to, true);
}

/* A sum that comes out as 0 is sent as 0xffff (RFC 768). */
static void test_a_udp_checksum_of_zero_is_sent_as_ones(void **state)
{
	struct frame f, want;
	bool met = false;

	for (int word = 0; word < 65536; word++) {
		uint8_t payload[2] = { word >> 8, word };

		want = frame_udp(&ways[0].out, payload, 2);
		if (frame_get16(&want, frame_l4_check_at(&want)) != 0xffff)
			continue;
		met = true;
		f = frame_udp(&ways[0].in, payload, 2);
		check(*state, &f, &ways[0].out, false);
	}
	assert_true(met);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_frames_leave_as_the_reference_makes_them,
						setup, bed_close),
		cmocka_unit_test_setup_teardown(test_options_and_extension_headers_stay, setup,
						bed_close),
		cmocka_unit_test_setup_teardown(test_a_udp_checksum_that_is_not_there_stays_so,
						setup, bed_close),
		cmocka_unit_test_setup_teardown(test_a_udp_checksum_of_zero_is_sent_as_ones, setup,
						bed_close),
	};

	network_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
