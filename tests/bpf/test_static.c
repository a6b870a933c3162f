// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a tenant has said about a path, told by the node: byte for byte what a plain reference
 * builds (RFC 7252 5.9.1.3, 5.9.1.5); to whom, and who has to ask the instance, whose request
 * is then as it was. Random requests are compared with a plain reader of options.
 */
#include "network.h"
#include "coapmake.h"
#include "lib/echo.h"
#include "plan/response.h"
#include "trie.h"
#include "turned.h"

#define VIP    "203.0.113.10"
#define VIP6   "2001:db8:ffff::10"
#define PORT   5683
#define CORE   "/.well-known/core"
#define C203   0x43
#define C205   0x45
#define ACCEPT 17
#define ETAG   4

enum {
	ACME = 1,
	GLOBEX,
};

static const struct path paths[] = { { "198.51.100.1", 40000, VIP, PORT },
				     { "2001:db8:5::1", 40000, VIP6, PORT } };
static const struct siphash_key etag_key = { 1, 2 };

static struct bed *bed;

static int setup_with(void **state, struct bed_service more)
{
	static const char *const vips[] = { VIP, VIP6 }, *const addrs[] = { "10.0.1.11",
									    "2001:db8:1::11" };

	bed_open(state);
	bed = *state;
	for (int i = 0; i < 2; i++) {
		struct bed_service s = more;
		uint16_t id;

		s.vip = vips[i];
		s.port = PORT;
		s.proto = IPPROTO_UDP;
		s.protocol = SL_P_COAP;
		s.flags |= SL_SVC_CONTENT;
		s.ring_size = 1;
		s.instance = 1 + i;
		s.tenant = ACME;
		s.responses = 1;
		id = bed_service(bed, &s, NULL);
		bed_account(bed, ACME, id, (struct sl_account){ .id = id });
		bed_account(bed, GLOBEX, id, (struct sl_account){ .id = 2 + id });
		bed_instance(bed, &(struct bed_instance){ 1 + i, addrs[i], PORT, vips[i], PORT,
							  IPPROTO_UDP, id, 77, 1500 });
	}
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, (struct bed_service){ .flags = SL_SVC_IDENTIFY });
}

/* One reply an hour. */
static int setup_dear(void **state)
{
	return setup_with(state,
			  (struct bed_service){ .reply_cost = 3600000000000ull * SL_TAT_PER_NS });
}

/* Sources prove themselves. */
static int setup_echo(void **state)
{
	return setup_with(state, (struct bed_service){ .echo_s = 3600 });
}

struct said {
	uint32_t tenant, service; /* 0: of any */
	const char *path;
	uint16_t number;
	struct model_response r;
};

static struct sl_response say(const struct said *s)
{
	struct sl_response_key key = { .tenant = s->tenant, .number = s->number };
	uint32_t ids[] = { s->tenant, s->service };
	uint64_t root =
		trie_string(bed, 0, SL_T_RESPONSE, ids, sizeof(ids), s->path[1] ? 0 : s->number);
	struct sl_response r;

	if (s->path[1])
		trie_path(bed, 0, root, s->path, s->number);
	response_plan(&s->r, &etag_key, &r);
	bed_update(bed->skel->maps.sl_responses, &key, &r);
	return r;
}

#define SAYS(text)                                               \
	{                                                        \
		.format = 40, .max_age_s = 3600, .payload = text \
	}
static char short_text[] = "</a>";

static struct sl_response say_core(void)
{
	return say(&(struct said){ ACME, 0, CORE, 1, SAYS(short_text) });
}

/* -- asking -- */

static struct coapmake get_of(const char *path)
{
	struct coapmake m = coapmake(MAKE_CON, 1, 0x1234, 4);

	coapmake_path(&m, path);
	return m;
}

static int run_action(const struct path *p, const struct coapmake *m)
{
	struct frame in = frame_udp(p, m->bytes, m->len);

	return bed_run(bed, &in, NULL);
}

