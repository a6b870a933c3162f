// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whose a datagram of another protocol than CoAP is, through sl_xdp_datagram: by bits of a DTLS
 * connection id.
 */
#include "network.h"
#include "bytes.h"
#include "trie.h"

#define VIP   "203.0.113.10"
#define VIP6  "2001:db8:ffff::10"
#define COAPS 5684

enum {
	GUESTS = 1,
	ACME,
	GLOBEX,
	N_TENANTS
};

static const char *const vips[] = { VIP, VIP6 }, *const addrs[] = { "10.0.1.11", "2001:db8:1::11" },
			 *const devices[] = { "198.51.100.1", "2001:db8:5::1" };

static struct bed *bed;

static void account(uint32_t tenant, struct sl_account value)
{
	for (uint16_t service = 1; service <= 2; service++) {
		value.id = tenant * 2 + service;
		bed_account(bed, tenant, service, value);
	}
}

/* @like: what the two services have of their own. */
static int setup(void **state, struct bed_service like)
{
	bed_open(state);
	bed = *state;
	like.proto = IPPROTO_UDP;
	like.flags |= SL_SVC_CONTENT;
	like.program = SL_PROG_DATAGRAM;
	like.tenant = GUESTS;
	like.ring_size = 1;
	for (int i = 0; i < 2; i++) {
		uint16_t id;

		like.vip = vips[i];
		like.instance = 1 + i;
		id = bed_service(bed, &like, NULL);
		bed_instance(bed, &(struct bed_instance){ 1 + i, addrs[i], like.port, vips[i],
							  like.port, IPPROTO_UDP, id, 77, 1500 });
	}
	for (uint32_t t = GUESTS; t < N_TENANTS; t++)
		account(t, (struct sl_account){});
	return 0;
}

/* All IPv4 sources are @tenant's; 0: nobody's. */
static void source_is(uint32_t tenant)
{
	struct sl_prefix_root root = { .lo = 1, .outside = tenant };
	uint32_t zero = 0;

	bed_update(bed->skel->maps.sl_prefix_roots, &zero, &root);
}

static uint64_t packets_of(uint32_t tenant, int v6)
{
	return bed_hot(bed, tenant * 2 + 1 + v6).packets;
}

/* Send @hex to port @port; returns whose it was, 0: it was not admitted. */
static uint32_t whose(uint16_t port, int v6, const char *hex)
{
	struct path p = { devices[v6], 40000, vips[v6], port };
	struct bytes b = bytes_hex(hex);
	struct frame in = frame_udp(&p, b.data, b.len);
	uint64_t before[N_TENANTS], all = bed_all_reasons(bed);
	uint32_t ret = 0;

	bytes_free(&b);
	for (uint32_t t = GUESTS; t < N_TENANTS; t++)
		before[t] = packets_of(t, v6);
	bed_run(bed, &in, NULL);
	assert_int_equal(bed_all_reasons(bed), all + 1);
	assert_int_equal(bed_reason(bed, SL_R_INTERNAL), 0);
	for (uint32_t t = GUESTS; t < N_TENANTS; t++) {
		if (packets_of(t, v6) == before[t])
			continue;
		assert_int_equal(ret, 0);
		ret = t;
	}
	return ret;
}

/* -- DTLS: ids of eight bytes; the tenant is bits 28 to 35, the 0 7 of OF_ACME -- */

#define RECORD(type)	type "fefd 0001 000000000001"
#define TIMES4(s)	s s s s
#define CID_12(id)	RECORD("19") id "0010" TIMES4("aabbccdd")
#define CID_13(id)	"3f" id "1234 0010" TIMES4("aabbccdd")
#define CID_13_BARE(id) "30" id "12" TIMES4("aabbccdd")
#define OF_ACME		"01 ffff f0 7f ffffff"
#define OF_GLOBEX	"01 ffff ff ff ffffff"
#define OF_NOBODY	"01 ffff f0 8f ffffff"
#define HELLO		RECORD("16") "0010 01 000004 0000 000000 000004 fefd0000"
#define DATA		RECORD("17") "0004 01020304"

static void cid_is(uint32_t number, uint32_t tenant)
{
	uint32_t wire = htonl(number);

	trie_string(bed, 0, SL_T_DTLS_CID, &wire, sizeof(wire), tenant);
}

static int setup_cid_bits(void **state, uint8_t flags, uint8_t at, uint8_t bits)
{
	return setup(state, (struct bed_service){ .port = COAPS,
						  .protocol = SL_P_COAPS,
						  .flags = flags,
						  .cid_layout = SL_CID_FIRST_BYTE,
						  .cid_len = 8,
						  .cid_tenant_at = at,
						  .cid_tenant_bits = bits });
}

static int setup_cid(void **state)
{
	return setup_cid_bits(state, SL_SVC_IDENTIFY | SL_SVC_BY_SOURCE, 28, 8);
}

static int setup_cid_source(void **state)
{
	setup_cid(state);
	source_is(GLOBEX);
	return 0;
}

static int setup_cid_unasked(void **state)
{
	return setup_cid_bits(state, 0, 28, 8);
}

static void test_bits_of_a_connection_id_name_the_tenant(void **state)
{
	(void)state;
	cid_is(0x07, ACME);
	cid_is(0xff, GLOBEX);
	for (int v6 = 0; v6 < 2; v6++) {
		assert_int_equal(whose(COAPS, v6, CID_12(OF_ACME)), ACME);
		assert_int_equal(whose(COAPS, v6, CID_12(OF_GLOBEX)), GLOBEX);
		assert_int_equal(whose(COAPS, v6, CID_13(OF_ACME)), ACME);
		assert_int_equal(whose(COAPS, v6, CID_13_BARE(OF_GLOBEX)), GLOBEX);
	}
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_MISSED), 0);
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_UNKNOWN), 0);
}

