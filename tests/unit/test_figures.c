// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Per-tenant figures from accounts, tallies and names, all of them made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "sluiced/figures.c"

/* -- the data plane of this test -- */

static const struct {
	const char *text;
	uint32_t id;
	struct sl_hot hot;
} accounts[] = {
	{ "zeta/broker", 7, { 100, 1000, 50, 5 } },
	{ "acme/telemetry", 3, { 10, 500, 10, 0 } },
	{ "acme/broker", 9, { 20, 800, 5, 2 } },
	{ "quiet/broker", 4, {} },
	{ "denied/broker", 11, {} },
};

static const struct stats_tally tallies[] = {
	{ 0, 1, SL_R_UNKNOWN_TENANT, false, 40 },
	{ 0, 2, SL_R_UNKNOWN_TENANT, false, 2 },
	{ 3, 1, SL_R_TENANT_MESSAGES, false, 990 },
	{ 3, 1, SL_R_DEVICE_CONNECTIONS, false, 4 },
	{ 9, 2, SL_R_TENANT_PACKETS, false, 6 },
	{ 9, 2, SL_R_TENANT_PACKETS, true, 3 },
	{ 11, 2, SL_R_NOT_ALLOWED, false, 1 },
	{ 77, 2, SL_R_FRAGMENT, false, 8 }, /* its name is gone */
	{ SL_TALLY_OTHER, 0, SL_R_TENANT_BYTES, false, 16 },
};

static const struct stats_latency latencies[] = {
	{ 3, SL_L_COAP, { 900, { [5] = 2, [7] = 1 } } },
	{ 7, SL_L_TCP, { 100, { [1] = 1 } } },
	{ 9, SL_L_TCP, { 10, { [2] = 3 } } },
	{ 9, SL_L_MQTT, { 20, { [3] = 4 } } },
	{ 77, SL_L_COAP, { 5, { [2] = 9 } } }, /* its name is gone */
	{ SL_TALLY_OTHER, SL_L_COAP, { 8, { [9] = 1 } } },
};

void names_each(struct names *n, enum sl_name_kind kind,
		void (*fn)(void *arg, const char *text, const struct sl_name *name), void *arg)
{
	(void)n;
	assert_int_equal(kind, SL_NAME_ACCOUNT);
	for (size_t i = 0; i < SL_ARRAY_SIZE(accounts); i++)
		fn(arg, accounts[i].text, &(struct sl_name){ .id = accounts[i].id });
}

int stats_latencies(const struct dataplane *dp, struct stats_latency **ret, size_t *ret_n)
{
	(void)dp;
	*ret = malloc(sizeof(latencies));
	memcpy(*ret, latencies, sizeof(latencies));
	*ret_n = SL_ARRAY_SIZE(latencies);
	return 0;
}

void stats_account(const struct dataplane *dp, uint32_t account, struct sl_hot *ret)
{
	(void)dp;
	for (size_t i = 0; i < SL_ARRAY_SIZE(accounts); i++)
		if (accounts[i].id == account)
			*ret = accounts[i].hot;
}

uint32_t stats_open(const struct dataplane *dp, uint32_t account)
{
	(void)dp;
	return account == 3 ? 6 : account == 9 ? 1 : 0; /* acme's */
}

int stats_tallies(const struct dataplane *dp, struct stats_tally **ret, size_t *ret_n)
{
	(void)dp;
	*ret = malloc(sizeof(tallies));
	memcpy(*ret, tallies, sizeof(tallies));
	*ret_n = SL_ARRAY_SIZE(tallies);
	return 0;
}

/* -- tests -- */

static struct figures read_them(void)
{
	static struct dataplane dp;
	struct figures f;

	assert_int_equal(figures_read(&dp, NULL, 42, &f), 0);
	return f;
}

