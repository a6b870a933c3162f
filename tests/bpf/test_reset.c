// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The RST to a device whose instance is gone: byte for byte what a plain reference
 * builds, which writes all fields and computes all checksums from scratch (RFC 9293
 * 3.10.7.1); when there is none; within which budget; by which way.
 */
#include "network.h"

#define VIP	  "203.0.113.10"
#define VIP6	  "2001:db8:ffff::10"
#define DEV	  "198.51.100.1"
#define DEV6	  "2001:db8:5::1"
#define PORT	  1883

#define FIN	  1
#define SYN	  2
#define RST	  4
#define PSH	  8
#define ACK	  16
#define DF	  0x4000

#define SEQ_AT	  4 /* in TCP's header */
#define ACK_AT	  8
#define DOFF_AT	  12
#define WINDOW_AT 14
#define URGENT_AT 18

static const struct path paths[] = { { DEV, 40000, VIP, PORT }, { DEV6, 40000, VIP6, PORT } };

/* A service whose one slot has left an instance that is down. Ids @old, @old + 1. */
static void service(struct bed *b, const char *vip, const char *const addr[2], uint16_t old,
		    uint64_t reply_cost)
{
	struct bed_service s = { .vip = vip,
				 .port = PORT,
				 .proto = IPPROTO_TCP,
				 .protocol = SL_P_TCP,
				 .flags = SL_SVC_AFFINITY,
				 .tenant = 1,
				 .ring_size = 1,
				 .keep_s = 3600,
				 .half_open_max = 16,
				 .reply_cost = reply_cost };
	uint32_t slot;
	uint16_t id = bed_service(b, &s, &slot);

	bed_account(b, 1, id, (struct sl_account){ .id = 1 });
	for (int i = 0; i < 2; i++)
		bed_instance(b, &(struct bed_instance){ old + i, addr[i], PORT, vip, PORT,
							IPPROTO_TCP, id, 77, 1500 });
	b->instances[old].flags = SL_I_DOWN | SL_I_RESET;
	b->slots[slot] =
		(struct sl_slot){ .cur = old + 1, .prev = old, .deadline = bed_now_s() + 3600 };
}

static int setup_cost(void **state, uint64_t reply_cost)
{
	static const char *const v4[] = { "10.0.1.11", "10.0.1.12" };
	static const char *const v6[] = { "2001:db8:1::11", "2001:db8:1::12" };

	bed_open(state);
	service(*state, VIP, v4, 1, reply_cost);
	service(*state, VIP6, v6, 3, 0);
	return 0;
}

static int setup(void **state)
{
	return setup_cost(state, 0);
}

/* Ten a second: a burst of 100 ms holds one more than that. */
static int setup_dear(void **state)
{
	return setup_cost(state, 100000000ull * SL_TAT_PER_NS);
}

static void put32(struct frame *f, size_t at, uint32_t value)
{
	frame_put16(f, at, value >> 16);
	frame_put16(f, at + 2, value);
}

static uint32_t get32(const struct frame *f, size_t at)
{
	return (uint32_t)frame_get16(f, at) << 16 | frame_get16(f, at + 2);
}

/* What must leave in answer to @in, whose segment is of @len bytes with SYN and FIN. */
static struct frame reference(const struct frame *in, const struct path *from, uint32_t len)
{
	struct path to = { from->dst, from->dport, from->src, from->sport };
	bool has_ack = in->bytes[in->l4 + 13] & ACK;
	struct frame f = frame_tcp(&to, has_ack ? RST : RST | ACK, NULL, 0);

	memcpy(f.bytes, in->bytes + 6, 6);
	memcpy(f.bytes + 6, in->bytes, 6);
	if (frame_is_v4(&f))
		frame_put16(&f, f.l3 + 6, DF);
	put32(&f, f.l4 + (has_ack ? SEQ_AT : ACK_AT),
	      has_ack ? get32(in, in->l4 + ACK_AT) : get32(in, in->l4 + SEQ_AT) + len);
	frame_finish(&f);
	if (frame_get16(&f, frame_l4_check_at(&f)) == 0xffff) /* 0 means nothing in TCP */
		frame_put16(&f, frame_l4_check_at(&f), 0);
	return f;
}

/* A segment with everything random that the answer must not repeat. The first
 * @options words of @payload are TCP's.
 */
static struct frame segment(const struct path *p, uint8_t flags, const uint8_t *payload, size_t len,
			    int options)
{
	struct frame f = frame_tcp(p, flags, payload, len);

	put32(&f, f.l4 + SEQ_AT, (uint32_t)rand() << 8 ^ rand());
	put32(&f, f.l4 + ACK_AT, (uint32_t)rand() << 8 ^ rand());
	f.bytes[f.l4 + DOFF_AT] = (5 + options) << 4;
	frame_put16(&f, f.l4 + WINDOW_AT, rand());
	frame_put16(&f, f.l4 + URGENT_AT, rand());
	if (frame_is_v4(&f)) {
		f.bytes[f.l3 + 1] = rand(); /* type of service */
		frame_put16(&f, f.l3 + 4, rand());
		f.bytes[f.l3 + 8] = 2 + rand() % 250;
	} else {
		put32(&f, f.l3, 6u << 28 | (rand() & 0xfffffff));
		f.bytes[f.l3 + 7] = 2 + rand() % 250;
	}
	frame_finish(&f);
	return f;
}

