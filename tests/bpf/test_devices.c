// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a device is to its quota: one packet an hour each, so that the second of a
 * device is refused and the first of another is not.
 */
#include "bed.h"
#include "bytes.h"

#define VIP   "203.0.113.10"
#define VIP6  "2001:db8:ffff::10"
#define A     "198.51.100.1"
#define B     "198.51.100.2"
#define A6    "2001:db8:5::1"
#define SAME6 "2001:db8:5::2" /* same /64 */
#define B6    "2001:db8:5:1::1"

/* Records: 1.2 with an id, 1.3 with one, and without. */
#define CID_12(id) "19 fefd 0001 000000000001" id "0010 00112233445566778899aabbccddeeff"
#define CID_13(id) "30" id "01 00112233445566778899aabbccddeeff"
#define NO_ID	   "17 fefd 0001 000000000001 0004 01020304"
#define ID20	   "000102030405060708090a0b0c0d0e0f"

enum {
	ADDRESS = 5001,
	ENDPOINT,
	CID8,
	CID20,
	CID1,
};

static void service(struct bed *b, const char *vip, uint16_t port, uint8_t key, uint8_t cid_len)
{
	struct sl_account each = { .id = 1, .device_mask = 1 << SL_Q_PACKETS };
	struct bed_service s = { .vip = vip,
				 .port = port,
				 .proto = IPPROTO_UDP,
				 .protocol = SL_P_COAPS,
				 .tenant = 1,
				 .ring_size = 1,
				 .instance = 1,
				 .cid_len = cid_len,
				 .device_key = key };

	each.device_cost[SL_Q_PACKETS] = 3600ull * 1000000000 >> SL_DEV_NS_SHIFT;
	each.tenant = 1;
	bed_account(b, 1, bed_service(b, &s, NULL), each);
}

static const struct {
	const char *name;
	uint16_t port; /* the service */
	const char *src;
	uint16_t sport;
	const char *record;
	bool known; /* has used up its quota */
} rows[] = {
	/* clang-format off */
	{ "address",                     ADDRESS,  A,     1, NO_ID, false },
	{ "address, another port",       ADDRESS,  A,     2, NO_ID, true },
	{ "address, an id",              ADDRESS,  A,     2, CID_12("0011223344556677"), true },
	{ "another address",             ADDRESS,  B,     1, NO_ID, false },
	{ "address, IPv6",               ADDRESS,  A6,    1, NO_ID, false },
	{ "address of the same /64",     ADDRESS,  SAME6, 1, NO_ID, true },
	{ "address of another /64",      ADDRESS,  B6,    1, NO_ID, false },

	{ "endpoint",                    ENDPOINT, A,     1, NO_ID, false },
	{ "endpoint again",              ENDPOINT, A,     1, NO_ID, true },
	{ "another port",                ENDPOINT, A,     2, NO_ID, false },
	{ "another port, upper byte",    ENDPOINT, A,   257, NO_ID, false },
	{ "another address, same port",  ENDPOINT, B,     1, NO_ID, false },
	{ "endpoint, IPv6",              ENDPOINT, A6,    1, NO_ID, false },
	{ "endpoint, same /64",          ENDPOINT, SAME6, 1, NO_ID, false },
	{ "endpoint, IPv6 again",        ENDPOINT, A6,    1, NO_ID, true },

	{ "id",                          CID8,     A,     1, CID_12("0011223344556677"), false },
	{ "id from elsewhere",           CID8,     B,     9, CID_12("0011223344556677"), true },
	{ "id in 1.3",                   CID8,     B,     9, CID_13("0011223344556677"), true },
	{ "id over IPv6",                CID8,     A6,    9, CID_13("0011223344556677"), true },
	{ "another, last byte",          CID8,     A,     1, CID_12("0011223344556678"), false },
	{ "another, first byte",         CID8,     A,     1, CID_13("0111223344556677"), false },
	{ "no id: the address",          CID8,     A,     1, NO_ID, false },
	{ "no id: the address again",    CID8,     A,     2, NO_ID, true },
	{ "no id: another address",      CID8,     B,     1, NO_ID, false },

	{ "id of 20",                    CID20,    A,     1, CID_12(ID20 "10111213"), false },
	{ "what is behind its 16th byte", CID20,   B,     1, CID_12(ID20 "20212223"), true },
	{ "id of 1",                     CID1,     A,     1, CID_12("07"), false },
	{ "the byte behind it",          CID1,     A,     1, "19 fefd 0001 000000000001 07 000f 00112233445566778899aabbccddee", true },
	{ "another of 1",                CID1,     A,     1, CID_12("08"), false },
	/* clang-format on */
};

static int setup(void **state)
{
	static const char *const vips[] = { VIP, VIP6 };

	bed_open(state);
	for (int v = 0; v < 2; v++) {
		service(*state, vips[v], ADDRESS, SL_DK_ADDRESS, 0);
		service(*state, vips[v], ENDPOINT, SL_DK_ENDPOINT, 0);
		service(*state, vips[v], CID8, SL_DK_CID, 8);
		service(*state, vips[v], CID20, SL_DK_CID, 20);
		service(*state, vips[v], CID1, SL_DK_CID, 1);
	}
	return 0;
}

/* The buckets' hash has the tenant in it and not the service: each service begins anew. */
static void forget_devices(struct bed *b)
{
	struct sl_device_line none = {};

	for (uint32_t i = 0; i < SL_DEF_DEVICE_LINES; i++)
		bed_update(b->skel->maps.sl_devices, &i, &none);
}

static void test_devices_are_told_apart(void **state)
{
	struct bed *b = *state;

	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct path p = { rows[i].src, rows[i].sport, text_is_v6(rows[i].src) ? VIP6 : VIP,
				  rows[i].port };
		struct bytes payload = bytes_hex(rows[i].record);
		struct frame f = frame_udp(&p, payload.data, payload.len);
		uint64_t refused = bed_reason(b, SL_R_DEVICE_PACKETS);

		if (i && rows[i].port != rows[i - 1].port)
			forget_devices(b);
		bed_run(b, &f, NULL);
		if (bed_reason(b, SL_R_DEVICE_PACKETS) != refused + rows[i].known)
			fail_msg("%s: %s", rows[i].name,
				 rows[i].known ? "another device" : "the same device");
		bytes_free(&payload);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_devices_are_told_apart, setup, bed_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
