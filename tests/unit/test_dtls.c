// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* bpf/lib/dtls.h against RFC 6347, 9146 and 9147: a row a datagram. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "bytes.h"
#include "lib/dtls.h"

enum step {
	OTHER,
	OPENER,
	CLOSING,
};

/* Parts of datagrams. A record's header is 13 bytes, a handshake message's 12. */
#define X4(x)	    x x x x
#define X16(x)	    X4(x) X4(x) X4(x) X4(x)
#define SEQ	    "000000000001"
#define RECORD(t)   t "fefd 0000" SEQ
#define HANDSHAKE   RECORD("16")
#define RANDOM	    "fefd" X16("5a5a")
#define CID8	    "a1b2c3d4e5f60708"
#define TAIL	    "0002 c0a8 01 00" /* of a ClientHello: one suite, no compression */
#define HELLO(rest) "01 00002a 0000 000000 00002a" RANDOM rest /* of 42 bytes */

struct datagram {
	const char *name, *hex;
	__u8 cid_len;
	enum sl_kind kind;
	enum step step;
	__u16 cid_offset;
};

/* clang-format off */
static const struct datagram well_formed[] = {
	/* content types */
	{ "ChangeCipherSpec",            RECORD("14") "0001 01",               0, SL_K_DTLS_CIPHER,    OTHER,   0 },
	{ "alert",                       RECORD("15") "0002 0100",             0, SL_K_DTLS_ALERT,     CLOSING, 0 },
	{ "data",                        RECORD("17") "0004 01020304",         0, SL_K_DTLS_DATA,      OTHER,   0 },
	{ "data, none",                  RECORD("17") "0000",                  0, SL_K_DTLS_DATA,      OTHER,   0 },
	{ "heartbeat",                   RECORD("18") "0003 010000",           0, SL_K_DTLS_HEARTBEAT, OTHER,   0 },
	{ "ACK of 1.3",                  RECORD("1a") "0002 0000",             0, SL_K_DTLS_ACK,       OTHER,   0 },
	{ "1.0",                         "17 feff 0001" SEQ "0001 00",         0, SL_K_DTLS_DATA,      OTHER,   0 },
	{ "two records: the first",      RECORD("14") "0001 01" RECORD("15") "0002 0100", 0, SL_K_DTLS_CIPHER, OTHER, 0 },
	{ "a second one that is cut",    RECORD("17") "0001 00" "17 fefd",     0, SL_K_DTLS_DATA,      OTHER,   0 },
	/* connection id of 1.2 */
	{ "id of 8",                     "19 fefd 0001" SEQ CID8 "0002 aaaa",  8, SL_K_DTLS_CID,       OTHER,   11 },
	{ "id of 1",                     "19 fefd 0001" SEQ "a1 0002 aaaa",    1, SL_K_DTLS_CID,       OTHER,   11 },
	{ "id of 20",                    "19 fefd 0001" SEQ X16("11") X4("22") "0001 aa", 20, SL_K_DTLS_CID, OTHER, 11 },
	{ "id of a length not known",    "19 fefd 0001" SEQ CID8 "0002 aaaa",  0, SL_K_DTLS_CID,       OTHER,   0 },
	{ "other types have no id",      RECORD("17") "0001 00",               8, SL_K_DTLS_DATA,      OTHER,   0 },
	/* unified header of 1.3: 001CSLEE */
	{ "unified",                     "20 aa" X16("bb"),                    0, SL_K_DTLS_ENCRYPTED, OTHER,   0 },
	{ "unified, epoch 3",            "23 aa" X16("bb"),                    0, SL_K_DTLS_ENCRYPTED, OTHER,   0 },
	{ "unified, S",                  "28 aaaa" X16("bb"),                  0, SL_K_DTLS_ENCRYPTED, OTHER,   0 },
	{ "unified, L",                  "24 aa 0010" X16("bb"),               0, SL_K_DTLS_ENCRYPTED, OTHER,   0 },
	{ "unified, S and L",            "2c aaaa 0010" X16("bb"),             0, SL_K_DTLS_ENCRYPTED, OTHER,   0 },
	{ "unified, L, one behind it",   "2c aaaa 0010" X16("bb") "2c",        0, SL_K_DTLS_ENCRYPTED, OTHER,   0 },
	{ "unified, C",                  "30" CID8 "aa" X16("bb"),             8, SL_K_DTLS_ENCRYPTED, OTHER,   1 },
	{ "unified, C, S and L",         "3f" CID8 "aaaa 0010" X16("bb"),      8, SL_K_DTLS_ENCRYPTED, OTHER,   1 },
	{ "unified, C, length not known", "3f" CID8 "aaaa 0010" X16("bb"),     0, SL_K_DTLS_ENCRYPTED, OTHER,   0 },
	{ "unified without C",           "2f aaaa 0010" X16("bb"),             8, SL_K_DTLS_ENCRYPTED, OTHER,   0 },
	/* handshake */
	{ "ClientHello",                 HANDSHAKE "0036" HELLO("00 00" TAIL), 0, SL_K_DTLS_HANDSHAKE, OPENER,  0 },
	{ "ClientHello with a cookie",   HANDSHAKE "0036" HELLO("00 01 cc 0002 c0a8 01"), 0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "session id of 2",             HANDSHAKE "0036" HELLO("02 1111 00 0002 c0a8"), 0, SL_K_DTLS_HANDSHAKE, OPENER, 0 },
	{ "session id of 2, a cookie",   HANDSHAKE "0036" HELLO("02 0000 01 cc 02 c0a8"), 0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "session id of 32, a cookie",  HANDSHAKE "0050 01 000044 0000 000000 000044" RANDOM "20" X16("0000") "01", 0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "session id of 33",            HANDSHAKE "0051 01 000045 0000 000000 000045" RANDOM "21" X16("0000") "00 01", 0, SL_K_DTLS_HANDSHAKE, OPENER, 0 },
	{ "session id past the record",  HANDSHAKE "002f 01 000029 0000 000000 000029" RANDOM "01" RECORD("17") "0000", 0, SL_K_DTLS_HANDSHAKE, OPENER, 0 },
	{ "cookie length past the record", HANDSHAKE "002f 01 000029 0000 000000 000029" RANDOM "00" RECORD("17") "0000", 0, SL_K_DTLS_HANDSHAKE, OPENER, 0 },
	{ "cookie length past the fragment", HANDSHAKE "0030 01 000029 0000 000000 000023" RANDOM "00 01", 0, SL_K_DTLS_HANDSHAKE, OPENER, 0 },
	{ "first fragment, short",       HANDSHAKE "000e 01 000029 0000 000000 000002 fefd", 0, SL_K_DTLS_HANDSHAKE, OPENER, 0 },
	{ "later fragment",              HANDSHAKE "000e 01 000029 0000 000023 000002 0001", 0, SL_K_DTLS_HANDSHAKE, OPENER, 0 },
	{ "later fragment, low byte",    HANDSHAKE "0030 01 000029 0000 000001 000024" RANDOM "00 01", 0, SL_K_DTLS_HANDSHAKE, OPENER, 0 },
	{ "later fragment, high byte",   HANDSHAKE "0030 01 000029 0000 010000 000024" RANDOM "00 01", 0, SL_K_DTLS_HANDSHAKE, OPENER, 0 },
	{ "later fragment of a retry",   HANDSHAKE "000e 01 000029 0001 000023 000002 0001", 0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "message_seq 1",               HANDSHAKE "000e 01 000002 0001 000000 000002 fefd", 0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "message_seq 256",             HANDSHAKE "000e 01 000002 0100 000000 000002 fefd", 0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "epoch 1",                     "16 fefd 0001" SEQ "000e 01 000002 0000 000000 000002 fefd", 0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "epoch 256",                   "16 fefd 0100" SEQ "000e 01 000002 0000 000000 000002 fefd", 0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "ServerHello",                 HANDSHAKE "000e 02 000002 0000 000000 000002 fefd", 0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "HelloRequest",                HANDSHAKE "000c 00 000000 0000 000000 000000", 0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "no whole handshake header",   HANDSHAKE "000b 01 000000 0000 000000 0000" "00", 0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "its header is in the next record", HANDSHAKE "0000 01 000000 0000 000000 000000", 0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "a ClientHello in a data record", RECORD("17") "000e 01 000002 0000 000000 000002 fefd", 0, SL_K_DTLS_DATA, OTHER, 0 },
};