static void test_tenants_are_grouped(void **state)
{
	struct figures f = read_them();

	(void)state;
	assert_int_equal(f.n_tenants, 3); /* "quiet" has no figure */
	assert_string_equal(f.tenants[0].name, "acme");
	assert_int_equal(f.tenants[0].n_accounts, 2);
	assert_int_equal(f.tenants[0].admitted, 30);
	assert_int_equal(f.tenants[0].offered, 30 + 990 + 4 + 6);
	assert_string_equal(f.accounts[f.tenants[0].account].service, "broker");
	assert_null(figures_tenant(&f, "quiet"));
	assert_string_equal(figures_tenant(&f, "zeta")->name, "zeta");
	assert_int_equal(figures_tenant(&f, "denied")->offered, 1);
	figures_free(&f);
}

static void test_sums(void **state)
{
	struct figures f = read_them();
	struct figure acme = {}, none = {}, other = {};

	(void)state;
	figure_add_tenant(&f, figures_tenant(&f, "acme"), &acme);
	assert_int_equal(acme.admitted.bytes, 1300);
	assert_int_equal(figure_refused(&acme), 1000);
	assert_int_equal(acme.marked[SL_R_TENANT_PACKETS], 3);
	assert_int_equal(figure_offered_packets(&acme), 1030);
	assert_int_equal(figure_offered_messages(&acme), 15 + 990);
	assert_int_equal(figure_offered_connections(&acme), 2 + 4);
	assert_int_equal(acme.open, 6 + 1);
	figure_add_none(&f, &none);
	assert_int_equal(none.refused[SL_R_UNKNOWN_TENANT], 42);
	figure_add_unclaimed(&f, &other);
	assert_int_equal(figure_refused(&other), 8 + 16);
	figures_free(&f);
}

/* Whatever the rows, no packet is lost or told twice. */
static void test_all_is_told_once(void **state)
{
	struct figures f = read_them();
	uint64_t want = 0;
	struct figure all = {};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(tallies); i++)
		want += tallies[i].mark ? 0 : tallies[i].packets;
	for (size_t i = 0; i < SL_ARRAY_SIZE(accounts); i++)
		want += accounts[i].hot.packets;
	for (size_t i = 0; i < f.n_tenants; i++)
		figure_add_tenant(&f, &f.tenants[i], &all);
	figure_add_none(&f, &all);
	figure_add_unclaimed(&f, &all);
	assert_int_equal(figure_offered_packets(&all), want);
	figures_free(&f);
}

static void test_times(void **state)
{
	static struct figure_times acme, zeta, other, none;
	struct figures f = read_them();

	(void)state;
	assert_true(figure_add_tenant_times(&f, figures_tenant(&f, "acme"), &acme));
	assert_int_equal(acme.of[SL_L_COAP].sum_ns, 900);
	assert_int_equal(acme.of[SL_L_COAP].bucket[5], 2);
	assert_int_equal(acme.of[SL_L_TCP].bucket[2], 3);
	assert_int_equal(acme.of[SL_L_MQTT].bucket[3], 4);
	assert_int_equal(acme.of[SL_L_MQTT].bucket[2], 0);
	assert_true(figure_add_tenant_times(&f, figures_tenant(&f, "zeta"), &zeta));
	assert_int_equal(zeta.of[SL_L_TCP].sum_ns, 100);
	assert_false(figure_add_tenant_times(&f, figures_tenant(&f, "denied"), &none));
	assert_true(figure_add_other_times(&f, &other));
	assert_int_equal(other.of[SL_L_COAP].bucket[9], 1);
	figures_free(&f);
}

static void test_order(void **state)
{
	struct figures f = read_them();
	size_t *order;

	(void)state;
	assert_int_equal(figures_order(&f, FIGURES_BY_OFFERED, &order), 0);
	assert_string_equal(f.tenants[order[0]].name, "acme");
	assert_string_equal(f.tenants[order[1]].name, "zeta");
	assert_string_equal(f.tenants[order[2]].name, "denied");
	free(order);
	assert_int_equal(figures_order(&f, FIGURES_BY_ADMITTED, &order), 0);
	assert_string_equal(f.tenants[order[0]].name, "zeta");
	free(order);
	figures_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tenants_are_grouped),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_all_is_told_once),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
