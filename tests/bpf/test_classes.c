// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Quotas of classes, of CoAP: which class a message is of, what its quota refuses and what is
 * answered; and that device, class and tenant are charged together or not at all, against a
 * plain reference. The program's clock is the test's.
 */
#include "network.h"
#include "classbed.h"
#include "coapmake.h"
#include "lib/gcra.h"

#define VIP	 "203.0.113.10"
#define PORT	 5683
#define TENANT	 1
#define NS_PER_S 1000000000ull

static struct {
	struct bed *bed;
	uint64_t now_ns;
} fx;

static void clock_set(uint64_t ns)
{
	fx.now_ns = ns;
	fx.bed->skel->bss->explain_now_ns = ns;
}

static void account(struct sl_account a)
{
	a.id = 1;
	a.quota_mask |= SL_ACCOUNT_CLASSES;
	bed_account(fx.bed, TENANT, 1, a);
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

	bed_open_explain(state);
	fx.bed = *state;
	bed_instance(fx.bed, &(struct bed_instance){ 1, "10.0.1.11", PORT, VIP, PORT, IPPROTO_UDP,
						     bed_service(fx.bed, &s, NULL), 77, 1500 });
	account((struct sl_account){});
	clock_set(3600 * NS_PER_S);
	return 0;
}

static int run_from(const char *src, const struct coapmake *m)
{
	struct path p = { src, 40000, VIP, PORT };
	struct frame in = frame_udp(&p, m->bytes, m->len);

	return bed_run(fx.bed, &in, NULL);
}

static int run(const struct coapmake *m)
{
	return run_from("198.51.100.1", m);
}

/* -- which class -- */

static const struct {
	const char *name;
	uint8_t type, code;
	const char *path;
	int observe;		/* its value; negative: there is none */
	uint8_t block2, block1; /* number of the block, plus 1 */
	bool type_named, request_id;
	uint32_t cls; /* where the tenant has quotas for all classes of @all */
} rows[] = {
	/* clang-format off */
	{ "GET",                    MAKE_CON, 1, "/temp", -1, 0, 0, false, false, SL_K_COAP_GET },
	{ "GET, NON",               MAKE_NON, 1, "/temp", -1, 0, 0, false, false, SL_K_COAP_GET },
	{ "observe",                MAKE_CON, 1, "/temp",  0, 0, 0, false, false, SL_C_COAP_OBSERVE },
	{ "observe no more",        MAKE_CON, 1, "/temp",  1, 0, 0, false, false, SL_K_COAP_GET },
	{ "observe by FETCH",       MAKE_CON, 5, "/temp",  0, 0, 0, false, false, SL_C_COAP_OBSERVE },
	{ "POST with Observe",      MAKE_CON, 2, "/temp",  0, 0, 0, false, false, SL_K_COAP_POST },
	{ "FETCH",                  MAKE_CON, 5, "/temp", -1, 0, 0, false, false, 0 },
	{ "first block",            MAKE_CON, 1, "/temp", -1, 1, 0, false, false, SL_K_COAP_GET },
	{ "later block",            MAKE_CON, 1, "/temp", -1, 2, 0, false, false, SL_C_COAP_BLOCK },
	{ "first block up",         MAKE_CON, 2, "/temp", -1, 0, 1, false, false, SL_K_COAP_POST },
	{ "later block up",         MAKE_CON, 2, "/temp", -1, 0, 2, false, false, SL_C_COAP_BLOCK },
	{ "register",               MAKE_CON, 2, "/rd",   -1, 0, 0, false, false, SL_C_LWM2M_REGISTER },
	{ "register, later block",  MAKE_CON, 2, "/rd",   -1, 0, 2, false, false, SL_C_COAP_BLOCK },
	{ "update",                 MAKE_CON, 2, "/rd/7", -1, 0, 0, false, false, SL_C_LWM2M_UPDATE },
	{ "deregister",             MAKE_CON, 4, "/rd/7", -1, 0, 0, false, false, SL_C_LWM2M_DEREGISTER },
	{ "DELETE /rd",             MAKE_CON, 4, "/rd",   -1, 0, 0, false, false, 0 },
	{ "bootstrap",              MAKE_CON, 2, "/bs",   -1, 0, 0, false, false, SL_C_LWM2M_BOOTSTRAP },
	{ "POST below /bs",         MAKE_CON, 2, "/bs/x", -1, 0, 0, false, false, SL_K_COAP_POST },
	{ "GET /rd",                MAKE_CON, 1, "/rd",   -1, 0, 0, false, false, SL_K_COAP_GET },
	{ "POST /rdx",              MAKE_CON, 2, "/rdx",  -1, 0, 0, false, false, SL_K_COAP_POST },
	{ "POST /x/rd",             MAKE_CON, 2, "/x/rd", -1, 0, 0, false, false, SL_K_COAP_POST },
	{ "oneM2M create",          MAKE_CON, 2, "/~/in", -1, 0, 0, true,  true,  SL_C_ONEM2M_CREATE },
	{ "oneM2M create, type alone", MAKE_CON, 2, "/in", -1, 0, 0, true, false, SL_C_ONEM2M_CREATE },
	{ "oneM2M notify",          MAKE_CON, 2, "/~/in", -1, 0, 0, false, true,  SL_C_ONEM2M_NOTIFY },
	{ "oneM2M retrieve",        MAKE_CON, 1, "/~/in", -1, 0, 0, false, true,  SL_C_ONEM2M_RETRIEVE },
	{ "oneM2M observe",         MAKE_CON, 1, "/~/in",  0, 0, 0, false, true,  SL_C_COAP_OBSERVE },
	{ "oneM2M update",          MAKE_CON, 3, "/~/in", -1, 0, 0, false, true,  SL_C_ONEM2M_UPDATE },
	{ "oneM2M delete",          MAKE_CON, 4, "/~/in", -1, 0, 0, false, true,  SL_C_ONEM2M_DELETE },
	{ "PUT",                    MAKE_CON, 3, "/temp", -1, 0, 0, false, false, SL_K_COAP_PUT },
	{ "response",               MAKE_CON, 0x45, "",   -1, 0, 0, false, false, SL_K_COAP_RESPONSE },
	/* clang-format on */
};

