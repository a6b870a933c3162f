// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sources that are asked to prove themselves (RFC 9175): the question, byte for byte what a
 * plain reference builds, and its value by userspace's SipHash; who is believed, for what and
 * how long; and that those who are not cost nobody anything. The clock is the test's.
 */
#include "network.h"
#include "bytes.h"
#include "coapmake.h"
#include "common/siphash.h"
#include "lib/echo.h"
#include "turned.h"

#define VIP	  "203.0.113.10"
#define VIP6	  "2001:db8:ffff::10"
#define DEV	  "198.51.100.1"
#define DEV6	  "2001:db8:5::1"
#define PORT	  5683

#define S	  1000000000ull
#define BEGIN_S	  3600ull
#define WALL_S	  1764000000ull /* of the time of day, at the beginning */
#define LIFETIME  600

#define MAKE_ECHO 252
#define C401	  0x81

static const struct path paths[] = { { DEV, 40000, VIP, PORT }, { DEV6, 40000, VIP6, PORT } };

struct fixture {
	struct bed *bed;
	uint64_t now_ns;
};
static struct fixture fx;

static void clock_set(uint64_t ns)
{
	fx.now_ns = ns;
	fx.bed->skel->bss->explain_now_ns = ns;
}

static void clock_move(uint64_t s)
{
	clock_set(fx.now_ns + s * S);
}

static uint64_t wall_s(void)
{
	return WALL_S + fx.now_ns / S - BEGIN_S;
}

/* Every device may send one message in an hour, and so may the tenant in 1/100 of it. */
static void account(uint16_t service)
{
	struct sl_account a = { .id = service,
				.device_mask = 1 << SL_Q_MESSAGES | 1 << SL_Q_PACKETS,
				.quota_mask = 1 << SL_Q_MESSAGES,
				.limit = 3600 * S * SL_TAT_PER_NS,
				.device_limit = 3600 * S >> SL_DEV_NS_SHIFT };

	a.device_cost[SL_Q_MESSAGES] = a.device_cost[SL_Q_PACKETS] = S >> SL_DEV_NS_SHIFT;
	a.cost[SL_Q_MESSAGES] = S * SL_TAT_PER_NS / 10;
	bed_account(fx.bed, 1, service, a);
}

static int setup_with(void **state, uint8_t flags, uint64_t reply_cost)
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
					 .flags = SL_SVC_CONTENT | flags,
					 .tenant = 1,
					 .ring_size = 1,
					 .instance = 1 + i,
					 .reply_cost = reply_cost,
					 .echo_s = LIFETIME };
		uint16_t id = bed_service(fx.bed, &s, NULL);

		account(id);
		bed_instance(fx.bed, &(struct bed_instance){ 1 + i, addrs[i], PORT, vips[i], PORT,
							     IPPROTO_UDP, id, 77, 1500 });
	}
	fx.bed->control->echo_key[0] = 0x0123456789abcdefull;
	fx.bed->control->echo_key[1] = 0xfedcba9876543210ull;
	fx.bed->control->wall_s = WALL_S - BEGIN_S;
	clock_set(BEGIN_S * S);
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, 0, 0);
}

/* Ten replies a second. */
static int setup_dear(void **state)
{
	return setup_with(state, 0, S / 10 * SL_TAT_PER_NS);
}

/* -- what is asked -- */

/* The value for who sends by @p, in a window that is @late ago. */
static uint64_t value_of(const struct path *p, int late)
{
	const struct siphash_key key = { fx.bed->control->echo_key[0],
					 fx.bed->control->echo_key[1] };
	struct {
		struct sl_addr src, dst;
		uint32_t window;
		uint16_t dport, sport;
	} said = { addr_of(p->src), addr_of(p->dst), wall_s() / 64 - late, htons(p->dport),
		   htons(p->sport) };

	_Static_assert(sizeof(said) == 40, "five words");
	return (siphash(&key, &said, sizeof(said)) & ~3ull) | (said.window & 3);
}

static struct coapmake get_as(uint8_t type)
{
	struct coapmake m = coapmake(type, 1, 0x1234, 4);

	coapmake_path(&m, "/temp");
	return m;
}

static void put_echo(struct coapmake *m, uint64_t value)
{
	uint64_t wire = htobe64(value);

	coapmake_option(m, MAKE_ECHO, &wire, sizeof(wire));
}

static struct coapmake get_with(uint64_t value)
{
	struct coapmake m = get_as(MAKE_CON);

	put_echo(&m, value);
	return m;
}

static int goes(const struct path *p, const struct coapmake *m)
{
	struct frame in = frame_udp(p, m->bytes, m->len);

	return bed_run(fx.bed, &in, NULL);
}

static int get_goes(const struct path *p)
{
	struct coapmake m = get_as(MAKE_CON);

	return goes(p, &m);
}

