// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What probes send and accept, when they change a verdict, and what a scaling
 * hook may print.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "common/addr.h"
#include "plan/hook_line.h"
#include "plan/probe_rule.h"
#include "plan/probe_wire.h"

/* An exactly sized copy: one byte too far and ASan reports it. */
static void *heap_copy(const void *bytes, size_t len)
{
	void *p = malloc(len ? len : 1);

	assert_non_null(p);
	if (len)
		memcpy(p, bytes, len);
	return p;
}

/* -- MQTT -- */

static void test_connect_is_what_the_standard_says(void **state)
{
	static const uint8_t want[] = { 0x10, 14,   0, 4,  'M', 'Q', 'T', 'T',
					4,    0x02, 0, 30, 0,	2,   'i', 'd' };
	uint8_t got[PROBE_MQTT_CONNECT_MAX];

	(void)state;
	assert_int_equal(probe_mqtt_connect("id", got), sizeof(want));
	assert_memory_equal(got, want, sizeof(want));
	assert_int_equal(probe_mqtt_connect("12345678901234567890123", got), sizeof(got));
	assert_int_equal(probe_mqtt_connect("123456789012345678901234", got), 0);
	assert_int_equal(probe_mqtt_connect("", got), 0);
}

static const struct {
	const char *name;
	enum probe_answer want;
	uint8_t code;
	uint8_t bytes[12];
	size_t len;
} connacks[] = {
	{ "nothing yet", PROBE_ANSWER_MORE, 0, { 0 }, 0 },
	{ "accepted", PROBE_ANSWER_GOOD, 0, { 0x20, 2, 0, 0 }, 4 },
	{ "session present", PROBE_ANSWER_GOOD, 0, { 0x20, 2, 1, 0 }, 4 },
	{ "not authorised", PROBE_ANSWER_GOOD, 5, { 0x20, 2, 0, 5 }, 4 },
	{ "code 255", PROBE_ANSWER_GOOD, 255, { 0x20, 2, 0, 255 }, 4 },
	{ "version 5's refusal", PROBE_ANSWER_GOOD, 0x84, { 0x20, 3, 0, 0x84, 0 }, 5 },
	{ "more behind it", PROBE_ANSWER_GOOD, 0, { 0x20, 2, 0, 0, 0xd0, 0 }, 6 },
	{ "length in four bytes", PROBE_ANSWER_GOOD, 7, { 0x20, 0x82, 0x80, 0x80, 0, 0, 7 }, 7 },
	{ "length in five bytes", PROBE_ANSWER_BAD, 0, { 0x20, 0x82, 0x80, 0x80, 0x80, 0 }, 6 },
	{ "type alone", PROBE_ANSWER_MORE, 0, { 0x20 }, 1 },
	{ "without its code", PROBE_ANSWER_MORE, 0, { 0x20, 2, 0 }, 3 },
	{ "empty body", PROBE_ANSWER_BAD, 0, { 0x20, 0 }, 2 },
	{ "body of one byte", PROBE_ANSWER_BAD, 0, { 0x20, 1, 0 }, 3 },
	{ "reserved acknowledge flag", PROBE_ANSWER_BAD, 0, { 0x20, 2, 2, 0 }, 4 },
	{ "fixed header flags", PROBE_ANSWER_BAD, 0, { 0x21, 2, 0, 0 }, 4 },
	{ "a PUBLISH", PROBE_ANSWER_BAD, 0, { 0x30, 2, 0, 0 }, 4 },
	{ "our CONNECT come back", PROBE_ANSWER_BAD, 0, { 0x10, 14, 0, 4 }, 4 },
	{ "HTTP", PROBE_ANSWER_BAD, 0, "HTTP/1.1 400", 12 },
	{ "SSH", PROBE_ANSWER_BAD, 0, "SSH-2.0-Open", 12 },
	{ "a TLS alert", PROBE_ANSWER_BAD, 0, { 21, 3, 3, 0, 2, 2, 70 }, 7 },
};

static void test_connacks(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(connacks); i++) {
		uint8_t *data = heap_copy(connacks[i].bytes, connacks[i].len), code = 99;
		enum probe_answer got = probe_mqtt_connack(data, connacks[i].len, &code);

		print_message("case: %s\n", connacks[i].name);
		assert_int_equal(got, connacks[i].want);
		assert_int_equal(code, got == PROBE_ANSWER_GOOD ? connacks[i].code : 99);
		free(data);
	}
}

