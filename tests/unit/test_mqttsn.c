// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* bpf/lib/mqttsn.h against the MQTT-SN 1.2 specification: a row a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "bytes.h"
#include "lib/mqttsn.h"

enum step {
	OTHER,
	OPENER,
	CLOSING,
};

/* clang-format off */
static const struct {
	const char *name, *hex;
	enum sl_kind kind;
	enum step step;
} well_formed[] = {
	{ "ADVERTISE",                  "05 00 01 0384",                       SL_K_MQTTSN_SEARCH,      OTHER },
	{ "SEARCHGW",                   "03 01 00",                            SL_K_MQTTSN_SEARCH,      OTHER },
	{ "GWINFO",                     "03 02 01",                            SL_K_MQTTSN_SEARCH,      OTHER },
	{ "type 03, reserved",          "02 03",                               SL_K_MQTTSN_OTHER,       OTHER },
	{ "CONNECT",                    "0a 04 04 01 003c 64657631",           SL_K_MQTTSN_CONNECT,     OPENER },
	{ "CONNECT, long length",       "01 000c 04 04 01 003c 64657631",      SL_K_MQTTSN_CONNECT,     OPENER },
	{ "CONNACK",                    "03 05 00",                            SL_K_MQTTSN_CONNACK,     OTHER },
	{ "WILLTOPICREQ",               "02 06",                               SL_K_MQTTSN_WILL,        OTHER },
	{ "WILLTOPIC",                  "05 07 00 6162",                       SL_K_MQTTSN_WILL,        OTHER },
	{ "WILLMSGREQ",                 "02 08",                               SL_K_MQTTSN_WILL,        OTHER },
	{ "WILLMSG",                    "04 09 6162",                          SL_K_MQTTSN_WILL,        OTHER },
	{ "REGISTER",                   "08 0a 0000 0001 6162",                SL_K_MQTTSN_REGISTER,    OTHER },
	{ "REGACK",                     "07 0b 0001 0001 00",                  SL_K_MQTTSN_REGACK,      OTHER },
	{ "PUBLISH",                    "09 0c 20 0001 0002 6869",             SL_K_MQTTSN_PUBLISH,     OTHER },
	{ "PUBLISH, long length",       "01 000b 0c 20 0001 0002 6869",        SL_K_MQTTSN_PUBLISH,     OTHER },
	{ "PUBACK",                     "07 0d 0001 0002 00",                  SL_K_MQTTSN_PUBACK,      OTHER },
	{ "PUBCOMP",                    "04 0e 0002",                          SL_K_MQTTSN_PUBCOMP,     OTHER },
	{ "PUBREC",                     "04 0f 0002",                          SL_K_MQTTSN_PUBREC,      OTHER },
	{ "PUBREL",                     "04 10 0002",                          SL_K_MQTTSN_PUBREL,      OTHER },
	{ "type 11, reserved",          "02 11",                               SL_K_MQTTSN_OTHER,       OTHER },
	{ "SUBSCRIBE",                  "07 12 20 0003 6162",                  SL_K_MQTTSN_SUBSCRIBE,   OTHER },
	{ "SUBACK",                     "08 13 20 0001 0003 00",               SL_K_MQTTSN_SUBACK,      OTHER },
	{ "UNSUBSCRIBE",                "07 14 00 0004 6162",                  SL_K_MQTTSN_UNSUBSCRIBE, OTHER },
	{ "UNSUBACK",                   "04 15 0004",                          SL_K_MQTTSN_UNSUBACK,    OTHER },
	{ "PINGREQ",                    "02 16",                               SL_K_MQTTSN_PINGREQ,     OTHER },
	{ "PINGREQ of a sleeper",       "06 16 64657631",                      SL_K_MQTTSN_PINGREQ,     OTHER },
	{ "PINGRESP",                   "02 17",                               SL_K_MQTTSN_PINGRESP,    OTHER },
	{ "DISCONNECT",                 "02 18",                               SL_K_MQTTSN_DISCONNECT,  CLOSING },
	{ "DISCONNECT, long length",    "01 0004 18",                          SL_K_MQTTSN_DISCONNECT,  CLOSING },
	{ "DISCONNECT to sleep",        "04 18 003c",                          SL_K_MQTTSN_DISCONNECT,  OTHER },
	{ "to sleep, long length",      "01 0006 18 003c",                     SL_K_MQTTSN_DISCONNECT,  OTHER },
	{ "type 19, reserved",          "02 19",                               SL_K_MQTTSN_OTHER,       OTHER },
	{ "WILLTOPICUPD",               "05 1a 00 6162",                       SL_K_MQTTSN_WILL,        OTHER },
	{ "WILLTOPICRESP",              "03 1b 00",                            SL_K_MQTTSN_WILL,        OTHER },
	{ "WILLMSGUPD",                 "04 1c 6162",                          SL_K_MQTTSN_WILL,        OTHER },
	{ "WILLMSGRESP",                "03 1d 00",                            SL_K_MQTTSN_WILL,        OTHER },
	{ "type 1e, reserved",          "02 1e",                               SL_K_MQTTSN_OTHER,       OTHER },
	{ "type fd, reserved",          "02 fd",                               SL_K_MQTTSN_OTHER,       OTHER },
	{ "type ff, reserved",          "02 ff",                               SL_K_MQTTSN_OTHER,       OTHER },
	{ "forwarded PINGREQ",          "04 fe 00 aa 02 16",                   SL_K_MQTTSN_FORWARD,     OTHER },
	{ "forwarded, no node id",      "03 fe 00 02 18",                      SL_K_MQTTSN_FORWARD,     OTHER },
	{ "forwarded CONNECT, long",    "01 0006 fe 00 aa 0a 04 04 01 003c 64657631", SL_K_MQTTSN_FORWARD, OTHER },
};