static struct coapmake message(size_t i)
{
	struct coapmake m = coapmake(rows[i].type, rows[i].code, 0x1234, 4);

	if (rows[i].observe >= 0)
		coapmake_option(&m, MAKE_OBSERVE, &(uint8_t){ rows[i].observe },
				rows[i].observe > 0);
	coapmake_path(&m, rows[i].path);
	if (rows[i].block2)
		coapmake_option(&m, MAKE_BLOCK2, &(uint8_t){ (rows[i].block2 - 1) << 4 | 2 }, 1);
	if (rows[i].block1)
		coapmake_option(&m, MAKE_BLOCK1, &(uint8_t){ (rows[i].block1 - 1) << 4 | 2 }, 1);
	if (rows[i].type_named)
		coapmake_option(&m, MAKE_RESOURCE_TYPE, "\4", 1);
	if (rows[i].request_id)
		coapmake_option(&m, MAKE_REQUEST_ID, "r1", 2);
	return m;
}

static const uint32_t all[] = {
	SL_K_COAP_GET,	       SL_K_COAP_POST,	     SL_K_COAP_PUT,	  SL_K_COAP_RESPONSE,
	SL_C_COAP_OBSERVE,     SL_C_COAP_BLOCK,	     SL_C_LWM2M_REGISTER, SL_C_LWM2M_UPDATE,
	SL_C_LWM2M_DEREGISTER, SL_C_LWM2M_BOOTSTRAP, SL_C_ONEM2M_CREATE,  SL_C_ONEM2M_RETRIEVE,
	SL_C_ONEM2M_UPDATE,    SL_C_ONEM2M_DELETE,   SL_C_ONEM2M_NOTIFY,
};

static void put_all(uint64_t cost, uint64_t limit)
{
	struct classbed classes[SL_ARRAY_SIZE(all)];

	for (size_t i = 0; i < SL_ARRAY_SIZE(all); i++)
		classes[i] = (struct classbed){ all[i], cost, limit };
	classbed_put(fx.bed, TENANT, classes, SL_ARRAY_SIZE(all));
}