/* The answer is these options and this payload. */
static void answered_by(const struct path *p, const struct coapmake *m, uint8_t code,
			const struct coapmake *rest)
{
	struct frame in = frame_udp(p, m->bytes, m->len), out, want;
	uint64_t before = bed_reason(bed, SL_R_ANSWERED_STATIC), all = bed_all_reasons(bed);
	uint8_t tkl = m->bytes[0] & 15, msg[600] = { 0x60 | tkl, code, m->bytes[2], m->bytes[3] };

	memcpy(msg + 4, m->bytes + 4, tkl);
	memcpy(msg + 4 + tkl, rest->bytes + 4, rest->len - 4);
	assert_int_equal(bed_run(bed, &in, &out), XDP_TX);
	want = turned_udp(&in, p, msg, tkl + rest->len);
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.bytes, want.bytes, want.len);
	assert_int_equal(bed_reason(bed, SL_R_ANSWERED_STATIC), before + 1);
	assert_int_equal(bed_all_reasons(bed), all + 1);
}

static void answered(const struct path *p, const struct coapmake *m, const struct sl_response *r,
		     const char *payload)
{
	struct coapmake rest = coapmake(MAKE_ACK, C205, 0, 0);

	coapmake_option(&rest, ETAG, r->etag, 8);
	coapmake_option(&rest, 12, "\x28", 1);
	coapmake_option(&rest, 14, "\x0e\x10", 2);
	coapmake_payload(&rest, payload);
	answered_by(p, m, C205, &rest);
}

static void validated(const struct path *p, const struct coapmake *m, const struct sl_response *r)
{
	struct coapmake rest = coapmake(MAKE_ACK, C203, 0, 0);

	coapmake_option(&rest, ETAG, r->etag, 8);
	coapmake_option(&rest, 14, "\x0e\x10", 2);
	answered_by(p, m, C203, &rest);
}

/* The instance has it, with every byte of the message. */
static void passes(const struct path *p, const struct coapmake *m)
{
	struct frame in = frame_udp(p, m->bytes, m->len), out;
	uint64_t before = bed_reason(bed, SL_R_STEERED), all = bed_all_reasons(bed);

	assert_int_equal(bed_run(bed, &in, &out), XDP_REDIRECT);
	assert_int_equal(out.len, in.len);
	assert_memory_equal(out.bytes + out.payload, m->bytes, m->len);
	assert_memory_equal(out.bytes, bed_dmac, 6);
	assert_int_equal(frame_l4_sum(&out), 0xffff);
	assert_int_equal(bed_reason(bed, SL_R_STEERED), before + 1);
	assert_int_equal(bed_all_reasons(bed), all + 1);
}

/* -- what is said -- */

static void test_what_is_said(void **state)
{
	struct sl_response r = say_core();

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		for (int tkl = 0; tkl <= 8; tkl++) {
			struct coapmake m = coapmake(MAKE_CON, 1, 0x4321, tkl);

			coapmake_path(&m, CORE);
			answered(&paths[v6], &m, &r, short_text);
			m = coapmake(MAKE_CON, 1, 0x4321, tkl);
			coapmake_option(&m, ETAG, r.etag, 8);
			coapmake_path(&m, CORE);
			validated(&paths[v6], &m, &r);
		}
	}
	assert_int_equal(bed_hot(bed, 1).packets + bed_hot(bed, 2).packets, 0);
}

/* Of every length that three times the request allows, and one more. */
static void test_three_times_is_the_most(void **state)
{
	struct coapmake m = get_of(CORE);
	char text[SL_RESPONSE_BYTES + 1];

	(void)state;
	for (size_t n = 1; n <= SL_RESPONSE_BYTES; n++) {
		struct sl_response r;

		memset(text, 'a' + n % 26, n);
		text[n] = 0;
		r = say(&(struct said){ ACME, 0, CORE, 1, SAYS(text) });
		for (int v6 = 0; v6 < 2; v6++) {
			if (8u + r.len <= 3 * m.len)
				answered(&paths[v6], &m, &r, text);
			else
				passes(&paths[v6], &m);
		}
	}
	assert_in_range(bed_reason(bed, SL_R_ANSWERED_STATIC), 60, 160);
}