/* However the bytes are cut into segments, a whole answer is never refused early. */
static void test_connack_byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(connacks); i++) {
		if (connacks[i].want != PROBE_ANSWER_GOOD)
			continue;
		for (size_t len = 0; len < connacks[i].len; len++) {
			uint8_t *data = heap_copy(connacks[i].bytes, len), code = 0;
			enum probe_answer got = probe_mqtt_connack(data, len, &code);

			assert_int_not_equal(got, PROBE_ANSWER_BAD);
			if (got == PROBE_ANSWER_GOOD)
				assert_int_equal(code, connacks[i].code);
			free(data);
		}
	}
}

/* -- CoAP -- */

static void test_coap_reset_is_told_from_all_else(void **state)
{
	uint8_t ping[PROBE_COAP_LEN];
	static const uint8_t want[] = { 0x40, 0, 0x12, 0x34 };

	(void)state;
	probe_coap_ping(0x1234, ping);
	assert_memory_equal(ping, want, sizeof(want));

	/* Of all first words with a right id, exactly one is a Reset. */
	for (uint32_t head = 0; head <= UINT16_MAX; head++) {
		const uint8_t m[] = { head >> 8, head & 0xff, 0x12, 0x34 };

		assert_int_equal(probe_coap_is_reset(m, sizeof(m), 0x1234), head == 0x7000);
	}
	for (uint32_t id = 0; id <= UINT16_MAX; id++) {
		const uint8_t m[] = { 0x70, 0, id >> 8, id & 0xff };

		assert_int_equal(probe_coap_is_reset(m, sizeof(m), 0x1234), id == 0x1234);
	}
}

static void test_coap_reset_has_four_bytes(void **state)
{
	static const uint8_t m[8] = { 0x70, 0, 0x12, 0x34 };

	(void)state;
	for (size_t len = 0; len <= sizeof(m); len++) {
		uint8_t *data = heap_copy(m, len);

		assert_int_equal(probe_coap_is_reset(data, len, 0x1234), len == PROBE_COAP_LEN);
		free(data);
	}
}

/* -- rise and fall -- */

static void test_verdicts_follow_rise_and_fall(void **state)
{
	static const struct {
		const char *name, *results, *verdicts; /* + ok, - failed; U, D, . none */
		uint32_t rise, fall;
	} cases[] = {
		{ "first answer", "+", "U", 2, 3 },
		{ "dead from the start", "---", "..D", 2, 3 },
		{ "a slow start", "--+", "..U", 2, 3 },
		{ "fall in a row only", "+--+---", "U.....D", 2, 3 },
		{ "rise in a row only", "+---+-++", "U..D...U", 2, 3 },
		{ "no verdict twice", "+++------", "U....D...", 2, 3 },
		{ "one each", "-+-+", "DUDU", 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(cases); i++) {
		enum probe_verdict view = PROBE_VERDICT_NONE, got;
		struct probe_counts counts = { 0 };

		print_message("case: %s\n", cases[i].name);
		for (size_t k = 0; cases[i].results[k]; k++) {
			got = probe_rule_count(&counts, cases[i].results[k] == '+', view,
					       cases[i].rise, cases[i].fall);
			assert_int_equal(".UD"[got], cases[i].verdicts[k]);
			assert_true(!counts.ok || !counts.failed);
			if (got)
				view = got;
		}
	}
}

static void test_counts_do_not_wrap(void **state)
{
	struct probe_counts counts = { .failed = UINT32_MAX };

	(void)state;
	assert_int_equal(probe_rule_count(&counts, false, PROBE_VERDICT_UP, 2, 3),
			 PROBE_VERDICT_DOWN);
	assert_int_equal(counts.failed, UINT32_MAX);
}

/* -- when -- */

static void test_delays_stay_near_the_interval(void **state)
{
	const uint64_t interval = 2000000000, swing = interval / 16;
	uint64_t rng = 1, low = UINT64_MAX, high = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		uint64_t d = probe_rule_delay(&rng, interval, PROBE_PACE_NORMAL);

		low = d < low ? d : low;
		high = d > high ? d : high;
	}
	assert_in_range(low, interval - swing, interval - swing / 2);
	assert_in_range(high, interval + swing / 2, interval + swing);

	assert_int_equal(probe_rule_delay(&rng, 0, PROBE_PACE_NORMAL), 0);
}

