// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Quotas of classes as the packet path has them, and which services are looked into for
 * their sake, and by which program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "common/cleanup.h"
#include "config/config.h"
#include "plan/plan.h"

#define TICK_NS 4000000ull

/* clang-format off */
static const char text[] =
	"{\"node\": \"n\", \"secret\": \"00112233445566778899aabbccddeeff\","
	"\"interfaces\": [{\"name\": \"eth0\"}], \"services\": ["
	"{\"name\": \"coap\", \"address\": \"203.0.113.10\", \"port\": 5683, \"protocol\": \"coap\"},"
	"{\"name\": \"mqtt\", \"address\": \"203.0.113.10\", \"port\": 1883, \"protocol\": \"mqtt\"},"
	"{\"name\": \"sn\", \"address\": \"203.0.113.10\", \"port\": 1884, \"protocol\": \"mqttsn\"},"
	"{\"name\": \"tcp\", \"address\": \"203.0.113.10\", \"port\": 80, \"protocol\": \"tcp\"},"
	"{\"name\": \"dtls\", \"address\": \"203.0.113.10\", \"port\": 5684, \"protocol\": \"coaps\"},"
	"{\"name\": \"its\", \"address\": \"203.0.113.11\", \"port\": 5684, \"protocol\": \"coaps\", \"tenant\": \"d\"}],"
	"\"tenants\": ["
	"{\"name\": \"a\", \"services\": [\"coap\", \"mqtt\"], \"classes\": {"
		"\"coap.observe\": {\"messages\": \"100/s\"},"
		"\"onem2m.create\": {\"messages\": \"1/m\", \"burst\": \"2m\"}}},"
	"{\"name\": \"b\", \"services\": [\"sn\"], \"on_excess\": \"answer\"},"
	"{\"name\": \"c\", \"services\": [\"tcp\", \"dtls\"], \"refused_syn\": \"reset\"},"
	"{\"name\": \"d\", \"services\": [\"coap\", \"its\"], \"classes\": {\"dtls.handshake\": {\"messages\": \"5/s\"}}}]}";
/* clang-format on */

static const uint32_t tenant_ids[] = { 44, 43, 42, 41 };

static int take_account(void *arg, const char *tenant, const char *service, uint32_t *ret)
{
	(void)tenant;
	(void)service;
	*ret = ++*(uint32_t *)arg;
	return 0;
}

static struct plan *plan_open(void)
{
	uint16_t services[] = { 11, 12, 13, 14, 15, 16 };
	uint32_t tenants[SL_ARRAY_SIZE(tenant_ids)], accounts = 0;
	struct plan_ids ids = {
		.service = services, .tenant = tenants, .account = take_account, .arg = &accounts
	};
	sl_cleanup(model_freep) struct model *m = NULL;
	struct config_error why = {};
	struct plan *p = NULL;

	if (config_load_text(text, strlen(text), TICK_NS, &m, &why))
		fail_msg("%s", why.text);
	memcpy(tenants, tenant_ids, sizeof(tenants));
	assert_int_equal(plan_build(m, &ids, TICK_NS, &p), 0);
	return p;
}

static void test_quotas_of_classes(void **state)
{
	struct plan *p = plan_open();
	const struct sl_class_set *a = &p->classes.sets[0].value, *d = &p->classes.sets[1].value;
	unsigned int used = 0;

	(void)state;
	assert_int_equal(p->classes.n_sets, 2);
	assert_int_equal(p->classes.sets[0].key.tenant, 44);
	assert_int_equal(p->classes.sets[1].key.tenant, 41);
	for (unsigned int i = 0; i < SL_CLASS_SLOTS; i++)
		used += a->slot[i] != 0;
	assert_int_equal(used, 2);
	assert_int_equal(a->slot[SL_C_COAP_OBSERVE], 1);
	assert_int_equal(a->slot[SL_C_ONEM2M_CREATE], 2);
	assert_int_equal(a->quota[0].cost, 10000000ull * SL_TAT_PER_NS);
	assert_int_equal(a->quota[0].limit, 96000000ull * SL_TAT_PER_NS); /* less a tick */
	assert_int_equal(a->quota[1].cost, 60000000000ull * SL_TAT_PER_NS);
	assert_int_equal(a->quota[1].limit, 119996000000ull * SL_TAT_PER_NS);
	assert_int_equal(d->slot[SL_K_DTLS_HANDSHAKE], 1);
	plan_free(p);
}

static void test_buckets_are_sorted(void **state)
{
	static const struct sl_class_state_key want[] = { { 41, SL_K_DTLS_HANDSHAKE },
							  { 44, SL_C_COAP_OBSERVE },
							  { 44, SL_C_ONEM2M_CREATE } };
	struct plan *p = plan_open();

	(void)state;
	assert_int_equal(p->classes.n_states, SL_ARRAY_SIZE(want));
	assert_memory_equal(p->classes.states, want, sizeof(want));
	plan_free(p);
}

static void test_services_that_are_looked_into(void **state)
{
	static const struct {
		bool looked_into;
		enum sl_program program;
	} want[] = {
		{ true, SL_PROG_CONTENT },  /* by a's */
		{ false, SL_PROG_CLASSES }, /* a has no class of MQTT */
		{ true, SL_PROG_DATAGRAM }, /* b answers CONNECTs */
		{ true, SL_PROG_CLASSES },  /* c resets */
		{ false, SL_PROG_DATAGRAM },
		{ true, SL_PROG_DATAGRAM }, /* by d's, whose it is alone */
	};
	struct plan *p = plan_open();

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(want); i++) {
		assert_int_equal(!!(p->services[i].value.flags & SL_SVC_CONTENT),
				 want[i].looked_into);
		assert_int_equal(p->services[i].value.program, want[i].program);
		assert_false(p->services[i].value.flags & SL_SVC_IDENTIFY);
	}
	plan_free(p);
}

static void test_accounts_say_so(void **state)
{
	struct plan *p = plan_open();

	(void)state;
	for (size_t i = 0; i < p->n_accounts; i++) {
		const struct sl_account *a = &p->accounts[i].value;
		uint8_t want = a->tenant == 44 || a->tenant == 41 ? SL_ACCOUNT_CLASSES
			       : a->tenant == 42		  ? SL_ACCOUNT_RESET_SYN
								  : 0;

		assert_int_equal(a->quota_mask, want);
	}
	plan_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quotas_of_classes),
		cmocka_unit_test(test_buckets_are_sorted),
		cmocka_unit_test(test_services_that_are_looked_into),
		cmocka_unit_test(test_accounts_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