/* It is asked, in these bytes. A NON's Message-ID is anything. */
static void challenged(const struct path *p, const struct coapmake *m)
{
	struct frame in = frame_udp(p, m->bytes, m->len), out, want;
	uint64_t before = bed_reason(fx.bed, SL_R_CHALLENGED), value = htobe64(value_of(p, 0));
	uint8_t tkl = m->bytes[0] & 15, type = m->bytes[0] & 0x30;
	struct coapmake r = { .bytes = { 0x40 | (type ? 0x10 : 0x20) | tkl, C401, m->bytes[2],
					 m->bytes[3] },
			      .len = 4 + tkl };

	memcpy(r.bytes + 4, m->bytes + 4, tkl);
	if (r.len + 12 <= 3 * m->len)
		coapmake_option(&r, 14, NULL, 0);
	coapmake_option(&r, MAKE_ECHO, &value, sizeof(value));
	assert_int_equal(bed_run(fx.bed, &in, &out), XDP_TX);
	if (type)
		memcpy(r.bytes + 2, out.bytes + out.payload + 2, 2);
	want = turned_udp(&in, p, r.bytes, r.len);
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.bytes, want.bytes, want.len);
	assert_true(r.len <= 3 * m->len);
	assert_int_equal(bed_reason(fx.bed, SL_R_CHALLENGED), before + 1);
}

static void get_challenged(const struct path *p)
{
	struct coapmake m = get_as(MAKE_CON);

	challenged(p, &m);
}

static void test_the_question(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		for (int tkl = 0; tkl <= 8; tkl++) {
			for (uint8_t code = 1; code < 32; code++) {
				struct coapmake m =
					coapmake(code & 1 ? MAKE_CON : MAKE_NON, code, 0x1234, tkl);

				coapmake_path(&m, "/temp");
				challenged(&paths[v6], &m);
			}
		}
	}
	assert_int_equal(bed_all_reasons(fx.bed), bed_reason(fx.bed, SL_R_CHALLENGED));
}

/* From byte to byte larger: three times is the most. */
static void test_the_smallest_requests(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct coapmake m = coapmake(MAKE_CON, 1, 0x1234, 0);

		assert_int_equal(goes(&paths[v6], &m), XDP_DROP);
		for (int tkl = 1; tkl <= 3; tkl++) {
			m = coapmake(MAKE_CON, 1, 0x1234, tkl);
			challenged(&paths[v6], &m);
		}
		m = coapmake(MAKE_CON, 1, 0x1234, 0);
		coapmake_text(&m, MAKE_URI_PATH, "");
		challenged(&paths[v6], &m);
		coapmake_text(&m, MAKE_URI_PATH, "");
		challenged(&paths[v6], &m);
	}
	assert_int_equal(bed_reason(fx.bed, SL_R_UNPROVEN), 2);
}

/* -- who is believed -- */

static void test_who_answers_is_believed(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct path other = paths[v6], elsewhere = paths[v6];
		struct coapmake m;

		other.sport++;
		elsewhere.src = v6 ? "2001:db8:5::2" : "198.51.100.2";
		get_challenged(&paths[v6]);
		m = get_with(value_of(&paths[v6], 0));
		assert_int_equal(goes(&paths[v6], &m), XDP_REDIRECT);
		assert_int_equal(get_goes(&paths[v6]), XDP_REDIRECT); /* without it, too */
		/* Nobody else is, not with this value either. */
		get_challenged(&other);
		get_challenged(&elsewhere);
		challenged(&other, &m);
		challenged(&elsewhere, &m);
		clock_move(LIFETIME - 1);
		assert_int_equal(get_goes(&paths[v6]), XDP_REDIRECT);
		clock_move(1);
		get_challenged(&paths[v6]);
	}
	assert_int_equal(bed_reason(fx.bed, SL_R_STEERED), 6);
}

static void test_values_grow_old(void **state)
{
	struct path p = paths[0];

	(void)state;
	for (int late = -8; late <= 8; late++, p.sport++) {
		struct coapmake m = get_with(value_of(&p, late));

		if (late >= -1 && late <= 1)
			assert_int_equal(goes(&p, &m), XDP_REDIRECT);
		else
			challenged(&p, &m);
	}
	for (int age = 0; age <= 128; age += 64, p.sport++) {
		struct coapmake m = get_with(value_of(&p, 0));

		clock_move(age);
		assert_int_equal(goes(&p, &m), age <= 64 ? XDP_REDIRECT : XDP_TX);
	}
}