static void test_delays_by_pace(void **state)
{
	static const struct {
		const char *name;
		uint64_t interval, base;
		enum probe_pace pace;
	} cases[] = {
		{ "undecided", 2000000000, PROBE_RULE_FIRST_NS, PROBE_PACE_UNDECIDED },
		{ "undecided, often", 1600, 1600, PROBE_PACE_UNDECIDED },
		{ "refused: an eighth", 4000000000, 500000000, PROBE_PACE_REFUSED },
		{ "refused, often", 400000000, PROBE_RULE_REFUSED_NS, PROBE_PACE_REFUSED },
		{ "refused, very often", 1600, 1600, PROBE_PACE_REFUSED },
	};
	uint64_t rng = 3;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(cases); i++) {
		uint64_t swing = cases[i].base / 16;

		print_message("case: %s\n", cases[i].name);
		for (int k = 0; k < 1000; k++)
			assert_in_range(probe_rule_delay(&rng, cases[i].interval, cases[i].pace),
					cases[i].base - swing, cases[i].base + swing);
	}
}

static void test_a_thousand_targets_do_not_begin_at_once(void **state)
{
	const uint64_t interval = 2000000000;
	uint32_t in_slot[20] = { 0 };
	uint64_t rng = 7;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t d = probe_rule_stagger(&rng, interval, 1000);

		assert_true(d < interval);
		in_slot[d / (interval / 20)]++;
	}
	for (size_t i = 0; i < SL_ARRAY_SIZE(in_slot); i++)
		assert_in_range(in_slot[i], 20, 90); /* 50 each, give or take */

	assert_true(probe_rule_stagger(&rng, interval, 1) < PROBE_RULE_SPACING_NS);
	assert_true(probe_rule_stagger(&rng, 10, UINT32_MAX) < 10);
	assert_int_equal(probe_rule_stagger(&rng, interval, 0), 0);
}

static void test_the_seed_decides(void **state)
{
	uint64_t a = 5, b = 5, c = 6;

	(void)state;
	assert_int_equal(probe_rule_random(&a), probe_rule_random(&b));
	assert_int_not_equal(probe_rule_random(&a), probe_rule_random(&c));
}

/* -- hooks -- */

static const struct {
	const char *out;
	const char *want; /* as addr_endpoint_text(); NULL: refused */
	size_t len;	  /* 0: strlen */
} hook_lines[] = {
	{ "10.0.1.12 1883\n", "10.0.1.12:1883", 0 },
	{ "10.0.1.12 1883", "10.0.1.12:1883", 0 },
	{ "10.0.1.12:1883\n", "10.0.1.12:1883", 0 },
	{ "  10.0.1.12 \t 1883 \r\nsecond line 1\n", "10.0.1.12:1883", 0 },
	{ "2001:db8::1 5683\n", "[2001:db8::1]:5683", 0 },
	{ "[2001:db8::1]:5683\n", "[2001:db8::1]:5683", 0 },
	{ "10.0.1.12 65535\n", "10.0.1.12:65535", 0 },
	{ "10.0.1.12 1883\n\0\xff", "10.0.1.12:1883", 17 },

	{ "", NULL, 0 },
	{ "\n10.0.1.12 1883\n", NULL, 0 },
	{ "   \n", NULL, 0 },
	{ "10.0.1.12\n", NULL, 0 },
	{ "10.0.1.12 0\n", NULL, 0 },
	{ "10.0.1.12 65536\n", NULL, 0 },
	{ "10.0.1.12 -1\n", NULL, 0 },
	{ "10.0.1.12 +1883\n", NULL, 0 },
	{ "10.0.1.12 1883x\n", NULL, 0 },
	{ "10.0.1.12 0x50\n", NULL, 0 },
	{ "10.0.1.12 1883 100\n", NULL, 0 },
	{ "10.0.1.12 99999999999999999999\n", NULL, 0 },
	{ "10.0.1.12:1883:1883\n", NULL, 0 },
	{ "10.0.1.300 1883\n", NULL, 0 },
	{ "10.0.1 1883\n", NULL, 0 },
	{ "2001:db8::1:5683\n", NULL, 0 },
	{ "[2001:db8::1] 5683\n", NULL, 0 },
	{ "[2001:db8::1]5683\n", NULL, 0 },
	{ "[]:5683\n", NULL, 0 },
	{ "fe80::1%eth0 5683\n", NULL, 0 },
	{ "server.example 1883\n", NULL, 0 },
	{ "started\n10.0.1.12 1883\n", NULL, 0 },
	{ "0.0.0.0 1883\n", NULL, 0 },
	{ ":: 1883\n", NULL, 0 },
	{ "224.0.0.1 1883\n", NULL, 0 },
	{ "ff02::1 1883\n", NULL, 0 },
	{ "255.255.255.255 1883\n", NULL, 0 },
	{ "10.0.1.12 18\00083\n", NULL, 16 },
	{ "\0", NULL, 1 },
	{ "10.0.1.12 1883\x1b[31m\n", NULL, 0 },
	{ "\xc3\xa9\xff\n", NULL, 0 },
	{ "%s%n %d\n", NULL, 0 },
	{ "$(reboot) 1883\n", NULL, 0 },
};

