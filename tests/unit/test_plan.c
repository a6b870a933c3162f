// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Model to plan: services, addresses, who may use what, quotas as the packet
 * path's numbers, and the prefixes of tenants.
 */
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/gcra.h"
#include "plan/plan.h"

#define TICK 4000000ull
#define MS   1000000ull

static struct sl_addr v4(uint32_t a)
{
	return (struct sl_addr){ .w = { 0, 0, bpf_htonl(0xffff), bpf_htonl(a) } };
}

/* -- quotas -- */

static struct sl_account quota_of(struct model_quota tenant, struct model_quota device)
{
	struct model_tenant t = { .quota = tenant, .device_quota = device };
	struct sl_account a;

	memset(&a, 0xee, sizeof(a)); /* what was there does not shine through */
	plan_quota(&t, TICK, &a);
	return a;
}

static void test_tenant_costs(void **state)
{
	static const struct {
		enum sl_quota q;
		double rate;
		uint64_t cost;
	} rows[] = {
		{ SL_Q_MESSAGES, 1000, 16000000 },
		{ SL_Q_MESSAGES, 3, 5333333334 }, /* up, never over the rate */
		{ SL_Q_PACKETS, 1, 16000000000 },
		{ SL_Q_PACKETS, 16e9, 1 },
		{ SL_Q_PACKETS, 1e12, 1 },
		{ SL_Q_CONNECTIONS, 0.001, 16000000000000 },
		{ SL_Q_CONNECTIONS, 1e-300, 1ull << 56 },
		{ SL_Q_BYTES, 20e6, 204800 },
		{ SL_Q_BYTES, 3e6, 1365334 },
		{ SL_Q_BYTES, 1e-300, 1ull << 47 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct model_quota q = { .burst_ns = 100 * MS };
		struct sl_account a;

		q.rate[rows[i].q] = rows[i].rate;
		a = quota_of(q, (struct model_quota){});
		assert_int_equal(a.quota_mask, 1 << rows[i].q);
		assert_int_equal(a.device_mask, 0);
		for (int k = 0; k < SL_Q__MAX; k++)
			assert_int_equal(a.cost[k], k == (int)rows[i].q ? rows[i].cost : 0);
	}
	/* The packet path multiplies the largest cost by the largest packet. */
	assert_true(1ull << 47 <= UINT64_MAX / 65535);
}

static void test_device_costs(void **state)
{
	static const struct {
		enum sl_quota q;
		double rate;
		uint32_t cost;
	} rows[] = {
		{ SL_Q_MESSAGES, 10, 97657 }, /* 97,656.25 */
		{ SL_Q_CONNECTIONS, 1, 976563 },    { SL_Q_PACKETS, 1e9, 1 },
		{ SL_Q_PACKETS, 1e-9, UINT32_MAX }, { SL_Q_BYTES, 1e6, 4000 },
		{ SL_Q_BYTES, 3e6, 1334 },	    { SL_Q_BYTES, 0.5, UINT32_MAX },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct model_quota q = { .burst_ns = 100 * MS };
		struct sl_account a;

		q.rate[rows[i].q] = rows[i].rate;
		a = quota_of((struct model_quota){}, q);
		assert_int_equal(a.device_mask, 1 << rows[i].q);
		assert_int_equal(a.quota_mask, 0);
		for (int k = 0; k < SL_Q__MAX; k++)
			assert_int_equal(a.device_cost[k], k == (int)rows[i].q ? rows[i].cost : 0);
	}
}

static void test_limits(void **state)
{
	static const struct {
		uint64_t burst_ns, limit;
		uint32_t device;
	} rows[] = {
		{ 0, 0, 0 },
		{ TICK, 0, 0 },
		{ TICK + 1024, 1024 * 16, 1 },
		{ 100 * MS, 96 * MS * 16, 93750 },
		{ UINT64_MAX, (1ull << 60) - TICK * 16, UINT32_MAX },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct model_quota q = { .burst_ns = rows[i].burst_ns };
		struct sl_account a = quota_of(q, q);

		assert_true(a.limit == rows[i].limit);
		assert_int_equal(a.device_limit, rows[i].device);
	}
}

static void test_nothing_limited(void **state)
{
	struct model_quota odd = { .rate = { -1, NAN, 0, -INFINITY } };
	struct sl_account a = quota_of(odd, odd);
	struct model_tenant t = { .excess = SL_X_MARK, .top_table = SL_TOP_TENANTS };

	(void)state;
	assert_int_equal(a.quota_mask | a.device_mask, 0);
	assert_int_equal(a.excess, SL_X_DROP);
	plan_quota(&t, TICK, &a);
	assert_int_equal(a.excess, SL_X_MARK);
	assert_int_equal(a.device_mask, SL_TOP_TENANTS << SL_TOP_SHIFT);
}

/* The numbers with the packet path's bucket: ten seconds at 100 times the rate. */
static void test_admitted(void **state)
{
	static const double rates[] = { 10, 1000, 100000 };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rates); i++) {
		struct model_quota q = { .rate[SL_Q_MESSAGES] = rates[i], .burst_ns = 10 * MS };
		struct sl_account a = quota_of(q, (struct model_quota){});
		uint64_t step = 1e9 / (rates[i] * 100), admitted = 0;
		__u64 tat = 0;
		double most;

		for (uint64_t t = 1000000 * MS; t < 1010000 * MS; t += step) {
			uint64_t now = t / TICK * TICK * SL_TAT_PER_NS;

			admitted += gcra_step(&tat, now, a.cost[SL_Q_MESSAGES], a.limit,
					      TICK * SL_TAT_PER_NS) == GCRA_CONFORM;
		}
		most = rates[i] * (10 + 0.01) + 1;
		assert_true(admitted <= most && admitted >= 0.99 * rates[i] * 10);
	}
}