static void test_who_has_proven_himself_gets_all(void **state)
{
	char text[SL_RESPONSE_BYTES + 1];
	struct sl_response r;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[SL_RESPONSE_BYTES] = 0;
	r = say(&(struct said){ ACME, 0, CORE, 1, SAYS(text) });
	for (int v6 = 0; v6 < 2; v6++) {
		struct flow f = { .src = addr_of(paths[v6].src),
				  .dst = addr_of(paths[v6].dst),
				  .sport = htons(paths[v6].sport),
				  .dport = htons(PORT) };
		struct coapmake m = get_of(CORE);
		struct frame in = frame_udp(&paths[v6], m.bytes, m.len);
		uint64_t value =
			htobe64(echo_value(bed->control->echo_key, &f, echo_window(bed_now_s())));

		assert_int_equal(bed_run(bed, &in, NULL), XDP_TX);
		assert_int_equal(bed_reason(bed, SL_R_CHALLENGED), v6 + 1);
		coapmake_option(&m, 252, &value, sizeof(value));
		answered(&paths[v6], &m, &r, text);
	}
}

/* -- to whom -- */

static void test_just_this_path(void **state)
{
	static const char *const others[] = { "/",
					      "/.well-known",
					      "/.well-known/core/x",
					      "/core",
					      "/.well-known/Core",
					      "//.well-known/core",
					      "/.well-known//core",
					      "/1/2/3/4/5/6/7/8/9",
					      "/.well-known/core/" };
	struct sl_response r = say_core(), deep;
	struct coapmake m;

	(void)state;
	deep = say(&(struct said){ ACME, 0, "/1/2/3/4/5/6/7/8", 2, SAYS(short_text) });
	for (size_t i = 0; i < SL_ARRAY_SIZE(others); i++) {
		m = get_of(others[i]);
		if (!strcmp(others[i], "/.well-known/core/"))
			coapmake_text(&m, MAKE_URI_PATH, "");
		passes(&paths[i & 1], &m);
	}
	m = get_of("/1/2/3/4/5/6/7/8");
	answered(&paths[0], &m, &deep, short_text);
	m = get_of("/1/2/3/4/5/6/7");
	passes(&paths[0], &m);
	say(&(struct said){ ACME, 0, "/", 3, SAYS(short_text) });
	m = coapmake(MAKE_CON, 1, 7, 8); /* it is long enough with this */
	coapmake_text(&m, MAKE_URI_HOST, "acme.example");
	answered(&paths[0], &m, &r, short_text);
}

static void test_of_tenant_and_service(void **state)
{
	struct sl_response r, of_one;
	struct coapmake m = get_of(CORE);

	(void)state;
	trie_string(bed, 0, SL_T_COAP_HOST, "globex.example", 14, GLOBEX);
	r = say(&(struct said){ GLOBEX, 0, CORE, 1, SAYS(short_text) });
	of_one = say(&(struct said){ GLOBEX, 2, CORE, 2, SAYS("of IPv6") });
	for (int v6 = 0; v6 < 2; v6++)
		passes(&paths[v6], &m); /* acme's */
	m = coapmake(MAKE_CON, 1, 7, 1);
	coapmake_text(&m, MAKE_URI_HOST, "globex.example");
	coapmake_path(&m, CORE);
	answered(&paths[0], &m, &r, short_text);
	answered(&paths[1], &m, &of_one, "of IPv6");
}

static void test_the_other_bank_is_not_looked_at(void **state)
{
	struct sl_response_key key = { .tenant = ACME, .number = 1, .bank = 1 };
	uint32_t ids[] = { ACME, 0 };
	struct sl_response r = {};
	struct coapmake m = get_of(CORE);

	(void)state;
	trie_path(bed, 1, trie_string(bed, 1, SL_T_RESPONSE, ids, sizeof(ids), 0), CORE, 1);
	passes(&paths[0], &m);
	/* Nor is a step enough without what it leads to. */
	trie_path(bed, 0, trie_string(bed, 0, SL_T_RESPONSE, ids, sizeof(ids), 0), CORE, 1);
	bed_update(bed->skel->maps.sl_responses, &key, &r);
	passes(&paths[0], &m);
	r = say_core();
	answered(&paths[0], &m, &r, short_text);
}