static void test_hook_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(hook_lines); i++) {
		size_t len = hook_lines[i].len ? hook_lines[i].len : strlen(hook_lines[i].out);
		char *out = heap_copy(hook_lines[i].out, len);
		char text[ADDR_ENDPOINT_TEXT], error[HOOK_ERROR_MAX] = "";
		struct sl_addr addr = { { 0 } };
		uint16_t port = 0;
		int err = hook_line_parse(out, len, &addr, &port, error);

		print_message("case %zu: %s\n", i, error);
		if (hook_lines[i].want) {
			assert_int_equal(err, 0);
			assert_string_equal(addr_endpoint_text(&addr, port, text),
					    hook_lines[i].want);
		} else {
			assert_int_equal(err, -EINVAL);
			assert_int_equal(port, 0);
			assert_non_null(strstr(error, "want a line such as"));
			for (const char *c = error; *c; c++)
				assert_in_range(*c, ' ', '~'); /* safe for a terminal */
		}
		free(out);
	}
}

static void test_hook_line_has_a_limit(void **state)
{
	char out[HOOK_OUTPUT_MAX], error[HOOK_ERROR_MAX];
	struct sl_addr addr;
	uint16_t port;

	(void)state;
	memset(out, 'x', sizeof(out));
	assert_int_equal(hook_line_parse(out, sizeof(out), &addr, &port, error), -EINVAL);
	assert_non_null(strstr(error, "too long"));

	/* The longest line that is looked at, and one byte more. */
	out[HOOK_LINE_MAX - 1] = '\n';
	assert_int_equal(hook_line_parse(out, sizeof(out), &addr, &port, error), -EINVAL);
	assert_null(strstr(error, "too long"));
	out[HOOK_LINE_MAX - 1] = 'x';
	out[HOOK_LINE_MAX] = '\n';
	assert_int_equal(hook_line_parse(out, sizeof(out), &addr, &port, error), -EINVAL);
	assert_non_null(strstr(error, "too long"));

	/* Blanks do not count, but are bounded by what was read. */
	memset(out, ' ', sizeof(out));
	memcpy(out + 1000, "10.0.1.12 1883\n", 15);
	assert_int_equal(hook_line_parse(out, sizeof(out), &addr, &port, error), 0);
	assert_int_equal(port, 1883);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connect_is_what_the_standard_says),
		cmocka_unit_test(test_connacks),
		cmocka_unit_test(test_connack_byte_by_byte),
		cmocka_unit_test(test_coap_reset_is_told_from_all_else),
		cmocka_unit_test(test_coap_reset_has_four_bytes),
		cmocka_unit_test(test_verdicts_follow_rise_and_fall),
		cmocka_unit_test(test_counts_do_not_wrap),
		cmocka_unit_test(test_delays_stay_near_the_interval),
		cmocka_unit_test(test_delays_by_pace),
		cmocka_unit_test(test_a_thousand_targets_do_not_begin_at_once),
		cmocka_unit_test(test_the_seed_decides),
		cmocka_unit_test(test_hook_lines),
		cmocka_unit_test(test_hook_line_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