/* -- a model -- */

/* Account ids are 100 * tenant + service, by the digit at the end of the names. */
static int account_id(void *arg, const char *tenant, const char *service, uint32_t *ret)
{
	int *calls = arg;

	if (--*calls < 0)
		return -ENOSPC;
	*ret = 100 * (tenant[1] - '0') + (service[1] - '0');
	return 0;
}

static struct model_prefix sources[] = {
	{ .len = 104 }, /* 10.0.0.0/8 */
	{ .len = 120 }, /* 10.1.2.0/24 */
};

static char two_services[][SL_NAME_LEN] = { "s3", "s1" };
static char fixed_service[][SL_NAME_LEN] = { "s2" };

/* s1 and s3 by source, s2 of t2 alone, s4 by source with t4 as default. */
static struct model_service services[] = {
	{ .name = "s1",
	  .port = 5683,
	  .protocol = SL_P_COAP,
	  .keep_s = 300,
	  .half_open_max = 9,
	  .drop_malformed = true },
	{ .name = "s2", .port = 1883, .protocol = SL_P_MQTT, .tenant = "t2" },
	{ .name = "s3", .port = 9, .protocol = SL_P_UDP },
	{ .name = "s4", .port = 8883, .protocol = SL_P_MQTTS, .default_tenant = "t4" },
};

/* t1 may use all, t3 two, t2 and t4 name only what is not theirs to name. */
static struct model_tenant tenants[] = {
	{ .name = "t1",
	  .sources = sources,
	  .n_sources = 1,
	  .quota = { .rate[SL_Q_PACKETS] = 1000, .burst_ns = 100 * MS } },
	{ .name = "t2", .services = fixed_service, .n_services = 1 },
	{ .name = "t3",
	  .sources = sources + 1,
	  .n_sources = 1,
	  .services = two_services,
	  .n_services = 2 },
	{ .name = "t4",
	  .services = fixed_service,
	  .n_services = 1,
	  .excess = SL_X_MARK,
	  .denied = 0xfe },
};

static uint16_t service_ids[] = { 11, 12, 13, 14, 15, 16, 17 };
static uint32_t tenant_ids[] = { 54, 53, 52, 51 };

static struct model model_make(void)
{
	static const uint32_t addresses[] = { 0xcb00710a, 0xcb00710a, 0xcb007105, 0xcb00710a };

	sources[0].addr = v4(0x0a000000);
	sources[1].addr = v4(0x0a010200);
	for (size_t i = 0; i < SL_ARRAY_SIZE(services); i++)
		services[i].addr = v4(addresses[i]);
	return (struct model){
		.services = services,
		.n_services = SL_ARRAY_SIZE(services),
		.tenants = tenants,
		.n_tenants = SL_ARRAY_SIZE(tenants),
	};
}