static const struct {
	const char *name, *hex;
	__u8 cid_len;
	enum sl_reason why;
} malformed[] = {
	{ "nothing",                     "",                                   0, SL_R_DTLS_SHORT },
	{ "one byte",                    "17",                                 0, SL_R_DTLS_SHORT },
	{ "twelve bytes",                RECORD("17") "00",                    0, SL_R_DTLS_SHORT },
	{ "id, no whole header",         "19 fefd 0001" SEQ CID8 "00",         8, SL_R_DTLS_SHORT },
	{ "id not known, no whole header", "19 fefd 0001" SEQ "00",            0, SL_R_DTLS_SHORT },
	{ "unified alone",               "20",                                 0, SL_R_DTLS_SHORT },
	{ "unified, 15 bytes",           "20 aa" X4("bb bb bb") "bb bb bb",    0, SL_R_DTLS_SHORT },
	{ "unified, S, 15 bytes",        "28 aaaa" X4("bb bb bb") "bb bb bb",  0, SL_R_DTLS_SHORT },
	{ "unified, L, 15 bytes",        "24 aa 000f" X16("bb"),               0, SL_R_DTLS_SHORT },
	{ "unified, C, 15 bytes",        "30" CID8 "aa" X4("bb bb bb") "bb bb bb", 8, SL_R_DTLS_SHORT },
	{ "unified, C not known, 15 bytes", "30 aa" X4("bb bb bb") "bb bb bb", 0, SL_R_DTLS_SHORT },
	{ "type 0",                      RECORD("00") "0000",                  0, SL_R_DTLS_TYPE },
	{ "type 19",                     RECORD("13") "0000",                  0, SL_R_DTLS_TYPE },
	{ "type 27",                     RECORD("1b") "0000",                  0, SL_R_DTLS_TYPE },
	{ "type 31",                     RECORD("1f") "0000",                  0, SL_R_DTLS_TYPE },
	{ "type 64, CoAP",               "40 01 1234",                         0, SL_R_DTLS_TYPE },
	{ "type 255",                    "ff",                                 0, SL_R_DTLS_TYPE },
	{ "TLS 1.2's version",           "16 0303 0000" SEQ "0000",            0, SL_R_DTLS_TYPE },
	{ "an old OpenSSL's version",    "16 0100 0000" SEQ "0000",            0, SL_R_DTLS_TYPE },
	{ "TLS's version, id",           "19 0303 0001" SEQ CID8 "0000",       8, SL_R_DTLS_TYPE },
	{ "length, none there",          RECORD("17") "0001",                  0, SL_R_DTLS_LENGTH },
	{ "length, one too many",        RECORD("17") "0003 aaaa",             0, SL_R_DTLS_LENGTH },
	{ "length, by its high byte",    RECORD("17") "0102 aaaa",             0, SL_R_DTLS_LENGTH },
	{ "ClientHello cut",             HANDSHAKE "0037" HELLO("00 00" TAIL), 0, SL_R_DTLS_LENGTH },
	{ "id, one too many",            "19 fefd 0001" SEQ CID8 "0003 aaaa",  8, SL_R_DTLS_LENGTH },
	{ "id of another length",        "19 fefd 0001" SEQ CID8 "0002 aaaa",  6, SL_R_DTLS_LENGTH },
	{ "unified, one too many",       "2c aaaa 0011" X16("bb"),             0, SL_R_DTLS_LENGTH },
	{ "unified, C, one too many",    "3c" CID8 "aaaa 0011" X16("bb"),      8, SL_R_DTLS_LENGTH },
};
/* Whole datagrams as sent over a loopback interface: OpenSSL 3.0's s_client and s_server (PSK;
 * an MTU of 256 for the fragments), Mbed TLS 2.28 with connection ids, wolfSSL 5.5.4's DTLS 1.3.
 */