/* The one class that has counted @m as admitted; 0: none has. */
static uint32_t charged(const struct coapmake *m)
{
	uint64_t before[SL_ARRAY_SIZE(all)];
	uint32_t ret = 0;

	for (size_t i = 0; i < SL_ARRAY_SIZE(all); i++)
		before[i] = classbed_state(fx.bed, TENANT, all[i]).admitted;
	assert_int_equal(run(m), XDP_REDIRECT);
	for (size_t i = 0; i < SL_ARRAY_SIZE(all); i++) {
		uint64_t n = classbed_state(fx.bed, TENANT, all[i]).admitted - before[i];

		assert_in_range(n, 0, ret ? 0 : 1);
		ret = n ? all[i] : ret;
	}
	return ret;
}

static void test_a_message_is_of_its_first_class(void **state)
{
	(void)state;
	put_all(1, NS_PER_S);
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct coapmake m = message(i);
		uint32_t cls = charged(&m);

		if (cls != rows[i].cls)
			fail_msg("%s: of class %u, want %u", rows[i].name, cls, rows[i].cls);
	}
}

/* Where the tenant has no quota for the first, the next counts. */
static void test_a_message_is_of_its_kind_else(void **state)
{
	static const struct classbed kinds[] = {
		{ SL_K_COAP_GET, 1, NS_PER_S },
		{ SL_K_COAP_POST, 1, NS_PER_S },
		{ SL_K_COAP_DELETE, 1, NS_PER_S },
	};
	uint64_t get = 0, post = 0, delete = 0;

	(void)state;
	classbed_put(fx.bed, TENANT, kinds, SL_ARRAY_SIZE(kinds));
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct coapmake m = message(i);

		assert_int_equal(run(&m), XDP_REDIRECT);
		get += rows[i].code == 1;
		post += rows[i].code == 2;
		delete += rows[i].code == 4;
	}
	assert_int_equal(classbed_state(fx.bed, TENANT, SL_K_COAP_GET).admitted, get);
	assert_int_equal(classbed_state(fx.bed, TENANT, SL_K_COAP_POST).admitted, post);
	assert_int_equal(classbed_state(fx.bed, TENANT, SL_K_COAP_DELETE).admitted, delete);
}

/* Options that are not looked at may be there: 24 others in front hide nothing. */
static void test_what_is_not_seen_is_taken_to_be_there(void **state)
{
	static const struct {
		uint8_t code;
		uint32_t cls;
	} hidden[] = { { 1, SL_C_COAP_OBSERVE },
		       { 2, SL_C_LWM2M_REGISTER },
		       { 3, SL_C_ONEM2M_UPDATE },
		       { 4, SL_C_ONEM2M_DELETE } };

	(void)state;
	put_all(1, NS_PER_S);
	for (size_t i = 0; i < SL_ARRAY_SIZE(hidden); i++) {
		struct coapmake m = coapmake(MAKE_CON, hidden[i].code, 7, 0);

		for (int k = 0; k < SL_COAP_OPTIONS; k++)
			coapmake_option(&m, MAKE_ETAG, "e", 1);
		coapmake_option(&m, MAKE_OBSERVE, "", 0);
		coapmake_path(&m, "/rd");
		assert_int_equal(charged(&m), hidden[i].cls);
	}
}

/* -- what is refused -- */

static void test_a_class_over_its_quota_is_refused(void **state)
{
	static const struct classbed one = { SL_C_COAP_OBSERVE, 10 * NS_PER_S * SL_TAT_PER_NS, 1 };
	struct coapmake observe = message(2), get = message(0);

	(void)state;
	classbed_put(fx.bed, TENANT, &one, 1);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(run(&observe), i ? XDP_DROP : XDP_REDIRECT);
		assert_int_equal(run(&get), XDP_REDIRECT);
	}
	assert_int_equal(bed_reason(fx.bed, SL_R_CLASS_MESSAGES), 4);
	assert_int_equal(classbed_state(fx.bed, TENANT, SL_C_COAP_OBSERVE).admitted, 1);
	assert_int_equal(classbed_state(fx.bed, TENANT, SL_C_COAP_OBSERVE).refused, 4);
	clock_set(fx.now_ns + 10 * NS_PER_S);
	assert_int_equal(run(&observe), XDP_REDIRECT);
}