static int build(const struct model *m, int calls, struct plan **ret)
{
	struct plan_ids ids = {
		.service = service_ids,
		.tenant = tenant_ids,
		.account = account_id,
		.arg = &calls,
	};

	return plan_build(m, &ids, TICK, ret);
}

static void test_services(void **state)
{
	static const struct {
		uint8_t proto, flags;
		uint32_t tenant;
	} want[] = {
		{ IPPROTO_UDP, SL_SVC_BY_SOURCE | SL_SVC_AFFINITY | SL_SVC_DROP_MALFORMED, 0 },
		{ IPPROTO_TCP, SL_SVC_AFFINITY, 53 },
		{ IPPROTO_UDP, SL_SVC_BY_SOURCE, 0 },
		{ IPPROTO_TCP, SL_SVC_BY_SOURCE | SL_SVC_AFFINITY, 51 },
	};
	struct model m = model_make();
	struct plan *p = NULL;

	(void)state;
	assert_int_equal(build(&m, 100, &p), 0);
	assert_int_equal(p->n_services, 4);
	for (size_t i = 0; i < 4; i++) {
		const struct plan_service *s = &p->services[i];

		assert_memory_equal(&s->key.addr, &services[i].addr, sizeof(s->key.addr));
		assert_int_equal(bpf_ntohs(s->key.port), services[i].port);
		assert_int_equal(s->key.proto, want[i].proto);
		assert_int_equal(s->key.bank, 0);
		assert_int_equal(s->value.id, 11 + i);
		assert_int_equal(s->value.protocol, services[i].protocol);
		assert_int_equal(s->value.flags, want[i].flags);
		assert_int_equal(s->value.tenant, want[i].tenant);
		assert_int_equal(s->value.keep_s, services[i].keep_s);
		assert_int_equal(s->value.half_open_max, services[i].half_open_max);
		assert_int_equal(s->value.ring_size, 0);
	}
	assert_int_equal(p->n_addresses, 2);
	assert_memory_equal(&p->addresses[0], &services[2].addr, sizeof(struct sl_addr));
	assert_memory_equal(&p->addresses[1], &services[0].addr, sizeof(struct sl_addr));
	plan_free(p);
}

/* What a packet is told of affinity, from what the configuration says. */
static void test_affinity(void **state)
{
	struct model_service s[] = {
		{ .name = "s1",
		  .protocol = SL_P_COAPS,
		  .cid = { .layout = SL_CID_QUIC_LB,
			   .length = 8,
			   .server_id_length = { [0] = 1, [2] = 4, [6] = 2 } },
		  .device_key = SL_DK_CID,
		  .reply_rate = 1000,
		  .health.outlier.present = true },
		{ .name = "s2", .protocol = SL_P_MQTTSN, .reply_rate = 1 },
		{ .name = "s3",
		  .protocol = SL_P_UDP,
		  .device_key = SL_DK_ENDPOINT,
		  .reply_rate = 1e6 },
		{ .name = "s4", .protocol = SL_P_MQTT, .latency = true },
		{ .name = "s5",
		  .protocol = SL_P_COAP,
		  .latency = true,
		  .health.outlier.present = true },
		{ .name = "s6", .protocol = SL_P_MQTTS, .latency = true },
		{ .name = "s7", .protocol = SL_P_COAP, .echo_s = 60 },
	};
	struct model m = { .services = s, .n_services = SL_ARRAY_SIZE(s) };
	struct plan *p = NULL;
	const struct sl_service *v;

	(void)state;
	assert_int_equal(build(&m, 100, &p), 0);
	v = &p->services[0].value;
	assert_int_equal(p->services[0].key.proto, IPPROTO_UDP);
	assert_int_equal(v->flags, SL_SVC_AFFINITY | SL_SVC_OUTLIERS);
	assert_int_equal(p->services[3].value.flags, SL_SVC_AFFINITY | SL_SVC_LATENCY);
	assert_int_equal(p->services[6].value.flags, SL_SVC_AFFINITY | SL_SVC_CONTENT);
	assert_int_equal(p->services[6].value.echo_s, 60);
	assert_int_equal(p->services[5].value.echo_s, 0);
	assert_int_equal(plan_watch(&s[0]), SL_W_OUTLIERS);
	assert_int_equal(plan_watch(&s[1]), 0);
	assert_int_equal(plan_watch(&s[3]), (1 << SL_L_TCP | 1 << SL_L_MQTT) << SL_W_LATENCY_SHIFT);
	assert_int_equal(plan_watch(&s[4]), SL_W_OUTLIERS | 1 << (SL_W_LATENCY_SHIFT + SL_L_COAP));
	assert_int_equal(plan_watch(&s[5]), 1 << (SL_W_LATENCY_SHIFT + SL_L_TCP));
	assert_int_equal(v->cid_layout, SL_CID_QUIC_LB);
	assert_int_equal(v->cid_len, 8);
	assert_int_equal(v->cid_rotations, 0x02000401);
	assert_int_equal(v->device_key, SL_DK_CID);
	assert_int_equal(v->reply_cost, 1000000 * SL_TAT_PER_NS);

	v = &p->services[1].value;
	assert_int_equal(p->services[1].key.proto, IPPROTO_UDP);
	assert_int_equal(v->flags, SL_SVC_AFFINITY);
	assert_int_equal(v->cid_layout, SL_CID_NONE);
	assert_int_equal(v->cid_rotations, 0);
	assert_int_equal(v->device_key, SL_DK_ADDRESS);
	assert_int_equal(v->reply_cost, 1000000000ull * SL_TAT_PER_NS);

	v = &p->services[2].value;
	assert_int_equal(v->flags, 0);
	assert_int_equal(v->device_key, SL_DK_ENDPOINT);
	assert_int_equal(v->reply_cost, 1000 * SL_TAT_PER_NS);
	plan_free(p);
}