/* What a server alone can know how to answer. */
static void test_all_else_is_the_instances(void **state)
{
	struct coapmake m;

	(void)state;
	say_core();
	for (uint8_t code = 2; code < 32; code++) {
		m = coapmake(MAKE_CON, code, 1, 4);
		coapmake_path(&m, CORE);
		passes(&paths[0], &m);
	}
	m = coapmake(MAKE_NON, 1, 1, 4);
	coapmake_path(&m, CORE);
	passes(&paths[0], &m);
	for (uint32_t number = 1; number < 400; number++) {
		static const uint16_t plain[] = { 3, ETAG, 7, 11, ACCEPT, 252 };
		bool is_plain = false;

		for (size_t i = 0; i < SL_ARRAY_SIZE(plain); i++)
			is_plain |= number == plain[i];
		if (is_plain)
			continue;
		m = coapmake(MAKE_CON, 1, 1, 4);
		if (number < 11)
			coapmake_option(&m, number, "", 0);
		coapmake_path(&m, CORE);
		if (number > 11)
			coapmake_option(&m, number, "", 0);
		passes(&paths[0], &m);
	}
	m = get_of(CORE);
	coapmake_payload(&m, "a GET has none");
	passes(&paths[0], &m);
	m = get_of(CORE);
	m.bytes[m.len++] = 0xff; /* malformed */
	passes(&paths[0], &m);
	m = coapmake(MAKE_CON, 1, 1, 4);
	coapmake_text(&m, MAKE_URI_HOST, "a");
	coapmake_text(&m, MAKE_URI_HOST, "b"); /* may not be repeated */
	coapmake_path(&m, CORE);
	passes(&paths[0], &m);
}

static void test_accept(void **state)
{
	static const struct {
		const char *value;
		size_t len;
		bool accepted;
	} rows[] = { { "\x28", 1, true },   { "\0\x28", 2, true },  { "\x29", 1, false },
		     { "", 0, false },	    { "\x28\0", 2, false }, { "\0\0\x28", 3, false },
		     { "\1\x28", 2, false } };
	struct sl_response r = say_core();
	struct coapmake m;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		m = get_of(CORE);
		coapmake_option(&m, ACCEPT, rows[i].value, rows[i].len);
		if (rows[i].accepted)
			answered(&paths[i & 1], &m, &r, short_text);
		else
			passes(&paths[i & 1], &m);
	}
	/* Format 0 is one, and none is none. */
	say(&(struct said){ ACME, 0, CORE, 1, { .max_age_s = 60, .payload = short_text } });
	m = get_of(CORE);
	coapmake_option(&m, ACCEPT, "", 0);
	assert_int_equal(run_action(&paths[0], &m), XDP_TX);
	say(&(struct said){ ACME,
			    0,
			    CORE,
			    1,
			    { .format = SL_FORMAT_NONE, .max_age_s = 60, .payload = short_text } });
	passes(&paths[0], &m);
}

static void test_etags(void **state)
{
	struct sl_response r = say_core();
	uint8_t other[8];

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		for (int at = 0; at <= SL_ETAGS; at++) {
			struct coapmake m = coapmake(MAKE_CON, 1, 7, 4);

			for (int i = 0; i <= SL_ETAGS; i++) {
				memcpy(other, r.etag, 8);
				other[i] ^= i != at;
				coapmake_option(&m, ETAG, other, 8);
			}
			coapmake_path(&m, CORE);
			if (at < SL_ETAGS)
				validated(&paths[v6], &m, &r);
			else /* so many are not compared */
				answered(&paths[v6], &m, &r, short_text);
		}
		for (int len = 0; len <= 8; len++) {
			struct coapmake m = coapmake(MAKE_CON, 1, 7, 4);

			coapmake_option(&m, ETAG, r.etag, len);
			coapmake_path(&m, CORE);
			if (len == 8)
				validated(&paths[v6], &m, &r);
			else
				answered(&paths[v6], &m, &r, short_text);
		}
	}
}

/* -- quotas and budgets -- */

