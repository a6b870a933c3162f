// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* bpf/lib/coap.h against RFC 7252: a row a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "bytes.h"
#include "lib/coap.h"

#define X8(x)  x x x x x x x x
#define X23(x) X8(x) X8(x) x x x x x x x

/* clang-format off */
static const struct {
	const char *name, *hex;
	enum sl_kind kind;
} well_formed[] = {
	{ "GET",                         "40 01 1234",                          SL_K_COAP_GET },
	{ "GET, non-confirmable",        "50 01 1234",                          SL_K_COAP_GET },
	{ "POST",                        "40 02 1234",                          SL_K_COAP_POST },
	{ "PUT",                         "40 03 1234",                          SL_K_COAP_PUT },
	{ "DELETE",                      "40 04 1234",                          SL_K_COAP_DELETE },
	{ "FETCH",                       "40 05 1234",                          SL_K_COAP_FETCH },
	{ "PATCH",                       "40 06 1234",                          SL_K_COAP_PATCH },
	{ "iPATCH",                      "40 07 1234",                          SL_K_COAP_IPATCH },
	{ "method 0.08",                 "40 08 1234",                          SL_K_COAP_OTHER },
	{ "method 0.31",                 "40 1f 1234",                          SL_K_COAP_OTHER },
	{ "ping",                        "40 00 1234",                          SL_K_COAP_PING },
	{ "empty ACK",                   "60 00 1234",                          SL_K_COAP_ACK },
	{ "RST",                         "70 00 1234",                          SL_K_COAP_RESET },
	{ "2.05 piggybacked",            "61 45 1234 aa c0 ff 68 69",           SL_K_COAP_RESPONSE },
	{ "2.05 separate",               "41 45 1234 aa ff 00",                 SL_K_COAP_RESPONSE },
	{ "2.04 NON",                    "50 44 1234",                          SL_K_COAP_RESPONSE },
	{ "class 3 is not reserved",     "60 60 1234",                          SL_K_COAP_RESPONSE },
	{ "4.29",                        "60 9d 1234 d1 01 05",                 SL_K_COAP_RESPONSE },
	{ "5.31",                        "60 bf 1234",                          SL_K_COAP_RESPONSE },
	{ "token of 8",                  "48 01 1234 0102030405060708",         SL_K_COAP_GET },
	{ "token of 8, then an option",  "48 01 1234 0102030405060708 b1 61",   SL_K_COAP_GET },
	{ "options and payload",         "40 02 1234 b4 74656d70 10 ff 31",     SL_K_COAP_POST },
	{ "payload begins with ff",      "40 02 1234 ff ff",                    SL_K_COAP_POST },
	{ "ff in a token, in a value",   "41 01 1234 ff b2 ff ff",              SL_K_COAP_GET },
	{ "delta 12, length 12",         "40 01 1234 cc 000102030405060708090a0b", SL_K_COAP_GET },
	{ "delta in a byte, 13",         "40 01 1234 d0 00",                    SL_K_COAP_GET },
	{ "delta in a byte, 268",        "40 01 1234 d0 ff",                    SL_K_COAP_GET },
	{ "delta in two bytes, 269",     "40 01 1234 e0 0000",                  SL_K_COAP_GET },
	{ "option number 65535",         "40 01 1234 e0 fef2",                  SL_K_COAP_GET },
	{ "65535 in two steps",          "40 01 1234 e0 fef1 10",               SL_K_COAP_GET },
	{ "length in a byte",            "40 01 1234 0d 00 000102030405060708090a0b0c", SL_K_COAP_GET },
	{ "delta and length in a byte",  "40 01 1234 dd f5 00 000102030405060708090a0b0c", SL_K_COAP_GET },
	{ "24 options",                  "40 01 1234 b0" X23("00"),             SL_K_COAP_GET },
	{ "24 options and payload",      "40 01 1234 b0" X23("00") "ff 00",     SL_K_COAP_GET },
};