static const struct datagram captured[] = {
	{ "ClientHello",
	  "16feff000000000000000000580100004c000000000000004cfefd89ea0a07f077fbcd2634993c0e"
	  "bdd00dee092214aa15c3304ff53952d12c2ddb00000004c0a800ff0100001e000000060004000001"
	  "78002300000016000000170000000d000400020403",
	  0, SL_K_DTLS_HANDSHAKE, OPENER, 0 },
	{ "HelloVerifyRequest",
	  "16feff00000000000000000023030000170000000000000017feff142df45342055523f06351a741"
	  "5b66378b4e571647",
	  0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "ClientHello with the cookie",
	  "16feff0000000000000001006c010000600001000000000060fefd89ea0a07f077fbcd2634993c0e"
	  "bdd00dee092214aa15c3304ff53952d12c2ddb00142df45342055523f06351a7415b66378b4e5716"
	  "470004c0a800ff0100001e00000006000400000178002300000016000000170000000d0004000204"
	  "03",
	  0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "ClientHello that resumes",
	  "16feff00000000000000000074010000680000000000000068fefd54a9c9c4b4c589f410d7206ee8"
	  "08f28238993a37f9d7dc25c22936fc0fff32e520f1e956de13974f129d2cbe1208b887bcb503c600"
	  "655fd1ee1a016bd9a657db4c000004c0a800ff0100001a0000000600040000017800160000001700"
	  "00000d000400020403",
	  0, SL_K_DTLS_HANDSHAKE, OPENER, 0 },
	{ "the same with the cookie",
	  "16feff000000000000000100880100007c000100000000007cfefd54a9c9c4b4c589f410d7206ee8"
	  "08f28238993a37f9d7dc25c22936fc0fff32e520f1e956de13974f129d2cbe1208b887bcb503c600"
	  "655fd1ee1a016bd9a657db4c142df45342055523f06351a7415b66378b4e5716470004c0a800ff01"
	  "00001a000000060004000001780016000000170000000d000400020403",
	  0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "last of a ClientHello's three fragments",
	  "16feff00000000000000020022010001ac0000000196000016080508060401050106010303030103"
	  "02040205020602",
	  0, SL_K_DTLS_HANDSHAKE, OPENER, 0 },
	{ "last of its retry's",
	  "16feff00000000000000050036010001c0000100019600002a002804030503060308070808080908"
	  "0a080b080408050806040105010601030303010302040205020602",
	  0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "ServerHello, ServerHelloDone",
	  "16fefd00000000000000010041020000350001000000000035fefdf49e99da1361e0005d04281fbd"
	  "b5047decedb125fea675ee4bfc00abf51738ff00c0a800000dff01000100002300000017000016fe"
	  "fd0000000000000002000c0e0000000002000000000000",
	  0, SL_K_DTLS_HANDSHAKE, OTHER, 0 },
	{ "ChangeCipherSpec, Finished",
	  "14fefd000000000000000400010116fefd0001000000000000002800010000000000005bbff8a181"
	  "12abff7b434d64556f85be9682a73419a92b3c7ee189a9f2fdf848",
	  0, SL_K_DTLS_CIPHER, OTHER, 0 },
	{ "data",
	  "17fefd000100000000000100160001000000000001ca2ecbdabff24726f5ebd33b31fe",
	  0, SL_K_DTLS_DATA, OTHER, 0 },
	{ "close_notify, encrypted",
	  "15fefd0001000000000002001200010000000000027892c6db29597040cbb5",
	  0, SL_K_DTLS_ALERT, CLOSING, 0 },
	{ "1.2 with an id of 8",
	  "19fefd0001000000000002a1b2c3d4e5f607080020e45923b97a14344f8c6028ab0049640b542d1f"
	  "a0ac3f5bb9e73fcad4045ba075",
	  8, SL_K_DTLS_CID, OTHER, 11 },
	{ "1.3 data",
	  "2f5302001f301b0786d0a9ee4af7bc7ef3996fda4845ad19e858bb6f5dd96883668a4880",
	  0, SL_K_DTLS_ENCRYPTED, OTHER, 0 },
	{ "1.3 data with an id of 2",
	  "3f53315cc0001fa60ad15fab8a0d7b512464e1d7577b7ba373acbe313a48b223e36f1fbdf196",
	  2, SL_K_DTLS_ENCRYPTED, OTHER, 1 },
	{ "1.3 to the device, whose id has 2 too",
	  "3f6332e9480023e672c5b043a497192e0858dbd92a3ac0254a514f32e037a00b52255c1314180259"
	  "93a6",
	  2, SL_K_DTLS_ENCRYPTED, OTHER, 1 },
};
/* clang-format on */