static void test_it_is_charged_like_any_request(void **state)
{
	struct sl_account a = { .id = 1, .quota_mask = 1 << SL_Q_MESSAGES, .limit = 1 };
	struct sl_response r = say_core();
	struct coapmake m = get_of(CORE);

	(void)state;
	a.cost[SL_Q_MESSAGES] = 3600 * 1000000000ull * SL_TAT_PER_NS;
	bed_account(bed, ACME, 1, a);
	answered(&paths[0], &m, &r, short_text);
	assert_int_equal(run_action(&paths[0], &m), XDP_DROP);
	assert_int_equal(bed_reason(bed, SL_R_TENANT_MESSAGES), 1);
	a = (struct sl_account){ .id = 2, .denied = 1 };
	bed_account(bed, ACME, 2, a);
	assert_int_equal(run_action(&paths[1], &m), XDP_DROP);
	assert_int_equal(bed_reason(bed, SL_R_METHOD_NOT_ALLOWED), 1);
}

static void test_over_the_reply_budget_the_instance_says_it(void **state)
{
	struct sl_response r = say_core();
	struct coapmake m = get_of(CORE);

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		answered(&paths[v6], &m, &r, short_text);
		for (int i = 0; i < 3; i++)
			passes(&paths[v6], &m);
	}
	assert_int_equal(bed_hot(bed, 1).messages, 3);
}

/* -- random requests -- */

static uint32_t random_state = 1;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

/* Is it answered? As the documentation says it, from what the message was made of. */
static bool make_random(struct coapmake *m, const struct sl_response *r)
{
	static const uint16_t numbers[] = { 3, 4, 6, 7, 11, 12, ACCEPT, 15, 23, 252, 258, 300 };
	bool good = true, accepted = true;
	int segments = 0, repeats[SL_ARRAY_SIZE(numbers)] = {};

	*m = coapmake(MAKE_CON, 1, draw(65536), draw(9));
	for (size_t i = 0; i < SL_ARRAY_SIZE(numbers); i++) {
		bool path = numbers[i] == 11;
		uint32_t n = path ? 2 : draw(8) ? 0 : 1 + draw(2);

		for (; n; n--, repeats[i]++) {
			if (path)
				coapmake_text(m, 11, segments++ ? "core" : ".well-known");
			else if (numbers[i] == ACCEPT)
				coapmake_option(m, ACCEPT, draw(2) ? "\x28" : "\x29", 1);
			else if (numbers[i] == ETAG)
				coapmake_option(m, ETAG, r->etag, 1 + draw(7));
			else
				coapmake_option(m, numbers[i], "aaaaaaaa", 1 + draw(7));
			if (numbers[i] == ACCEPT)
				accepted = m->bytes[m->len - 1] == 0x28;
		}
		if (repeats[i] && (numbers[i] == 6 || numbers[i] == 12 || numbers[i] == 15 ||
				   numbers[i] == 23 || numbers[i] >= 258))
			good = false;
		if (repeats[i] > 1 && (numbers[i] == 3 || numbers[i] == 7 || numbers[i] == ACCEPT))
			good = false;
	}
	if (!draw(8)) {
		coapmake_payload(m, "payload");
		good = false;
	}
	return good && accepted;
}

static void test_random_requests(void **state)
{
	struct sl_response r = say_core();
	int n = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct coapmake m;
		bool want = make_random(&m, &r);
		int got = run_action(&paths[i & 1], &m);

		n += want;
		if (got == (want ? XDP_TX : XDP_REDIRECT))
			continue;
		for (size_t k = 0; k < m.len; k++)
			print_message("%02x ", m.bytes[k]);
		fail_msg("request %d: action %d, want %s", i, got, want ? "TX" : "REDIRECT");
	}
	assert_in_range(n, 2000, 18000);
}

#define STATIC_TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, bed_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STATIC_TEST(test_what_is_said, setup),
		STATIC_TEST(test_three_times_is_the_most, setup),
		STATIC_TEST(test_who_has_proven_himself_gets_all, setup_echo),
		STATIC_TEST(test_just_this_path, setup),
		STATIC_TEST(test_of_tenant_and_service, setup),
		STATIC_TEST(test_the_other_bank_is_not_looked_at, setup),
		STATIC_TEST(test_all_else_is_the_instances, setup),
		STATIC_TEST(test_accept, setup),
		STATIC_TEST(test_etags, setup),
		STATIC_TEST(test_it_is_charged_like_any_request, setup),
		STATIC_TEST(test_over_the_reply_budget_the_instance_says_it, setup_dear),
		STATIC_TEST(test_random_requests, setup),
	};

	network_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