static const struct {
	const char *name, *hex;
	enum sl_reason why;
} malformed[] = {
	{ "nothing",                     "",                                    SL_R_COAP_SHORT },
	{ "three bytes",                 "40 01 12",                            SL_R_COAP_SHORT },
	{ "version 0",                   "00 01 1234",                          SL_R_COAP_VERSION },
	{ "version 2",                   "80 01 1234",                          SL_R_COAP_VERSION },
	{ "version 3",                   "c0 01 1234",                          SL_R_COAP_VERSION },
	{ "token length 9",              "49 01 1234 010203040506070809",       SL_R_COAP_TOKEN_LENGTH },
	{ "token length 13 (RFC 8974)",  "4d 01 1234 00 000102030405060708090a0b0c", SL_R_COAP_TOKEN_LENGTH },
	{ "token length 15",             "4f 01 1234",                          SL_R_COAP_TOKEN_LENGTH },
	{ "token cut",                   "44 01 1234 010203",                   SL_R_COAP_TOKEN },
	{ "token missing",               "41 45 1234",                          SL_R_COAP_TOKEN },
	{ "class 1",                     "40 20 1234",                          SL_R_COAP_CODE },
	{ "class 1, last",               "40 3f 1234",                          SL_R_COAP_CODE },
	{ "class 6",                     "40 c0 1234",                          SL_R_COAP_CODE },
	{ "class 7, CSM",                "40 e1 1234",                          SL_R_COAP_CODE },
	{ "class 7, last",               "40 ff 1234",                          SL_R_COAP_CODE },
	{ "class 6 in a RST",            "70 c0 1234",                          SL_R_COAP_CODE },
	{ "empty NON",                   "50 00 1234",                          SL_R_COAP_TYPE },
	{ "request in an ACK",           "60 01 1234",                          SL_R_COAP_TYPE },
	{ "request in a RST",            "70 01 1234",                          SL_R_COAP_TYPE },
	{ "response in a RST",           "70 45 1234",                          SL_R_COAP_TYPE },
	{ "ping with a byte",            "40 00 1234 00",                       SL_R_COAP_EMPTY },
	{ "ping with a token",           "41 00 1234 aa",                       SL_R_COAP_EMPTY },
	{ "ping that announces a token", "41 00 1234",                          SL_R_COAP_EMPTY },
	{ "RST with a payload",          "70 00 1234 ff 00",                    SL_R_COAP_EMPTY },
	{ "ACK with an option",          "60 00 1234 b0",                       SL_R_COAP_EMPTY },
	{ "delta 15",                    "40 01 1234 f0",                       SL_R_COAP_OPTION_DELTA },
	{ "delta 15, length 14",         "40 01 1234 fe 0000",                  SL_R_COAP_OPTION_DELTA },
	{ "delta 15 as second",          "40 01 1234 b1 61 f1 61",              SL_R_COAP_OPTION_DELTA },
	{ "length 15",                   "40 01 1234 0f",                       SL_R_COAP_OPTION_LENGTH },
	{ "delta 14, length 15",         "40 01 1234 ef 0000",                  SL_R_COAP_OPTION_LENGTH },
	{ "delta 13 without its byte",   "40 01 1234 d0",                       SL_R_COAP_OPTION_SHORT },
	{ "delta 14 with one byte",      "40 01 1234 e0 00",                    SL_R_COAP_OPTION_SHORT },
	{ "length 13 without its byte",  "40 01 1234 0d",                       SL_R_COAP_OPTION_SHORT },
	{ "length 14 with one byte",     "40 01 1234 0e 00",                    SL_R_COAP_OPTION_SHORT },
	{ "both 14 with three bytes",    "40 01 1234 ee 000000",                SL_R_COAP_OPTION_SHORT },
	{ "value missing",               "40 01 1234 b1",                       SL_R_COAP_OPTION_SHORT },
	{ "value cut",                   "40 01 1234 b4 74656d",                SL_R_COAP_OPTION_SHORT },
	{ "value of 269 in 1",           "40 01 1234 0e 0000 00",               SL_R_COAP_OPTION_SHORT },
	{ "value of 65804",              "40 01 1234 0e ffff 00",               SL_R_COAP_OPTION_SHORT },
	{ "value of a 24th option cut",  "40 01 1234 b0" X8("00") X8("00") "00000000000001", SL_R_COAP_OPTION_SHORT },
	{ "option number 65536",         "40 01 1234 e0 fef3",                  SL_R_COAP_OPTION_NUMBER },
	{ "option number 65804",         "40 01 1234 e0 ffff",                  SL_R_COAP_OPTION_NUMBER },
	{ "65536 in two steps",          "40 01 1234 e0 fef2 10",               SL_R_COAP_OPTION_NUMBER },
	{ "65536 and payload",           "40 01 1234 e0 fef3 ff 00",            SL_R_COAP_OPTION_NUMBER },
	{ "marker, nothing after it",    "40 01 1234 ff",                       SL_R_COAP_NO_PAYLOAD },
	{ "options, marker, nothing",    "41 02 1234 aa b1 61 ff",              SL_R_COAP_NO_PAYLOAD },
	{ "24 options, marker, nothing", "40 01 1234 b0" X23("00") "ff",        SL_R_COAP_NO_PAYLOAD },
};