static enum step step_of(const struct dtls_msg *m)
{
	assert_false(m->opener && m->closing);
	return m->opener ? OPENER : m->closing ? CLOSING : OTHER;
}

static void check(const struct datagram *d)
{
	struct bytes b = bytes_hex(d->hex);
	struct cursor c = bytes_cursor(&b);
	struct dtls_msg m;

	print_message("case: %s\n", d->name);
	assert_int_equal(dtls_parse(&c, d->cid_len, &m), SL_R_NONE);
	assert_int_equal(m.kind, d->kind);
	assert_int_equal(step_of(&m), d->step);
	assert_int_equal(m.cid_offset, d->cid_offset);
	assert_int_equal(m.has_cid, d->cid_offset != 0);
	assert_false(m.unexamined);
	bytes_free(&b);
}

static void test_well_formed(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(well_formed); i++)
		check(&well_formed[i]);
}

static void test_what_real_stacks_send(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(captured); i++)
		check(&captured[i]);
}

static void test_each_way_of_being_malformed(void **state)
{
	bool seen[SL_R__MAX] = {};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(malformed); i++) {
		struct bytes b = bytes_hex(malformed[i].hex);
		struct cursor c = bytes_cursor(&b);
		struct dtls_msg m;

		print_message("case: %s\n", malformed[i].name);
		assert_int_equal(dtls_parse(&c, malformed[i].cid_len, &m), malformed[i].why);
		assert_int_equal(m.kind, SL_K_DTLS_MALFORMED);
		seen[malformed[i].why] = true;
		bytes_free(&b);
	}
	for (int why = SL_R_DTLS_SHORT; why <= SL_R_DTLS_LENGTH; why++)
		assert_true(seen[why]);
}

