// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* bpf/lib/mqtt.h against MQTT 3.1, 3.1.1 and 5.0: a row a segment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "bytes.h"
#include "lib/mqtt.h"

#define NAME_4 "0004 4d515454"
#define NAME_3 "0006 4d5149736470"

/* clang-format off */
static const struct {
	const char *name, *hex;
	enum mqtt_result result;
	enum sl_kind kind;
	__u8 version;
	__u32 count;
} segments[] = {
	{ "CONNECT 3.1.1",               "10 0d" NAME_4 "04 02 003c 0001 61",   MQTT_OK, SL_K_MQTT_CONNECT, 4, 1 },
	{ "CONNECT 5.0",                 "10 0e" NAME_4 "05 02 003c 00 0001 61", MQTT_OK, SL_K_MQTT_CONNECT, 5, 1 },
	{ "CONNECT 3.1",                 "10 0f" NAME_3 "03 02 003c 0001 61",   MQTT_OK, SL_K_MQTT_CONNECT, 3, 1 },
	{ "CONNECT of a bridge",         "10 0d" NAME_4 "84 02 003c 0001 61",   MQTT_OK, SL_K_MQTT_CONNECT, 4, 1 },
	{ "CONNECT goes on later",       "10 ff01" NAME_4 "04 02 003c 0064",    MQTT_OK, SL_K_MQTT_CONNECT, 4, 1 },
	{ "CONNECT level 3 as MQTT",     "10 0d" NAME_4 "03 02 003c 0001 61",   MQTT_BAD_CONNECT, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "CONNECT level 6",             "10 0d" NAME_4 "06 02 003c 0001 61",   MQTT_BAD_CONNECT, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "CONNECT MQIsdp level 4",      "10 0f" NAME_3 "04 02 003c 0001 61",   MQTT_BAD_CONNECT, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "CONNECT of another protocol", "10 0d 0004 4d515455 04 02003c 000161", MQTT_BAD_CONNECT, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "CONNECT with a long name",    "10 0d 0104 4d515454 04 02003c 000161", MQTT_BAD_CONNECT, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "CONNECT MQIsdx",              "10 0f 0006 4d5149736478 03 02003c 000161", MQTT_BAD_CONNECT, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "CONNECT cut in its name",     "10 0d 0004 4d515454",                 MQTT_CONTINUED, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "CONNECT MQIsdp cut",          "10 0f 0006 4d5149736470",             MQTT_CONTINUED, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "CONNECT with flags",          "11 0d" NAME_4 "04 02 003c 0001 61",   MQTT_BAD_FLAGS, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "CONNECT too short",           "10 0b" NAME_4 "04 02 003c 00",        MQTT_CONTINUED, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "CONNACK 3.1.1",               "20 02 0000",                          MQTT_OK, SL_K_MQTT_CONNACK, 0, 1 },
	{ "CONNACK 5.0",                 "20 03 0000 00",                       MQTT_OK, SL_K_MQTT_CONNACK, 0, 1 },
	{ "PUBLISH QoS 0",               "30 06 0003 612f62 31",                MQTT_OK, SL_K_MQTT_PUBLISH, 0, 1 },
	{ "PUBLISH QoS 0 retained",      "31 06 0003 612f62 31",                MQTT_OK, SL_K_MQTT_PUBLISH, 0, 1 },
	{ "PUBLISH QoS 1",               "32 08 0003 612f62 0001 31",           MQTT_OK, SL_K_MQTT_PUBLISH, 0, 1 },
	{ "PUBLISH QoS 2 again",         "3c 08 0003 612f62 0001 31",           MQTT_OK, SL_K_MQTT_PUBLISH, 0, 1 },
	{ "PUBLISH QoS 3",               "36 08 0003 612f62 0001 31",           MQTT_BAD_FLAGS, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "PUBLISH QoS 3, all flags",    "3f 08 0003 612f62 0001 31",           MQTT_BAD_FLAGS, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "PUBLISH, topic too long",     "30 06 0005 612f62 31",                MQTT_CONTINUED, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "PUBLISH, no room for the id", "32 06 0003 612f62 31",                MQTT_CONTINUED, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "PUBLISH of 129, begun",       "30 8101 0003 612f62 31",              MQTT_OK, SL_K_MQTT_PUBLISH, 0, 1 },
	{ "PUBLISH, empty topic",        "30 03 0000 00",                       MQTT_OK, SL_K_MQTT_PUBLISH, 0, 1 },
	{ "PUBACK",                      "40 02 0001",                          MQTT_OK, SL_K_MQTT_PUBACK, 0, 1 },
	{ "PUBACK with flags",           "42 02 0001",                          MQTT_BAD_FLAGS, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "PUBACK without id",           "40 00",                               MQTT_CONTINUED, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "PUBREC",                      "50 02 0001",                          MQTT_OK, SL_K_MQTT_PUBREC, 0, 1 },
	{ "PUBREL",                      "62 02 0001",                          MQTT_OK, SL_K_MQTT_PUBREL, 0, 1 },
	{ "PUBREL without its flags",    "60 02 0001",                          MQTT_BAD_FLAGS, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "PUBCOMP",                     "70 02 0001",                          MQTT_OK, SL_K_MQTT_PUBCOMP, 0, 1 },
	{ "SUBSCRIBE",                   "82 06 0001 0001 61 00",               MQTT_OK, SL_K_MQTT_SUBSCRIBE, 0, 1 },
	{ "SUBSCRIBE without its flags", "80 06 0001 0001 61 00",               MQTT_BAD_FLAGS, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "SUBSCRIBE without a filter",  "82 02 0001",                          MQTT_CONTINUED, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "SUBACK",                      "90 03 0001 00",                       MQTT_OK, SL_K_MQTT_SUBACK, 0, 1 },
	{ "SUBACK without a code",       "90 02 0001",                          MQTT_CONTINUED, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "UNSUBSCRIBE without a filter", "a2 04 0001 0000",                    MQTT_CONTINUED, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "UNSUBSCRIBE",                 "a2 05 0001 0001 61",                  MQTT_OK, SL_K_MQTT_UNSUBSCRIBE, 0, 1 },
	{ "UNSUBSCRIBE with others",     "a3 05 0001 0001 61",                  MQTT_BAD_FLAGS, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "UNSUBACK",                    "b0 02 0001",                          MQTT_OK, SL_K_MQTT_UNSUBACK, 0, 1 },
	{ "PINGREQ",                     "c0 00",                               MQTT_OK, SL_K_MQTT_PINGREQ, 0, 1 },
	{ "PINGREQ with a body",         "c0 01 00",                            MQTT_CONTINUED, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "PINGRESP",                    "d0 00",                               MQTT_OK, SL_K_MQTT_PINGRESP, 0, 1 },
	{ "DISCONNECT 3.1.1",            "e0 00",                               MQTT_OK, SL_K_MQTT_DISCONNECT, 0, 1 },
	{ "DISCONNECT 5.0",              "e0 02 97 00",                         MQTT_OK, SL_K_MQTT_DISCONNECT, 0, 1 },
	{ "AUTH",                        "f0 02 18 00",                         MQTT_OK, SL_K_MQTT_AUTH, 0, 1 },
	{ "AUTH with flags",             "f1 02 18 00",                         MQTT_BAD_FLAGS, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "type 0",                      "00 00",                               MQTT_BAD_TYPE, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "nothing",                     "",                                    MQTT_CONTINUED, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "one byte",                    "30",                                  MQTT_CONTINUED, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "length cut after one",        "30 80",                               MQTT_CONTINUED, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "length cut after three",      "30 ffffff",                           MQTT_CONTINUED, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "the largest length",          "30 ffffff7f 0001 61",                 MQTT_OK, SL_K_MQTT_PUBLISH, 0, 1 },
	{ "a fifth length byte",         "30 ffffffff01",                       MQTT_BAD_LENGTH, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "a fourth that wants a fifth", "30 80808080",                         MQTT_BAD_LENGTH, SL_K_MQTT_CONTINUED, 0, 1 },
	{ "two PUBACKs",                 "40 02 0001 40 02 0002",               MQTT_OK, SL_K_MQTT_PUBACK, 0, 2 },
	{ "and a half",                  "40 02 0001 40 02 0002 40 02 00",      MQTT_OK, SL_K_MQTT_PUBACK, 0, 2 },
	{ "and half a header",           "40 02 0001 40 02 0002 40",            MQTT_OK, SL_K_MQTT_PUBACK, 0, 2 },
	{ "and what makes no message",   "40 02 0001 40 02 0002 00 00 c0 00",   MQTT_OK, SL_K_MQTT_PUBACK, 0, 2 },
	{ "and flags that are wrong",    "40 02 0001 62 02 0001 60 02 0001",    MQTT_OK, SL_K_MQTT_PUBACK, 0, 2 },
	{ "CONNECT, SUBSCRIBE, PUBLISH, PINGREQ", "10 0d" NAME_4 "04 02 003c 000161 82 06 0001 000161 00"
					 "32 08 0003612f62 0002 31 c0 00",      MQTT_OK, SL_K_MQTT_CONNECT, 4, 4 },
	{ "eight PINGREQs",              "c000c000c000c000c000c000c000c000",    MQTT_OK, SL_K_MQTT_PINGREQ, 0, 8 },
	{ "nine",                        "c000c000c000c000c000c000c000c000c000", MQTT_OK, SL_K_MQTT_PINGREQ, 0, 8 },
	{ "not even one whole",          "30 0a 0003 612f62",                   MQTT_OK, SL_K_MQTT_PUBLISH, 0, 1 },
	{ "an endless one in between",   "c000 30 ffffff7f c000",               MQTT_OK, SL_K_MQTT_PINGREQ, 0, 1 },
};
/* clang-format on */