static const struct {
	const char *name, *hex;
	int observe; /* its value, -1: none */
	bool later_block, more_blocks;
	__u16 content;
} noted[] = {
	{ "none",                        "40 01 1234 b1 61",                    -1,       false, false, 6 },
	{ "payload",                     "42 02 1234 aabb b1 61 ff 0102",       -1,       false, false, 9 },
	{ "register",                    "40 01 1234 60",                       0,        false, false, 5 },
	{ "deregister",                  "40 01 1234 61 01",                    1,        false, false, 6 },
	{ "observe of 3 bytes",          "60 45 1234 63 123456 ff 00",          0x123456, false, false, 9 },
	{ "observe of 4 bytes: unknown", "40 01 1234 64 01020304",              -1,       false, false, 9 },
	{ "two: the first counts",       "40 01 1234 61 01 01 02",              1,        false, false, 8 },
	{ "number 38 is not Observe",    "40 01 1234 d1 19 01",                 -1,       false, false, 7 },
	{ "Block2, number 0",            "40 01 1234 d1 0a 06",                 -1,       false, false, 7 },
	{ "Block2, number 1",            "40 01 1234 d1 0a 16",                 -1,       true,  false, 7 },
	{ "Block2 without a value",      "40 01 1234 d0 0a",                    -1,       false, false, 6 },
	{ "Block2, number 4096",         "40 01 1234 d3 0a 010006",             -1,       true,  false, 9 },
	{ "Block1, number 0, more",      "40 03 1234 d1 0e 0e ff 00",           -1,       false, true,  8 },
	{ "Block1, number 2",            "40 03 1234 d1 0e 26 ff 00",           -1,       true,  false, 8 },
	{ "Block2 0 and Block1 3",       "40 05 1234 d1 0a 06 41 36 ff 00",     -1,       true,  false, 10 },
	{ "Observe and Block2 2",        "40 01 1234 60 d1 04 26",              0,        true,  false, 8 },
	{ "number 22 is no block",       "40 01 1234 d1 09 16",                 -1,       false, false, 7 },
	{ "number 55 is no block",       "40 01 1234 d1 2a 16",                 -1,       false, false, 7 },
	{ "a response's Block2 3",       "60 45 1234 d1 0a 36 ff 00",           -1,       true,  false, 8 },
	{ "a response's Block2, more",    "60 45 1234 d1 0a 3e ff 00",           -1,       true,  true,  8 },
	{ "Block2 1 and Block1 0, more", "40 05 1234 d1 0a 16 41 0e ff 00",     -1,       true,  true,  10 },
};
/* clang-format on */

static void test_well_formed(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(well_formed); i++) {
		struct bytes b = bytes_hex(well_formed[i].hex);
		struct cursor c = bytes_cursor(&b);
		struct coap_msg m;

		print_message("case: %s\n", well_formed[i].name);
		assert_int_equal(coap_parse(&c, &m), SL_R_NONE);
		assert_int_equal(m.kind, well_formed[i].kind);
		assert_false(m.unexamined);
		assert_int_equal(m.type, b.data[0] >> 4 & 3);
		assert_int_equal(m.token_len, b.data[0] & 15);
		assert_int_equal(m.code, b.data[1]);
		assert_memory_equal(&m.mid, b.data + 2, sizeof(m.mid));
		bytes_free(&b);
	}
}