static void check(struct bed *b, const struct frame *in, const struct path *p, uint32_t len)
{
	struct frame out, want = reference(in, p, len);

	assert_int_equal(bed_run(b, in, &out), XDP_TX);
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.bytes, want.bytes, want.len);
}

static void test_answers_are_what_the_reference_builds(void **state)
{
	static const uint8_t flags[] = { ACK, ACK | PSH, ACK | FIN, FIN,
					 PSH, 0,	 SYN | ACK, SYN | FIN };
	uint8_t payload[1024];

	srand(1);
	for (int round = 0; round < 4000; round++) {
		uint8_t f = flags[rand() % sizeof(flags)];
		struct path p = paths[rand() % 2];
		int options = rand() % 4;
		size_t len = rand() % 2 ? rand() % 900 : 0; /* half are without payload */
		struct frame in;

		for (size_t i = 0; i < sizeof(payload); i++)
			payload[i] = rand();
		p.sport = 1 + rand() % 65535;
		in = segment(&p, f, payload, len + 4 * options, options);
		if (rand() % 2 && in.len < 60)
			in.len = 60; /* padding is no payload */
		check(*state, &in, &p, len + !!(f & SYN) + !!(f & FIN));
	}
	assert_int_equal(bed_reason(*state, SL_R_RESET), 4000);
}

static struct frame behind_options(const struct path *p, size_t options)
{
	struct tcphdr tcp = {
		.source = htons(p->sport), .dest = htons(p->dport), .doff = 5, .ack = 1
	};
	struct frame f = frame_start(p);

	frame_ip(&f, p, IPPROTO_TCP, options, sizeof(tcp));
	frame_put(&f, &tcp, sizeof(tcp));
	frame_finish(&f);
	return f;
}

static void test_what_gets_no_answer(void **state)
{
	struct bed *b = *state;

	for (int i = 0; i < 2; i++) {
		struct frame none[] = {
			frame_tcp(&paths[i], RST, NULL, 0),
			frame_tcp(&paths[i], RST | ACK, "x", 1),
			behind_options(&paths[i], 8),
			behind_options(&paths[i], 40),
		};

		for (size_t n = 0; n < SL_ARRAY_SIZE(none); n++) {
			uint64_t gone = bed_reason(b, SL_R_INSTANCE_GONE);

			assert_int_equal(bed_run(b, &none[n], NULL), XDP_DROP);
			assert_int_equal(bed_reason(b, SL_R_INSTANCE_GONE), gone + 1);
		}
	}
	assert_int_equal(bed_reason(b, SL_R_RESET), 0);
}

static void test_answers_stay_within_the_budget(void **state)
{
	struct frame in = frame_tcp(&paths[0], ACK, NULL, 0),
		     in6 = frame_tcp(&paths[1], ACK, NULL, 0);
	struct bed *b = *state;
	uint64_t start = bed_now_ns(), most;

	for (int i = 0; i < 50; i++)
		bed_run(b, &in, NULL);
	most = 3 + (bed_now_ns() - start) / 100000000;
	assert_in_range(bed_reason(b, SL_R_RESET), 1, most);
	assert_int_equal(bed_reason(b, SL_R_RESET) + bed_reason(b, SL_R_RESET_BUDGET), 50);
	/* RSTs that are not sent cost nothing, and other services have their own. */
	in = frame_tcp(&paths[0], RST, NULL, 0);
	assert_int_equal(bed_run(b, &in, NULL), XDP_DROP);
	assert_int_equal(bed_reason(b, SL_R_INSTANCE_GONE), 1);
	assert_int_equal(bed_run(b, &in6, NULL), XDP_TX);
}

/* Test runs arrive from lo. */
static void test_answers_go_back_by_a_redirect_where_the_link_takes_it(void **state)
{
	struct frame in = frame_tcp(&paths[0], ACK, NULL, 0), out, want;

	network_target(*state, "dev0");
	assert_int_equal(bed_run(*state, &in, NULL), XDP_TX);
	network_target(*state, "lo");
	want = reference(&in, &paths[0], 0);
	assert_int_equal(bed_run(*state, &in, &out), XDP_REDIRECT);
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.bytes, want.bytes, want.len);
}

#define TEST(name, setup_) cmocka_unit_test_setup_teardown(name, setup_, bed_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers_are_what_the_reference_builds, setup),
		TEST(test_what_gets_no_answer, setup),
		TEST(test_answers_stay_within_the_budget, setup_dear),
		TEST(test_answers_go_back_by_a_redirect_where_the_link_takes_it, setup),
	};

	network_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
