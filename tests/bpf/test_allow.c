// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which oneM2M operations and resource types a tenant may ask for by CoAP: through the loaded
 * program.
 */
#include "network.h"
#include "coapmake.h"
#include "trie.h"

#define VIP	  "203.0.113.10"
#define PORT	  5683

#define TENANT	  1
#define CREATABLE 4 /* the type that it may create */
#define NO_TYPE	  (-1)

static struct bed *bed;

static void account(uint8_t excess)
{
	bed_account(bed, TENANT, 1, (struct sl_account){ .id = 1, .excess = excess });
}

static int setup(void **state)
{
	struct bed_service s = { .vip = VIP,
				 .port = PORT,
				 .proto = IPPROTO_UDP,
				 .protocol = SL_P_COAP,
				 .flags = SL_SVC_CONTENT,
				 .tenant = TENANT,
				 .ring_size = 1,
				 .instance = 1 };

	bed_open(state);
	bed = *state;
	bed_service(bed, &s, NULL);
	bed_instance(bed, &(struct bed_instance){ 1, "10.0.1.11", PORT, VIP, PORT, IPPROTO_UDP, 1,
						  77, 1500 });
	account(SL_X_DROP);
	return 0;
}

static void may(uint32_t more)
{
	trie_onem2m(bed, 0, TENANT, more, more & SL_ALLOW_TYPES ? CREATABLE : 0);
}

/* Why it leaves. */
static enum sl_reason left(const struct coapmake *m, struct frame *out)
{
	const struct path way = { "198.51.100.1", 40000, VIP, PORT };
	struct frame in = frame_udp(&way, m->bytes, m->len);
	uint64_t before[SL_R__MAX];

	for (int why = 0; why < SL_R__MAX; why++)
		before[why] = bed_reason(bed, why);
	bed_run(bed, &in, out);
	for (int why = 0; why < SL_R__MAX; why++)
		if (bed_reason(bed, why) != before[why])
			return why;
	return SL_R_NONE;
}

static struct coapmake request(uint8_t code, const char *path, int type)
{
	struct coapmake m = coapmake(MAKE_CON, code, 0x1234, 4);
	uint8_t bytes[] = { type >> 8, type };

	coapmake_path(&m, path);
	if (type >= 0)
		coapmake_option(&m, MAKE_RESOURCE_TYPE, bytes + (type < 256), type < 256 ? 1 : 2);
	coapmake_text(&m, MAKE_ORIGINATOR, "CAdmin");
	return m;
}

static enum sl_reason of(uint8_t code, const char *path, int type)
{
	struct coapmake m = request(code, path, type);

	return left(&m, NULL);
}

