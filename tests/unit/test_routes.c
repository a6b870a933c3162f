// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pools and routes to the wanted maps: a pool's record lies under its id, rules are found by a
 * walk like that of a packet, privileges of oneM2M are where those of paths are, and who may use
 * a pool is as the tenants' lists say.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include "common/cleanup.h"
#include "config/config.h"
#include "config/identity.h"
#include "plan/plan.h"

#define TICK_NS 4000000ull

enum {
	POOL_A = 21, /* services' ids, in the document's order */
	GW,
	OTHER,
	POOL_B,
	ACME = 51, /* tenants' ids */
	GUESTS,
	ONLY
};

/* clang-format off */
static const char document[] =
	"{\"secret\": \"00112233445566778899aabbccddeeff\", \"interfaces\": [], \"services\": ["
	"{\"name\": \"a\", \"pool_of\": \"gw\"},"
	"{\"name\": \"gw\", \"address\": \"203.0.113.9\", \"port\": 5683, \"protocol\": \"coap\","
	" \"default_tenant\": \"guests\", \"routes\": ["
	"{\"path\": \"/s/1\", \"pool\": \"a\"}, {\"path\": \"/s\", \"method\": \"POST\", \"pool\": \"b\"},"
	"{\"path\": \"/s/1\", \"method\": \"GET\", \"onem2m_type\": 4, \"tenant\": \"acme\", \"pool\": \"b\"},"
	"{\"path\": \"/\", \"onem2m_type\": 5, \"pool\": \"a\"}]},"
	"{\"name\": \"other\", \"address\": \"203.0.113.9\", \"port\": 5684, \"protocol\": \"coap\"},"
	"{\"name\": \"b\", \"pool_of\": \"gw\"}"
	"], \"tenants\": ["
	"{\"name\": \"acme\", \"allow\": {\"onem2m_operations\": [\"retrieve\", \"create\"], \"onem2m_types\": [3, 4]}},"
	"{\"name\": \"guests\", \"services\": [\"gw\", \"b\"], \"allow\": {\"coap_paths\": [\"/s\"], \"onem2m_operations\": [\"create\"]}},"
	"{\"name\": \"only\", \"services\": [\"a\"], \"match\": [{\"coap_host\": \"only\"}]}]}";
/* clang-format on */

static int take_account(void *arg, const char *tenant, const char *service, uint32_t *ret)
{
	(void)tenant;
	(void)service;
	*ret = ++*(uint32_t *)arg;
	return 0;
}

struct fixture {
	struct model *m;
	struct plan *p;
};