static void test_each_way_of_being_malformed(void **state)
{
	bool seen[SL_R__MAX] = {};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(malformed); i++) {
		struct bytes b = bytes_hex(malformed[i].hex);
		struct cursor c = bytes_cursor(&b);
		struct coap_msg m;

		print_message("case: %s\n", malformed[i].name);
		assert_int_equal(coap_parse(&c, &m), malformed[i].why);
		assert_int_equal(m.kind, SL_K_COAP_MALFORMED);
		seen[malformed[i].why] = true;
		bytes_free(&b);
	}
	for (int why = SL_R_COAP_SHORT; why <= SL_R_COAP_NO_PAYLOAD; why++)
		assert_true(seen[why]);
}

static void test_what_is_noted(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(noted); i++) {
		struct bytes b = bytes_hex(noted[i].hex);
		struct cursor c = bytes_cursor(&b);
		struct coap_msg m;

		print_message("case: %s\n", noted[i].name);
		assert_int_equal(coap_parse(&c, &m), SL_R_NONE);
		assert_int_equal(m.observe, noted[i].observe >= 0);
		if (m.observe)
			assert_int_equal(m.observe_value, noted[i].observe);
		assert_int_equal(m.later_block, noted[i].later_block);
		assert_int_equal(m.more_blocks, noted[i].more_blocks);
		assert_int_equal(m.content, noted[i].content);
		bytes_free(&b);
	}
}

/* Cut anywhere, by the datagram's length or by what is linear of it: no byte too
 * far, and what is only not linear is not malformed.
 */
static void test_cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(well_formed); i++) {
		struct bytes whole = bytes_hex(well_formed[i].hex);

		for (size_t len = 0; len < whole.len; len++) {
			struct bytes b = bytes_copy(whole.data, len);
			struct cursor cut = bytes_cursor(&b), part = cut;
			struct coap_msg m;

			coap_parse(&cut, &m);
			part.left = whole.len;
			assert_int_equal(coap_parse(&part, &m), SL_R_NONE);
			assert_int_equal(m.kind, len < 4 ? SL_K_UDP : well_formed[i].kind);
			if (!m.unexamined) /* what is missing is a value or payload */
				assert_true(m.content <= whole.len);
			bytes_free(&b);
		}
		bytes_free(&whole);
	}
}

static void test_a_value_that_is_not_linear_is_unexamined(void **state)
{
	struct bytes b = bytes_hex("40 01 1234 61");
	struct cursor c = cursor_over_frame(b.data, b.data + b.len, b.len + 1);
	struct coap_msg m;

	(void)state;
	assert_int_equal(coap_parse(&c, &m), SL_R_NONE);
	assert_true(m.unexamined);
	bytes_free(&b);
}

static void test_more_options_than_are_walked(void **state)
{
	struct bytes more = bytes_hex("40 01 1234 b0" X23("00") "00");
	struct bytes bad = bytes_hex("40 01 1234 b0" X23("00") "f0");
	struct bytes large = bytes_copy(more.data, more.len);
	struct coap_msg m;
	struct cursor c;

	(void)state;
	c = bytes_cursor(&more);
	assert_int_equal(coap_parse(&c, &m), SL_R_NONE);
	assert_true(m.unexamined);
	assert_int_equal(m.kind, SL_K_COAP_GET);
	c = bytes_cursor(&bad);
	assert_int_equal(coap_parse(&c, &m), SL_R_NONE);
	assert_true(m.unexamined);

	large.data = realloc(large.data, COAP_MAX_LEN + 1);
	assert_non_null(large.data);
	memset(large.data + 4, 0xff, COAP_MAX_LEN - 3);
	for (large.len = COAP_MAX_LEN - 1; large.len <= COAP_MAX_LEN + 1; large.len++) {
		c = bytes_cursor(&large);
		assert_int_equal(coap_parse(&c, &m), SL_R_NONE);
		assert_int_equal(m.unexamined, large.len > COAP_MAX_LEN);
	}
	bytes_free(&more);
	bytes_free(&bad);
	bytes_free(&large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_well_formed),
		cmocka_unit_test(test_each_way_of_being_malformed),
		cmocka_unit_test(test_what_is_noted),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_a_value_that_is_not_linear_is_unexamined),
		cmocka_unit_test(test_more_options_than_are_walked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