static void test_accounts(void **state)
{
	/* Sorted by tenant id, which is against the model's order here. */
	static const uint32_t want[][3] = {
		{ 51, 14, 404 }, { 52, 11, 301 }, { 52, 13, 303 }, { 53, 12, 202 },
		{ 54, 11, 101 }, { 54, 13, 103 }, { 54, 14, 104 },
	};
	struct model m = model_make();
	struct plan *p = NULL;

	(void)state;
	assert_int_equal(build(&m, SL_ARRAY_SIZE(want), &p), 0);
	assert_int_equal(p->n_accounts, SL_ARRAY_SIZE(want));
	for (size_t i = 0; i < p->n_accounts; i++) {
		const struct plan_account *a = &p->accounts[i];

		assert_int_equal(a->key.tenant, want[i][0]);
		assert_int_equal(a->key.service, want[i][1]);
		assert_int_equal(a->key.bank, 0);
		assert_int_equal(a->value.id, want[i][2]);
		assert_int_equal(a->value.tenant, want[i][0]);
		assert_int_equal(a->value.excess, want[i][0] == 51 ? SL_X_MARK : SL_X_DROP);
		assert_int_equal(a->value.denied, want[i][0] == 51 ? 0xfe : 0);
		assert_int_equal(a->value.quota_mask, want[i][0] == 54 ? 1 << SL_Q_PACKETS : 0);
		assert_int_equal(a->value.cost[SL_Q_PACKETS], want[i][0] == 54 ? 16000000 : 0);
	}
	plan_free(p);
}

/* A default tenant that names the service, too, has one account with it. */
static void test_default_tenant_once(void **state)
{
	struct model m = model_make();
	struct plan *p = NULL;

	(void)state;
	strcpy(services[3].default_tenant, "t1");
	assert_int_equal(build(&m, 100, &p), 0);
	assert_int_equal(p->n_accounts, 6);
	assert_int_equal(p->services[3].value.tenant, 54);
	plan_free(p);
	strcpy(services[3].default_tenant, "t4");
}

static void test_prefixes(void **state)
{
	struct model m = model_make();
	struct plan *p = NULL;

	(void)state;
	assert_int_equal(build(&m, 100, &p), 0);
	assert_int_equal(p->prefixes.n_roots, 2);
	assert_int_equal(p->prefixes.n_ranges, 3);
	assert_int_equal(p->prefixes.ranges[0].value, 54);
	assert_int_equal(p->prefixes.ranges[1].value, 52);
	assert_int_equal(p->prefixes.ranges[2].value, 54);
	assert_true(p->prefixes.roots[0].lo == 0x0a00000000000000);
	assert_true(p->prefixes.ranges[1].start == 0x0a01020000000000);
	plan_free(p);
}