static void test_segments(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(segments); i++) {
		struct bytes b = bytes_hex(segments[i].hex);
		struct cursor c = bytes_cursor(&b);
		const uint8_t *before = c.pos;
		struct mqtt_msg m;

		print_message("case: %s\n", segments[i].name);
		assert_int_equal(mqtt_parse(&c, &m), segments[i].result);
		assert_int_equal(m.kind, segments[i].kind);
		assert_int_equal(m.version, segments[i].version);
		if (segments[i].result == MQTT_OK) {
			assert_int_equal(m.type, b.data[0] >> 4);
			assert_int_equal(m.flags, b.data[0] & 15);
			assert_int_equal(mqtt_count(&c, &m), segments[i].count);
		}
		assert_ptr_equal(c.pos, before + m.header);
		assert_int_equal(c.left, b.len - m.header);
		bytes_free(&b);
	}
}

/* Every first byte, by the standard's words and not by the parser's tables. */
static void test_every_type_and_flags(void **state)
{
	(void)state;
	for (int first = 0; first < 256; first++) {
		int type = first >> 4, flags = first & 15;
		bool wants_2 =
			type == MQTT_PUBREL || type == MQTT_SUBSCRIBE || type == MQTT_UNSUBSCRIBE;
		bool good =
			type == MQTT_PUBLISH ? (flags >> 1 & 3) != 3 : flags == (wants_2 ? 2 : 0);
		uint8_t bytes[2] = { first, 0 };
		struct bytes b = bytes_copy(bytes, sizeof(bytes));
		struct cursor c = bytes_cursor(&b);
		struct mqtt_msg m;
		enum mqtt_result res = mqtt_parse(&c, &m);

		if (!type)
			assert_int_equal(res, MQTT_BAD_TYPE);
		else if (!good)
			assert_int_equal(res, MQTT_BAD_FLAGS);
		else
			assert_true(res == MQTT_OK || res == MQTT_CONTINUED);
		bytes_free(&b);
	}
}