/* 20 to 26 and 32 to 63 are DTLS (RFC 9147 section 4.1), whose length is 257 here. */
static void test_every_first_byte(void **state)
{
	uint8_t data[512];

	(void)state;
	memset(data, 1, sizeof(data));
	data[1] = DTLS_VERSION_MAJOR;
	for (int first = 0; first < 256; first++) {
		bool plain = first >= 20 && first <= 26, unified = first >= 32 && first <= 63;
		struct cursor c = cursor_over(data, data + sizeof(data));
		struct dtls_msg m;

		data[0] = first;
		assert_int_equal(dtls_parse(&c, 0, &m),
				 plain || unified ? SL_R_NONE : SL_R_DTLS_TYPE);
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
			struct dtls_msg m;

			dtls_parse(&cut, well_formed[i].cid_len, &m);
			part.left = whole.len;
			assert_int_equal(dtls_parse(&part, well_formed[i].cid_len, &m), SL_R_NONE);
			assert_int_equal(m.kind, len ? well_formed[i].kind : SL_K_UDP);
			if (!m.unexamined)
				assert_int_equal(m.cid_offset, well_formed[i].cid_offset);
			if (m.has_cid)
				assert_true((size_t)m.cid_offset + well_formed[i].cid_len <= len);
			if (!m.unexamined)
				assert_int_equal(step_of(&m), well_formed[i].step);
			bytes_free(&b);
		}
		bytes_free(&whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_well_formed),
		cmocka_unit_test(test_what_real_stacks_send),
		cmocka_unit_test(test_each_way_of_being_malformed),
		cmocka_unit_test(test_every_first_byte),
		cmocka_unit_test(test_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