static void test_by_source_needs_sources(void **state)
{
	struct model m = model_make();
	struct plan *p = NULL;

	(void)state;
	m.n_tenants = 2;
	m.n_services = 2;
	tenants[0].n_sources = 0;
	assert_int_equal(build(&m, 100, &p), 0);
	tenants[0].n_sources = 1;
	assert_false(p->services[0].value.flags & SL_SVC_BY_SOURCE);
	plan_free(p);
}

static void test_empty(void **state)
{
	struct model m = {};
	struct plan *p = NULL;

	(void)state;
	assert_int_equal(build(&m, 0, &p), 0);
	assert_int_equal(p->n_services + p->n_addresses + p->n_accounts, 0);
	assert_int_equal(p->prefixes.n_roots, 2);
	plan_free(p);
	plan_free(NULL);
}

/* Nothing is written and nothing is lost. */
static void test_failures(void **state)
{
	struct model m = model_make();
	struct plan *p = NULL;

	(void)state;
	for (int calls = 0; calls < 7; calls++)
		assert_int_equal(build(&m, calls, &p), -ENOSPC);
	strcpy(services[1].tenant, "nobody");
	assert_int_equal(build(&m, 100, &p), -EINVAL);
	strcpy(services[1].tenant, "t2");
	strcpy(two_services[0], "nothing");
	assert_int_equal(build(&m, 100, &p), -EINVAL);
	strcpy(two_services[0], "s3");
	sources[1] = sources[0];
	assert_int_equal(build(&m, 100, &p), -EEXIST);
	sources[1].len = 120;
	assert_null(p);
}

/* Many tenants with a service each: work grows with them, not with the square. */
static void test_many(void **state)
{
	enum {
		N_TENANTS = 100000,
		N_SERVICES = 1000
	};
	struct model m = { .n_tenants = N_TENANTS, .n_services = N_SERVICES };
	struct plan_ids ids = { .account = account_id, .arg = &(int){ N_TENANTS } };
	struct plan *p = NULL;

	(void)state;
	m.tenants = calloc(N_TENANTS, sizeof(*m.tenants));
	m.services = calloc(N_SERVICES, sizeof(*m.services));
	ids.tenant = calloc(N_TENANTS, sizeof(*ids.tenant));
	ids.service = calloc(N_SERVICES, sizeof(*ids.service));
	assert_true(m.tenants && m.services && ids.tenant && ids.service);
	for (int i = 0; i < N_SERVICES; i++) {
		snprintf(m.services[i].name, SL_NAME_LEN, "s%d", i);
		ids.service[i] = i + 1;
	}
	for (int i = 0; i < N_TENANTS; i++) {
		snprintf(m.tenants[i].name, SL_NAME_LEN, "t%d", i);
		m.tenants[i].services = &m.services[i % N_SERVICES].name;
		m.tenants[i].n_services = 1;
		ids.tenant[i] = i + 1;
	}
	assert_int_equal(plan_build(&m, &ids, TICK, &p), 0);
	assert_int_equal(p->n_accounts, N_TENANTS);
	for (int i = 0; i < N_TENANTS; i++) {
		assert_int_equal(p->accounts[i].key.tenant, i + 1);
		assert_int_equal(p->accounts[i].key.service, i % N_SERVICES + 1);
	}
	plan_free(p);
	free(m.tenants);
	free(m.services);
	free(ids.tenant);
	free(ids.service);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tenant_costs), cmocka_unit_test(test_device_costs),
		cmocka_unit_test(test_limits),	     cmocka_unit_test(test_nothing_limited),
		cmocka_unit_test(test_admitted),     cmocka_unit_test(test_services),
		cmocka_unit_test(test_accounts),     cmocka_unit_test(test_default_tenant_once),
		cmocka_unit_test(test_prefixes),     cmocka_unit_test(test_by_source_needs_sources),
		cmocka_unit_test(test_empty),	     cmocka_unit_test(test_failures),
		cmocka_unit_test(test_many),	     cmocka_unit_test(test_affinity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