/* Others' values, in any length: of who is not believed yet they are none. */
static void test_values_that_are_not_ours(void **state)
{
	uint8_t bytes[41] = {};
	uint64_t wire = htobe64(value_of(&paths[0], 0));

	(void)state;
	for (size_t len = 0; len <= 40; len++) {
		struct coapmake m = get_as(MAKE_CON);

		memcpy(bytes, &wire, sizeof(wire));
		coapmake_option(&m, MAKE_ECHO, bytes, len);
		if (len != sizeof(wire))
			challenged(&paths[0], &m);
	}
	for (int bit = 0; bit < 64; bit++) {
		struct coapmake m = get_with(value_of(&paths[0], 0) ^ 1ull << bit);

		challenged(&paths[0], &m);
	}
	fx.bed->control->echo_key[1] ^= 1;
	wire = value_of(&paths[0], 0);
	fx.bed->control->echo_key[1] ^= 1;
	struct coapmake m = get_with(wire);

	challenged(&paths[0], &m);
}

/* A server that has questions of its own gets the answers: of who is believed nothing is
 * looked at, and nothing is taken out.
 */
static void test_a_servers_own_question(void **state)
{
	struct coapmake m = get_with(value_of(&paths[0], 0));
	struct frame in, out;

	(void)state;
	for (int i = 0; i < 3; i++) {
		in = frame_udp(&paths[0], m.bytes, m.len);
		assert_int_equal(bed_run(fx.bed, &in, &out), XDP_REDIRECT);
		assert_int_equal(out.len, in.len);
		assert_memory_equal(out.bytes + out.payload, m.bytes, m.len);
		m = i ? get_as(MAKE_CON) : get_with(0x1122334455667788ull);
		if (i)
			coapmake_text(&m, MAKE_ECHO, "the server's own");
	}
}

/* Both of a repeated option: the first counts (RFC 7252 5.4.5). */
static void test_behind_other_options(void **state)
{
	struct coapmake m = coapmake(MAKE_CON, 1, 1, 8);
	char filler[SL_CONTENT_BYTES] = "";
	struct path p = paths[0];

	(void)state;
	coapmake_text(&m, MAKE_URI_HOST, "acme.example");
	coapmake_path(&m, "/a/path/of/some/length");
	coapmake_option(&m, 60, "\x01", 1);
	put_echo(&m, value_of(&p, 0));
	put_echo(&m, 0);
	coapmake_option(&m, 258, "\x08", 1);
	coapmake_payload(&m, "a payload");
	assert_int_equal(goes(&p, &m), XDP_REDIRECT);
	p.sport++;
	m = get_as(MAKE_CON);
	put_echo(&m, 0);
	put_echo(&m, value_of(&p, 0));
	challenged(&p, &m);
	m = coapmake(MAKE_CON, 1, 1, 8); /* it is not looked so far */
	coapmake_option(&m, MAKE_URI_QUERY, filler, sizeof(filler));
	put_echo(&m, value_of(&p, 0));
	challenged(&p, &m);
}

/* -- who cannot be asked -- */

static void test_what_is_no_request_is_not_asked(void **state)
{
	static const uint8_t not [][2] = { { MAKE_CON, 0 },    { MAKE_ACK, 0 },
					   { MAKE_RST, 0 },    { MAKE_CON, 0x45 },
					   { MAKE_NON, 0x45 }, { MAKE_ACK, 0x45 } };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(not ); i++) {
		struct coapmake m = coapmake(not [i][0], not [i][1], 7, 0);

		for (int v6 = 0; v6 < 2; v6++)
			assert_int_equal(goes(&paths[v6], &m), XDP_REDIRECT);
	}
}

static void is_dropped(const struct path *p, const struct frame *in, enum sl_reason why)
{
	struct coapmake m = get_with(value_of(p, 0));
	uint64_t before = bed_reason(fx.bed, why);
	struct path fresh = *p;
	struct frame f = *in;

	assert_int_equal(bed_run(fx.bed, &f, NULL), XDP_DROP);
	assert_int_equal(bed_reason(fx.bed, why), before + 1);
	/* Of who is believed it passes. */
	assert_int_equal(goes(&fresh, &m), XDP_REDIRECT);
	assert_int_equal(bed_run(fx.bed, in, NULL), XDP_REDIRECT);
	clock_move(LIFETIME);
}

static void test_who_cannot_be_asked_is_dropped(void **state)
{
	struct coapmake m = coapmake(MAKE_CON, 2, 1, 4);
	struct path p = paths[0];
	struct frame in;

	(void)state;
	coapmake_text(&m, MAKE_OSCORE, "\x09\x14");
	coapmake_payload(&m, "sealed");
	in = frame_udp(&p, m.bytes, m.len);
	is_dropped(&p, &in, SL_R_UNPROVEN);
	m = coapmake(MAKE_CON, 2, 1, 4);
	for (int i = 0; i < SL_COAP_OPTIONS; i++) /* OSCORE's may come yet */
		coapmake_text(&m, 4, "an etag");
	coapmake_payload(&m, "sealed");
	in = frame_udp(&p, m.bytes, m.len);
	is_dropped(&p, &in, SL_R_UNPROVEN);
	m = get_as(MAKE_CON);
	m.bytes[m.len++] = 0xff; /* malformed, which passes here */
	in = frame_udp(&p, m.bytes, m.len);
	is_dropped(&p, &in, SL_R_COAP_NO_PAYLOAD);
	m = get_as(MAKE_CON);
	m.bytes[0] += 9;
	in = frame_udp(&p, m.bytes, m.len);
	is_dropped(&p, &in, SL_R_COAP_TOKEN_LENGTH);
}