static int setup(void **state)
{
	static uint16_t services[] = { POOL_A, GW, OTHER, POOL_B };
	static uint32_t tenants[] = { ACME, GUESTS, ONLY }, accounts;
	struct plan_ids ids = {
		.service = services, .tenant = tenants, .account = take_account, .arg = &accounts
	};
	struct fixture *f = calloc(1, sizeof(*f));
	struct config_error why = {};

	if (config_load_text(document, strlen(document), TICK_NS, &f->m, &why))
		fail_msg("%s", why.text);
	assert_int_equal(plan_build(f->m, &ids, TICK_NS, &f->p), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	plan_free(f->p);
	model_free(f->m);
	free(f);
	return 0;
}

static const struct sl_trie_node *find(const struct plan_trie *t, uint64_t parent, const void *text,
				       uint8_t size, uint8_t len)
{
	struct sl_trie_key key = { .parent = parent, .len = len };

	memcpy(key.text, text, size);
	for (size_t i = 0; i < t->n_steps; i++)
		if (!memcmp(&t->steps[i].key, &key, sizeof(key)))
			return &t->steps[i].node;
	return NULL;
}

static const struct sl_trie_node *of_id(const struct plan_trie *t, enum sl_trie_root root,
					uint32_t id)
{
	return find(t, root, &id, sizeof(id), sizeof(id));
}

/* The pool of a rule at @at; 0: there is none. */
static uint32_t rule(const struct plan_trie *t, const struct sl_trie_node *at,
		     struct sl_route_rule r)
{
	const struct sl_trie_node *node = find(t, at->child, &r, sizeof(r), SL_TRIE_RULE);

	assert_int_equal(!!node, at->more >> r.sort & 1);
	return node ? node->value : 0;
}

static void test_rules(void **state)
{
	const struct plan_trie *t = &((struct fixture *)*state)->p->trie;
	const struct sl_trie_node *top = of_id(t, SL_T_ROUTE, GW), *s, *one;

	assert_non_null(top);
	assert_null(of_id(t, SL_T_ROUTE, OTHER));
	assert_null(of_id(t, SL_T_ROUTE, POOL_A));
	s = find(t, top->child, "s", 1, 1);
	assert_non_null(s);
	one = find(t, s->child, "1", 1, 1);
	assert_non_null(one);
	assert_int_equal(top->more, 1 << SL_ROUTE_TYPE);
	assert_int_equal(s->more, 1 << SL_ROUTE_METHOD);
	assert_int_equal(one->more, 1 | 1 << (SL_ROUTE_TYPE | SL_ROUTE_METHOD | SL_ROUTE_TENANT));
	assert_int_equal(rule(t, top, (struct sl_route_rule){ SL_ROUTE_TYPE, .type = 5 }), POOL_A);
	assert_int_equal(rule(t, s, (struct sl_route_rule){ SL_ROUTE_METHOD, .method = 2 }),
			 POOL_B);
	assert_int_equal(rule(t, one, (struct sl_route_rule){}), POOL_A);
	assert_int_equal(
		rule(t, one,
		     (struct sl_route_rule){ SL_ROUTE_TYPE | SL_ROUTE_METHOD | SL_ROUTE_TENANT,
					     .method = 1, .type = 4, .tenant = ACME }),
		POOL_B);
}

static void test_what_may_be_done(void **state)
{
	const struct plan_trie *t = &((struct fixture *)*state)->p->trie;
	const struct sl_trie_node *acme = of_id(t, SL_T_ALLOW, ACME),
				  *guests = of_id(t, SL_T_ALLOW, GUESTS);

	assert_non_null(acme);
	assert_int_equal(acme->more, SL_ALLOW_ANY_PATH | SL_ALLOW_TYPES | 1 << SL_OP_UPDATE |
					     1 << SL_OP_DELETE | 1 << SL_OP_NOTIFY |
					     1 << SL_OP_OTHER);
	assert_non_null(find(t, acme->child, (uint8_t[]){ 3 }, 1, SL_TRIE_RULE));
	assert_non_null(find(t, acme->child, (uint8_t[]){ 4 }, 1, SL_TRIE_RULE));
	assert_null(find(t, acme->child, (uint8_t[]){ 5 }, 1, SL_TRIE_RULE));
	assert_non_null(guests);
	assert_int_equal(guests->more, SL_ALLOW_OPERATIONS & ~(1 << SL_OP_CREATE));
	assert_int_equal(find(t, guests->child, "s", 1, 1)->value, 1);
	assert_null(of_id(t, SL_T_ALLOW, ONLY));
}

/* As many as are counted for the capacity. */
static void test_steps_are_counted(void **state)
{
	struct fixture *f = *state;
	uint64_t steps = 0;

	assert_int_equal(identity_count_steps(f->m, &steps), 0);
	assert_int_equal(steps, f->p->trie.n_steps);
	/* Routes: the service, s, 1, four rules; acme: itself, two types; guests and s; a host. */
	assert_int_equal(steps, 3 + 4 + 3 + 2 + 1);
}

static void test_records(void **state)
{
	static const uint8_t flags = SL_SVC_CONTENT | SL_SVC_IDENTIFY | SL_SVC_ROUTES;
	struct plan *p = ((struct fixture *)*state)->p;
	const struct sl_service_key pool = SL_POOL_KEY(POOL_A);

	assert_int_equal(p->n_services, 4);
	assert_memory_equal(&p->services[0].key, &pool, sizeof(pool));
	assert_int_equal(p->services[1].key.port, htons(5683));
	assert_int_equal(p->n_addresses, 1);
	for (int i = 0; i < 4; i++) {
		if (i == 2)
			continue;
		assert_int_equal(p->services[i].value.id, POOL_A + i);
		assert_int_equal(p->services[i].value.protocol, SL_P_COAP);
		assert_int_equal(p->services[i].value.tenant, GUESTS);
	}
	assert_int_equal(p->services[0].value.flags & SL_SVC_ROUTES, 0);
	/* ONLY's host is asked for, although it may use the pool alone. */
	assert_int_equal(p->services[1].value.flags & flags, flags);
	assert_int_equal(p->services[2].value.flags & flags, SL_SVC_CONTENT);
}

static bool has_account(const struct plan *p, uint32_t tenant, uint16_t service)
{
	for (size_t i = 0; i < p->n_accounts; i++)
		if (p->accounts[i].key.tenant == tenant && p->accounts[i].key.service == service)
			return true;
	return false;
}

static void test_who_may_use_a_pool(void **state)
{
	const struct plan *p = ((struct fixture *)*state)->p;

	for (uint16_t service = POOL_A; service <= POOL_B; service++) {
		assert_true(has_account(p, ACME, service));
		/* The default tenant, too, may use what its list says. */
		assert_int_equal(has_account(p, GUESTS, service),
				 service == GW || service == POOL_B);
		assert_int_equal(has_account(p, ONLY, service), service == POOL_A);
	}
	assert_int_equal(p->n_accounts, 4 + 2 + 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_rules),	 T(test_what_may_be_done),   T(test_steps_are_counted),
		T(test_records), T(test_who_may_use_a_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