static const struct {
	const char *name, *hex;
} malformed[] = {
	{ "nothing",                    "" },
	{ "one byte",                   "02" },
	{ "length 0",                   "00 16" },
	{ "length over the datagram",   "03 16" },
	{ "length under the datagram",  "02 16 00" },
	{ "long, one byte",             "01" },
	{ "long, two bytes",            "01 00" },
	{ "long, three bytes",          "01 0003" },
	{ "long, length 0",             "01 0000 16" },
	{ "long, length 3",             "01 0003 16" },
	{ "long, over the datagram",    "01 0005 16" },
	{ "long, over by its high byte", "01 0104 16" },
	{ "long, under the datagram",   "01 0004 16 00" },
	{ "forwarded without control",  "02 fe 02 16" },
	{ "forwarded nothing",          "03 fe 00" },
	{ "forwarded one byte",         "03 fe 00 02" },
	{ "forwarded, past the end",    "09 fe 00 aa 02 16" },
	{ "forwarded without control, long", "01 0004 fe 02 16" },
};
/* clang-format on */

static void test_well_formed(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(well_formed); i++) {
		struct bytes b = bytes_hex(well_formed[i].hex);
		struct cursor c = bytes_cursor(&b);
		struct mqttsn_msg m;

		print_message("case: %s\n", well_formed[i].name);
		assert_int_equal(mqttsn_parse(&c, &m), SL_R_NONE);
		assert_int_equal(m.kind, well_formed[i].kind);
		assert_int_equal(m.opener, well_formed[i].step == OPENER);
		assert_int_equal(m.closing, well_formed[i].step == CLOSING);
		assert_false(m.unexamined);
		bytes_free(&b);
	}
}

static void test_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(malformed); i++) {
		struct bytes b = bytes_hex(malformed[i].hex);
		struct cursor c = bytes_cursor(&b);
		struct mqttsn_msg m;

		print_message("case: %s\n", malformed[i].name);
		assert_int_equal(mqttsn_parse(&c, &m), SL_R_MQTTSN_LENGTH);
		assert_int_equal(m.kind, SL_K_MQTTSN_MALFORMED);
		bytes_free(&b);
	}
}

/* Longer than a byte can say, and as long as two can. */
static void test_large(void **state)
{
	static const size_t lens[] = { 256, 1500, 65535 };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(lens); i++) {
		uint8_t *data = calloc(1, lens[i]);
		struct bytes b;
		struct cursor c;
		struct mqttsn_msg m;

		assert_non_null(data);
		data[0] = 1;
		data[1] = lens[i] >> 8;
		data[2] = lens[i];
		data[3] = MQTTSN_CONNECT;
		b = bytes_copy(data, lens[i]);
		c = bytes_cursor(&b);
		assert_int_equal(mqttsn_parse(&c, &m), SL_R_NONE);
		assert_true(m.opener);
		c.left--;
		assert_int_equal(mqttsn_parse(&c, &m), SL_R_MQTTSN_LENGTH);
		bytes_free(&b);
		free(data);
	}
}

/* Cut anywhere: by the datagram's length it is malformed, unless an encapsulation
 * keeps enough of its message; by what is linear of it never.
 */
static void test_cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(well_formed); i++) {
		struct bytes whole = bytes_hex(well_formed[i].hex);
		size_t header = whole.data[0] == 1 ? 4 : 2;

		for (size_t len = 0; len < whole.len; len++) {
			struct bytes b = bytes_copy(whole.data, len);
			struct cursor cut = bytes_cursor(&b), part = cut;
			struct mqttsn_msg m;

			if (well_formed[i].kind != SL_K_MQTTSN_FORWARD)
				assert_int_equal(mqttsn_parse(&cut, &m), SL_R_MQTTSN_LENGTH);
			else
				mqttsn_parse(&cut, &m);
			part.left = whole.len;
			assert_int_equal(mqttsn_parse(&part, &m), SL_R_NONE);
			assert_int_equal(m.unexamined, len < header);
			assert_int_equal(m.kind, len < header ? SL_K_UDP : well_formed[i].kind);
			if (len < header)
				assert_false(m.opener || m.closing);
			bytes_free(&b);
		}
		bytes_free(&whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_well_formed),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