/* CoAP's codes .01 to .08, and POST that names a type, by operation. */
static void test_operations(void **state)
{
	static const struct {
		uint8_t code;
		int type;
		enum sl_operation operation;
	} cases[] = {
		{ 1, NO_TYPE, SL_OP_RETRIEVE }, { 2, 4, SL_OP_CREATE },
		{ 2, 999, SL_OP_CREATE },	{ 2, NO_TYPE, SL_OP_NOTIFY },
		{ 3, NO_TYPE, SL_OP_UPDATE },	{ 4, NO_TYPE, SL_OP_DELETE },
		{ 5, NO_TYPE, SL_OP_OTHER },	{ 6, NO_TYPE, SL_OP_OTHER },
		{ 7, NO_TYPE, SL_OP_OTHER },	{ 8, NO_TYPE, SL_OP_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(cases); i++) {
		may(0);
		trie_onem2m(bed, 0, TENANT, SL_ALLOW_ANY_PATH, 0);
		assert_int_equal(of(cases[i].code, "/a", cases[i].type), SL_R_STEERED);
		for (uint32_t op = 0; op < SL_OP__MAX; op++) {
			may(SL_ALLOW_ANY_PATH | 1 << op);
			assert_int_equal(of(cases[i].code, "/a", cases[i].type),
					 op == cases[i].operation ? SL_R_OPERATION_NOT_ALLOWED
								  : SL_R_STEERED);
		}
	}
}

static void test_types(void **state)
{
	(void)state;
	may(SL_ALLOW_ANY_PATH | SL_ALLOW_TYPES);
	assert_int_equal(of(2, "/a", CREATABLE), SL_R_STEERED);
	assert_int_equal(of(2, "/a", 3), SL_R_TYPE_NOT_ALLOWED);
	assert_int_equal(of(2, "/a", 0), SL_R_TYPE_NOT_ALLOWED);
	assert_int_equal(of(2, "/a", SL_TYPES + CREATABLE), SL_R_TYPE_NOT_ALLOWED);
	assert_int_equal(of(2, "/a", 256 + CREATABLE), SL_R_TYPE_NOT_ALLOWED);
	assert_int_equal(of(2, "/a", NO_TYPE), SL_R_STEERED); /* notifies */
	assert_int_equal(of(3, "/a", 3), SL_R_STEERED);	      /* makes nothing */
	may(SL_ALLOW_ANY_PATH | SL_ALLOW_TYPES | 1 << SL_OP_CREATE);
	assert_int_equal(of(2, "/a", CREATABLE), SL_R_OPERATION_NOT_ALLOWED);
}

/* Paths are asked for first, and only where they are limited. */
static void test_paths_and_operations(void **state)
{
	(void)state;
	trie_path(bed, 0, trie_allow(bed, 0, TENANT, false), "/a", 1);
	may(1 << SL_OP_RETRIEVE);
	assert_int_equal(of(1, "/b", NO_TYPE), SL_R_PATH_NOT_ALLOWED);
	assert_int_equal(of(1, "/a", NO_TYPE), SL_R_OPERATION_NOT_ALLOWED);
	assert_int_equal(of(3, "/a", NO_TYPE), SL_R_STEERED);
	assert_int_equal(of(3, "/a/..", NO_TYPE), SL_R_PATH_NOT_ALLOWED);
	may(SL_ALLOW_ANY_PATH | 1 << SL_OP_RETRIEVE);
	assert_int_equal(of(3, "/b/..", NO_TYPE), SL_R_STEERED);
}

static void test_no_way_around(void **state)
{
	char filler[SL_CONTENT_BYTES] = "";
	struct coapmake m;

	(void)state;
	may(SL_ALLOW_ANY_PATH | SL_ALLOW_TYPES);
	m = coapmake(MAKE_CON, 2, 1, 0); /* the type is not seen */
	coapmake_option(&m, MAKE_URI_QUERY, filler, sizeof(filler));
	coapmake_option(&m, MAKE_RESOURCE_TYPE, "\x03", 1);
	assert_int_equal(left(&m, NULL), SL_R_OPERATION_NOT_ALLOWED);
	m.bytes[1] = 1; /* and a GET has none */
	assert_int_equal(left(&m, NULL), SL_R_STEERED);
	for (int type = 3; type <= CREATABLE;
	     type++) { /* which of two the server takes is its affair */
		m = coapmake(MAKE_CON, 2, 1, 0);
		coapmake_option(&m, MAKE_RESOURCE_TYPE, &(uint8_t){ type }, 1);
		coapmake_option(&m, MAKE_RESOURCE_TYPE, &(uint8_t){ 3 + CREATABLE - type }, 1);
		assert_int_equal(left(&m, NULL), SL_R_TYPE_NOT_ALLOWED);
	}
	m = coapmake(MAKE_CON, 5, 1, 0); /* another method is inside */
	coapmake_option(&m, MAKE_OSCORE, "\x09", 1);
	assert_int_equal(left(&m, NULL), SL_R_OPERATION_NOT_ALLOWED);
	m = request(2, "/a", CREATABLE); /* malformed, and passes the service: but not this */
	m.bytes[m.len++] = 0xff;
	assert_int_equal(left(&m, NULL), SL_R_COAP_NO_PAYLOAD);
	m = coapmake(MAKE_ACK, 0, 1, 0); /* is no request */
	assert_int_equal(left(&m, NULL), SL_R_STEERED);
}

static void test_what_is_not_allowed_gets_403(void **state)
{
	struct coapmake m = request(2, "/a", 3);
	struct frame out;

	(void)state;
	account(SL_X_ANSWER);
	may(SL_ALLOW_ANY_PATH | SL_ALLOW_TYPES | 1 << SL_OP_RETRIEVE);
	assert_int_equal(left(&m, &out), SL_R_ANSWERED_PATH);
	assert_memory_equal(out.bytes + out.payload, "\x64\x83\x12\x34\x11\x11\x11\x11", 8);
	m = request(1, "/a", NO_TYPE);
	assert_int_equal(left(&m, &out), SL_R_ANSWERED_PATH);
	assert_memory_equal(out.bytes + out.payload, "\x64\x83\x12\x34\x11\x11\x11\x11", 8);
	m.bytes[0] = MAKE_NON | 4;
	assert_int_equal(left(&m, NULL), SL_R_OPERATION_NOT_ALLOWED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, bed_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_operations),
		T(test_types),
		T(test_paths_and_operations),
		T(test_no_way_around),
		T(test_what_is_not_allowed_gets_403),
	};

	network_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