static void test_remaining_length(void **state)
{
	static const struct {
		const char *hex;
		__u32 remaining;
	} lengths[] = {
		{ "30 7f 0001 61", 127 },
		{ "30 8001 0001 61", 128 },
		{ "30 ff7f 0001 61", 16383 },
		{ "30 808001 0001 61", 16384 },
		{ "30 ffff7f 0001 61", 2097151 },
		{ "30 80808001 0001 61", 2097152 },
		{ "30 ffffff7f 0001 61", MQTT_MAX_LENGTH },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(lengths); i++) {
		struct bytes b = bytes_hex(lengths[i].hex);
		struct cursor c = bytes_cursor(&b);
		struct mqtt_msg m;

		assert_int_equal(mqtt_parse(&c, &m), MQTT_OK);
		assert_int_equal(m.remaining, lengths[i].remaining);
		assert_int_equal(m.header, b.len - 3);
		bytes_free(&b);
	}
}

/* A message of two length bytes in the middle, where whole ones are counted. */
static void test_counts_over_a_long_message(void **state)
{
	uint8_t segment[2 + 3 + 200 + 2] = { 0xc0, 0, 0x30, 0xc8, 1, 0, 1, 'a' };
	struct cursor c = cursor_over(segment, segment + sizeof(segment));
	struct mqtt_msg m;

	(void)state;
	segment[sizeof(segment) - 2] = 0xc0;
	assert_int_equal(mqtt_parse(&c, &m), MQTT_OK);
	assert_int_equal(mqtt_count(&c, &m), 3);
	c.left -= 3; /* the long one is not whole any more */
	assert_int_equal(mqtt_count(&c, &m), 1);
}