static void test_an_id_of_nobody_is_the_default_tenants(void **state)
{
	(void)state;
	cid_is(0x07, ACME);
	assert_int_equal(whose(COAPS, 0, CID_12(OF_NOBODY)), GUESTS);
	assert_int_equal(whose(COAPS, 1, CID_13(OF_NOBODY)), GUESTS);
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_MISSED), 2);
}

static void test_records_without_an_id_name_nobody(void **state)
{
	(void)state;
	cid_is(0x07, ACME);
	cid_is(0, GLOBEX);
	for (int v6 = 0; v6 < 2; v6++) {
		assert_int_equal(whose(COAPS, v6, HELLO), GUESTS);
		assert_int_equal(whose(COAPS, v6, DATA), GUESTS);
		assert_int_equal(whose(COAPS, v6, "2f 1234 0010" TIMES4("aabbccdd")), GUESTS);
		assert_int_equal(whose(COAPS, v6, ""), GUESTS);
	}
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_MISSED), 0);
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_UNKNOWN), 0);
}

/* A short frame is padded: what lies behind the datagram is not its own. */
static void test_a_cut_id_is_unknown(void **state)
{
	(void)state;
	cid_is(0x07, ACME);
	cid_is(0x00, ACME);
	assert_int_equal(whose(COAPS, 0, RECORD("19") "01 ffff f0 7f ffff"), GUESTS);
	assert_int_equal(whose(COAPS, 1, RECORD("19")), GUESTS);
	assert_int_equal(whose(COAPS, 0, "30 01"), GUESTS);
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_UNKNOWN), 3);
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_MISSED), 0);
}

static void test_a_source_comes_before_an_id(void **state)
{
	(void)state;
	cid_is(0x07, ACME);
	assert_int_equal(whose(COAPS, 0, CID_12(OF_ACME)), GLOBEX);
	assert_int_equal(whose(COAPS, 0, CID_12(OF_NOBODY)), GLOBEX);
	assert_int_equal(whose(COAPS, 1, CID_12(OF_ACME)), ACME);
	assert_int_equal(bed_note(bed, SL_N_IDENTITY_MISSED), 0);
}

static void test_a_service_that_does_not_ask_is_its_tenants(void **state)
{
	(void)state;
	cid_is(0x07, ACME);
	assert_int_equal(whose(COAPS, 0, CID_12(OF_ACME)), GUESTS);
}

/* What a tenant named by an id may not use is refused, and by whose quota. */
static void test_quotas_are_those_of_the_tenant_named(void **state)
{
	struct sl_account_key key = { .tenant = GLOBEX, .service = 1 };
	struct sl_account stingy = { .quota_mask = 1 << SL_Q_MESSAGES };

	(void)state;
	stingy.cost[SL_Q_MESSAGES] = 3600ull * 1000000000 * SL_TAT_PER_NS;
	cid_is(0x07, ACME);
	cid_is(0xff, GLOBEX);
	account(ACME, stingy);
	assert_int_equal(whose(COAPS, 0, CID_12(OF_ACME)), ACME);
	assert_int_equal(whose(COAPS, 0, CID_12(OF_ACME)), 0);
	assert_int_equal(bed_reason(bed, SL_R_TENANT_MESSAGES), 1);
	assert_int_equal(whose(COAPS, 0, DATA), GUESTS);
	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(bed->skel->maps.sl_accounts), &key), 0);
	assert_int_equal(whose(COAPS, 0, CID_12(OF_GLOBEX)), 0);
	assert_int_equal(bed_reason(bed, SL_R_NOT_ALLOWED), 1);
}

/* Any bits, up to 32, that begin and end anywhere. */
static void test_numbers_of_all_sizes(void **state)
{
	static const struct {
		uint8_t at, bits;
		uint32_t number;
	} rows[] = {
		{ 0, 1, 1 },
		{ 0, 8, 0xa5 },
		{ 0, 32, 0xa5c3f00f },
		{ 1, 1, 0 },
		{ 7, 32, 0xe1f8078f },
		{ 63, 1, 1 },
		{ 32, 32, 0x1e2d3c4b },
		{ 31, 32, 0x8f169e25 },
		{ 60, 4, 0xb },
	};

	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		setup_cid_bits(state, SL_SVC_IDENTIFY, rows[i].at, rows[i].bits);
		cid_is(rows[i].number, ACME);
		if (whose(COAPS, i % 2, CID_12("a5c3f00f 1e2d3c4b")) != ACME)
			fail_msg("%u bits from %u", rows[i].bits, rows[i].at);
		bed_close(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn, open) cmocka_unit_test_setup_teardown(fn, open, bed_close)
		TEST(test_bits_of_a_connection_id_name_the_tenant, setup_cid),
		TEST(test_an_id_of_nobody_is_the_default_tenants, setup_cid),
		TEST(test_records_without_an_id_name_nobody, setup_cid),
		TEST(test_a_cut_id_is_unknown, setup_cid),
		TEST(test_a_source_comes_before_an_id, setup_cid_source),
		TEST(test_a_service_that_does_not_ask_is_its_tenants, setup_cid_unasked),
		TEST(test_quotas_are_those_of_the_tenant_named, setup_cid),
#undef TEST
		cmocka_unit_test(test_numbers_of_all_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