static void test_questions_are_within_the_reply_budget(void **state)
{
	struct path p = paths[0];

	(void)state;
	get_challenged(&p);
	for (int i = 0; i < 5; i++, p.sport++)
		assert_int_equal(get_goes(&p), XDP_DROP);
	assert_int_equal(bed_reason(fx.bed, SL_R_UNPROVEN), 5);
	assert_int_equal(bed_note(fx.bed, SL_N_ANSWER_BUDGET), 5);
	clock_set(fx.now_ns + S / 10);
	get_challenged(&p);
}

/* -- a flood -- */

static bool is_touched(const struct bpf_map *map, size_t size)
{
	uint64_t line[8];

	assert_true(size <= sizeof(line));
	for (uint32_t i = 0; i < bpf_map__max_entries(map); i++) {
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &i, line), 0);
		for (size_t k = 0; k < size / 8; k++)
			if (line[k])
				return true;
	}
	return false;
}

static bool anybody_is_charged(void)
{
	return is_touched(fx.bed->skel->maps.sl_devices, sizeof(struct sl_device_line)) ||
	       is_touched(fx.bed->skel->maps.sl_buckets, sizeof(struct sl_bucket));
}

static void test_a_flood_costs_nobody_anything(void **state)
{
	struct coapmake m = get_with(0x0123456789abcdefull);
	char src[INET6_ADDRSTRLEN];

	(void)state;
	for (int i = 0; i < 4000; i++) {
		struct path p = paths[i & 1];

		snprintf(src, sizeof(src), i & 1 ? "2001:db8:6:%x::1" : "198.51.%d.7", i >> 4);
		p.src = src;
		p.sport = 1024 + i;
		assert_int_equal(goes(&p, &m), XDP_TX);
	}
	assert_int_equal(bed_reason(fx.bed, SL_R_CHALLENGED), 4000);
	assert_false(is_touched(fx.bed->skel->maps.sl_proven, sizeof(struct sl_proven_line)));
	assert_false(anybody_is_charged());
	for (uint32_t id = 1; id <= 2; id++)
		assert_int_equal(bed_hot(fx.bed, id).packets, 0);
	m = get_with(value_of(&paths[0], 0));
	assert_int_equal(goes(&paths[0], &m), XDP_REDIRECT);
	assert_true(anybody_is_charged());
}

/* More of one hash than there is room for: they pass by their values alone. */
static void test_no_room_to_be_remembered(void **state)
{
	struct path p = paths[0], last = paths[0];
	int found = 0;

	(void)state;
	for (p.sport = 1; found < 9; p.sport = p.sport == 65535 ? 1 : p.sport + 1) {
		struct flow f = { .src = addr_of(p.src), .sport = htons(p.sport) };
		struct coapmake m = get_with(value_of(&p, 0));

		if (p.sport == 65535) {
			assert_string_not_equal(p.src, "198.51.100.9");
			p.src = !strcmp(p.src, DEV) ? "198.51.100.8" : "198.51.100.9";
		}
		if (proven_hash(fx.bed->control->flow_key, &f, 1) & (SL_PROVEN_LINES - 1))
			continue;
		assert_int_equal(goes(&p, &m), XDP_REDIRECT);
		last = p;
		found++;
	}
	assert_int_equal(bed_note(fx.bed, SL_N_PROVEN_FULL), 1);
	get_challenged(&last);
}

#define ECHO_TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, bed_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ECHO_TEST(test_the_question, setup),
		ECHO_TEST(test_the_smallest_requests, setup),
		ECHO_TEST(test_who_answers_is_believed, setup),
		ECHO_TEST(test_values_grow_old, setup),
		ECHO_TEST(test_values_that_are_not_ours, setup),
		ECHO_TEST(test_a_servers_own_question, setup),
		ECHO_TEST(test_behind_other_options, setup),
		ECHO_TEST(test_what_is_no_request_is_not_asked, setup),
		ECHO_TEST(test_who_cannot_be_asked_is_dropped, setup),
		ECHO_TEST(test_questions_are_within_the_reply_budget, setup_dear),
		ECHO_TEST(test_a_flood_costs_nobody_anything, setup),
		ECHO_TEST(test_no_room_to_be_remembered, setup),
	};

	network_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