static void test_a_class_is_the_tenants_alone(void **state)
{
	static const struct classbed one = { SL_K_COAP_GET, 10 * NS_PER_S * SL_TAT_PER_NS, 1 };
	struct coapmake get = message(0);

	(void)state;
	classbed_put(fx.bed, TENANT + 1, &one, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(run(&get), XDP_REDIRECT);
}

static void test_mark_counts_and_sends_on(void **state)
{
	static const struct classbed one = { SL_K_COAP_GET, 10 * NS_PER_S * SL_TAT_PER_NS, 1 };
	struct coapmake get = message(0);

	(void)state;
	account((struct sl_account){ .excess = SL_X_MARK });
	classbed_put(fx.bed, TENANT, &one, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(run(&get), XDP_REDIRECT);
	assert_int_equal(bed_note(fx.bed, SL_N_MARKED), 2);
	assert_int_equal(classbed_state(fx.bed, TENANT, SL_K_COAP_GET).marked, 2);
	assert_int_equal(classbed_state(fx.bed, TENANT, SL_K_COAP_GET).refused, 0);
}

/* 5.03, and until when its own bucket says. */
static void test_a_refused_class_is_answered(void **state)
{
	static const struct classbed two[] = {
		{ SL_C_COAP_OBSERVE, 100 * NS_PER_S * SL_TAT_PER_NS, 1 },
		{ SL_K_COAP_GET, 1000 * NS_PER_S * SL_TAT_PER_NS, 1 },
	};
	struct path p = { "198.51.100.1", 40000, VIP, PORT };
	struct coapmake observe = message(2);
	struct frame in = frame_udp(&p, observe.bytes, observe.len), out;
	const uint8_t *said = out.bytes + in.payload;

	(void)state;
	account((struct sl_account){ .excess = SL_X_ANSWER });
	classbed_put(fx.bed, TENANT, two, 2);
	assert_int_equal(bed_run(fx.bed, &in, NULL), XDP_REDIRECT);
	assert_int_equal(bed_run(fx.bed, &in, &out), XDP_TX);
	assert_int_equal(bed_reason(fx.bed, SL_R_ANSWERED_CLASS), 1);
	assert_int_equal(out.len, in.payload + 4 + 4 + 3);
	assert_memory_equal(said, ((uint8_t[]){ 0x64, 0xa3, 0x12, 0x34 }), 4);
	assert_int_equal(said[8], 0xd1); /* Max-Age in one byte */
	assert_in_range(said[10], 100, 126);
	clock_set(fx.now_ns + 90 * NS_PER_S);
	assert_int_equal(bed_run(fx.bed, &in, &out), XDP_TX);
	assert_in_range(said[10], 10, 13);
}

/* The idle bank is another configuration. */
static void test_the_other_bank_is_not_looked_at(void **state)
{
	static const struct classbed one = { SL_K_COAP_GET, 10 * NS_PER_S * SL_TAT_PER_NS, 1 };
	struct sl_class_key key = { .tenant = TENANT, .bank = 1 };
	struct sl_class_set none = {};
	struct coapmake get = message(0);

	(void)state;
	classbed_put(fx.bed, TENANT, &one, 1);
	bed_update(fx.bed->skel->maps.sl_class_sets, &key, &none);
	assert_int_equal(run(&get), XDP_REDIRECT);
	assert_int_equal(run(&get), XDP_DROP);
}

/* -- device, class, tenant: against a reference -- */

#define DEVICES	  3
#define MS	  1000000ull
#define TICK	  bed_tick_ns()
#define DEV_UNITS SL_DEV_NS_SHIFT

static struct {
	uint64_t device[DEVICES], class, tenant;
	struct sl_account account;
	struct classbed of;
} ref;

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* What becomes of a message of @d, of the class or not: all three are asked, and only then
 * charged.
 */
static enum sl_reason reference_ask(int d, bool of_class)
{
	uint64_t now = fx.now_ns * SL_TAT_PER_NS, tick = TICK * SL_TAT_PER_NS;
	const struct sl_account *a = &ref.account;
	uint64_t device =
		gcra_next(ref.device[d], fx.now_ns >> DEV_UNITS, a->device_cost[SL_Q_MESSAGES],
			  a->device_limit, TICK >> DEV_UNITS);
	uint64_t class = of_class ? gcra_next(ref.class, now, ref.of.cost, ref.of.limit, tick) : 1;
	uint64_t tenant = gcra_next(ref.tenant, now, a->cost[SL_Q_MESSAGES], a->limit, tick);

	if (!device)
		return SL_R_DEVICE_MESSAGES;
	if (!class)
		return SL_R_CLASS_MESSAGES;
	if (!tenant) { /* given back: an idle bucket's time begins now */
		ref.class = of_class ? class - ref.of.cost : ref.class;
		return SL_R_TENANT_MESSAGES;
	}
	ref.device[d] = device;
	ref.tenant = tenant;
	if (of_class)
		ref.class = class;
	return SL_R_STEERED;
}

/* What lies in the past is all the same. */
static uint64_t since(uint64_t tat, uint64_t now)
{
	return tat > now ? tat - now : 0;
}

static void reference_check(void)
{
	uint64_t now = fx.now_ns * SL_TAT_PER_NS;
	struct sl_class_state s = classbed_state(fx.bed, TENANT, ref.of.cls);

	assert_int_equal(since(s.tat, now), since(ref.class, now));
	assert_int_equal(since(fx.bed->buckets[TENANT].tat[SL_Q_MESSAGES], now),
			 since(ref.tenant, now));
}

static void random_quotas(uint32_t *seed)
{
	struct sl_account a = { .quota_mask = 1 << SL_Q_MESSAGES,
				.device_mask = 1 << SL_Q_MESSAGES };

	memset(&ref, 0, sizeof(ref));
	a.cost[SL_Q_MESSAGES] = (1 + random_next(seed) % 100) * MS * SL_TAT_PER_NS;
	a.limit = (random_next(seed) % 300) * MS * SL_TAT_PER_NS;
	a.device_cost[SL_Q_MESSAGES] = (1 + random_next(seed) % 300) * MS >> DEV_UNITS;
	a.device_limit = (random_next(seed) % 900) * MS >> DEV_UNITS;
	ref.account = a;
	ref.of = (struct classbed){ SL_C_COAP_OBSERVE,
				    (1 + random_next(seed) % 200) * MS * SL_TAT_PER_NS,
				    (random_next(seed) % 600) * MS * SL_TAT_PER_NS };
	account(a);
	classbed_put(fx.bed, TENANT, &ref.of, 1);
	clock_set(fx.now_ns + 3600 * NS_PER_S); /* all buckets are empty */
}

static void test_random_messages_against_a_reference(void **state)
{
	static const char *const devices[DEVICES] = { "198.51.100.1", "198.51.100.2",
						      "198.51.100.3" };
	struct coapmake observe = message(2), get = message(0);
	uint64_t seen[SL_R__MAX] = {};
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 200; round++) {
		random_quotas(&seed);
		for (int i = 0; i < 100; i++) {
			int d = random_next(&seed) % DEVICES;
			bool of_class = random_next(&seed) & 1;
			enum sl_reason want = reference_ask(d, of_class);
			uint64_t before = bed_reason(fx.bed, want);

			run_from(devices[d], of_class ? &observe : &get);
			if (bed_reason(fx.bed, want) != before + 1)
				fail_msg("round %d, message %d: want reason %d", round, i, want);
			reference_check();
			seen[want]++;
			clock_set(fx.now_ns + random_next(&seed) % 40 * MS);
		}
	}
	assert_true(seen[SL_R_DEVICE_MESSAGES] > 1000 && seen[SL_R_CLASS_MESSAGES] > 1000 &&
		    seen[SL_R_TENANT_MESSAGES] > 1000 && seen[SL_R_STEERED] > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, bed_close)
		TEST(test_a_message_is_of_its_first_class),
		TEST(test_a_message_is_of_its_kind_else),
		TEST(test_what_is_not_seen_is_taken_to_be_there),
		TEST(test_a_class_over_its_quota_is_refused),
		TEST(test_a_class_is_the_tenants_alone),
		TEST(test_mark_counts_and_sends_on),
		TEST(test_a_refused_class_is_answered),
		TEST(test_the_other_bank_is_not_looked_at),
		TEST(test_random_messages_against_a_reference),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