/* Types of all that are counted, and of no other. */
static void test_types_of_messages(void **state)
{
	static const struct {
		const char *hex;
		uint32_t count, types;
	} rows[] = {
		{ "c000", 1, 0xc },
		{ "c000 3003 0001 61 e000", 3, 0xe3c },
		{ "3003 0001 61 40020001 50020001 62020001 70020001 c000 d000 e000", 8,
		  0xedc76543 },
		{ "c000c000c000c000c000c000c000c000 e000", 8, 0xcccccccc }, /* no ninth */
		{ "c000 30ff01 0001 61", 1, 0xc },			    /* not whole */
		{ "30ff01 0001 61", 1, 0x3 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct bytes b = bytes_hex(rows[i].hex);
		struct cursor c = bytes_cursor(&b);
		uint32_t types = 0xffffffff;
		struct mqtt_msg m;

		assert_int_equal(mqtt_parse(&c, &m), MQTT_OK);
		assert_int_equal(mqtt_messages(&c, &m, &types), rows[i].count);
		assert_int_equal(types, rows[i].types);
		assert_int_equal(mqtt_count(&c, &m), rows[i].count);
		bytes_free(&b);
	}
}

/* What lies behind the segment, a frame's padding, is not believed. */
static void test_padding_is_not_read(void **state)
{
	static const uint8_t bytes[] = { 0x30, 0x80, 0x80, 0x80, 0xff };
	struct mqtt_msg m;

	(void)state;
	for (size_t left = 0; left <= sizeof(bytes); left++) {
		struct bytes b = bytes_copy(bytes, sizeof(bytes));
		struct cursor c = cursor_over_frame(b.data, b.data + b.len, left);

		assert_int_equal(mqtt_parse(&c, &m),
				 left == sizeof(bytes) ? MQTT_BAD_LENGTH : MQTT_CONTINUED);
		bytes_free(&b);
	}
}

/* Cut anywhere, by the segment's length or by what is linear of it. */
static void test_cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(segments); i++) {
		struct bytes whole = bytes_hex(segments[i].hex);

		for (size_t len = 0; len < whole.len; len++) {
			struct bytes b = bytes_copy(whole.data, len);
			struct cursor cut = bytes_cursor(&b), part = cut;
			struct mqtt_msg m;

			if (mqtt_parse(&cut, &m) == MQTT_OK)
				assert_in_range(mqtt_count(&cut, &m), 1, segments[i].count);
			part.left = whole.len;
			if (mqtt_parse(&part, &m) == MQTT_OK)
				assert_in_range(mqtt_count(&part, &m), 1, segments[i].count);
			bytes_free(&b);
		}
		bytes_free(&whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_every_type_and_flags),
		cmocka_unit_test(test_remaining_length),
		cmocka_unit_test(test_counts_over_a_long_message),
		cmocka_unit_test(test_types_of_messages),
		cmocka_unit_test(test_padding_is_not_read),
		cmocka_unit_test(test_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
