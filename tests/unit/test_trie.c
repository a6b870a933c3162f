// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Identities to steps: every string of a document is found by a walk like that of a packet,
 * and nothing else is; what begins alike is one step; numbers stay what they are.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "common/cleanup.h"
#include "config/config.h"
#include "config/identity.h"
#include "plan/plan.h"

#define TICK_NS 4000000ull

#define LONG_22 "abcdefghij.example.net"
#define LONG_44 LONG_22 "0123456789.example.org"
#define LONG_88                          \
	LONG_44 "ABCDEFGHIJ.example.com" \
		"9876543210.example.edu"
#define LOW_88                           \
	LONG_44 "abcdefghij.example.com" \
		"9876543210.example.edu"

/* -- a document -- */

#define SERVICE(name, port, protocol, more)                                      \
	"{\"name\": \"" name "\", \"address\": \"203.0.113.9\", \"port\": " port \
	", \"protocol\": \"" protocol "\"" more "}"
#define DEFAULT ", \"default_tenant\": \"t4\""
#define FIXED	", \"tenant\": \"t3\""

/* t1, t2 and t3 are told by messages; t1, t3 and t5 may use some paths; t4 is the default. */
/* clang-format off */
static const char document[] =
	"{\"secret\": \"00112233445566778899aabbccddeeff\", \"interfaces\": [], \"services\": ["
	SERVICE("open", "5683", "coap", DEFAULT) ","
	SERVICE("closed", "5684", "coaps", DEFAULT) ","
	SERVICE("fixed", "5685", "coap", FIXED) ","
	SERVICE("free", "5686", "coap", DEFAULT) ","
	SERVICE("of2", "5687", "coap", DEFAULT) ","
	SERVICE("of5", "5688", "coap", "")
	"], \"tenants\": ["
	"{\"name\": \"t1\", \"services\": [\"open\", \"closed\"], \"match\": ["
	"{\"coap_host\": \"" LONG_22 "\"}, {\"coap_host\": \"a\"},"
	"{\"coap_host\": \"" LONG_22 "x\"}, {\"source\": \"192.0.2.0/24\"},"
	"{\"coap_path\": \"/acme\"}, {\"coap_path\": \"/acme/sensors/%2F\"},"
	"{\"onem2m_originator\": \"" LONG_88 "\"}],"
	"\"allow\": {\"coap_paths\": [\"/acme\", \"/shared/time\", \"/" LONG_22 "x/y\"]}},"
	"{\"name\": \"t2\", \"services\": [\"of2\", \"open\"], \"match\": ["
	"{\"coap_host\": \"" LONG_44 "\"}, {\"coap_host\": \"" LONG_88 "\"},"
	"{\"coap_path\": \"/acme/sensors\"}, {\"coap_path\": \"/b/acme\"},"
	"{\"onem2m_originator\": \"" LOW_88 "\"}]},"
	"{\"name\": \"t3\", \"services\": [\"fixed\", \"free\"],"
	"\"match\": [{\"coap_host\": \"c\"}],"
	"\"allow\": {\"coap_paths\": [\"/shared/time\", \"/\"]}},"
	"{\"name\": \"t5\", \"services\": [\"of5\"], \"allow\": {\"coap_paths\": [\"/x\"]}},"
	"{\"name\": \"t4\", \"services\": [\"open\", \"closed\", \"of2\", \"free\"],"
	"\"match\": [{\"source\": \"198.51.100.0/24\"}]}]}";
/* clang-format on */

static const uint32_t tenant_ids[] = { 54, 53, 52, 50, 51 };

static int take_account(void *arg, const char *tenant, const char *service, uint32_t *ret)
{
	(void)tenant;
	(void)service;
	*ret = ++*(uint32_t *)arg;
	return 0;
}

static struct model *load(const char *text)
{
	struct config_error why = {};
	struct model *m = NULL;

	if (config_load_text(text, strlen(text), TICK_NS, &m, &why))
		fail_msg("%s", why.text);
	return m;
}

static struct plan *plan_of(const struct model *m)
{
	uint16_t services[] = { 11, 12, 13, 14, 15, 16 };
	uint32_t tenants[SL_ARRAY_SIZE(tenant_ids)], accounts = 0;
	struct plan_ids ids = {
		.service = services, .tenant = tenants, .account = take_account, .arg = &accounts
	};
	struct plan *p = NULL;

	memcpy(tenants, tenant_ids, sizeof(tenants));
	assert_int_equal(plan_build(m, &ids, TICK_NS, &p), 0);
	return p;
}

/* -- a walk, as abi.h has it and the packet path makes it -- */

static const struct plan_trie_step *step_find(const struct plan_trie *t, uint64_t parent,
					      const char *text, size_t left)
{
	struct sl_trie_key key = { .parent = parent, .len = left };

	memcpy(key.text, text, left < SL_TRIE_CHUNK ? left : SL_TRIE_CHUNK);
	for (size_t i = 0; i < t->n_steps; i++)
		if (!memcmp(&t->steps[i].key, &key, sizeof(key)))
			return &t->steps[i];
	return NULL;
}

/* From node @parent over one string; NULL: it leads nowhere. */
static const struct plan_trie_step *walk(const struct plan_trie *t, uint64_t parent,
					 const char *text, size_t len)
{
	const struct plan_trie_step *s = NULL;

	for (size_t at = 0; at < len; at += SL_TRIE_CHUNK) {
		s = parent ? step_find(t, parent, text + at, len - at) : NULL;
		if (!s)
			return NULL;
		parent = s->node.child;
	}
	return s;
}

static uint32_t string_value(const struct plan_trie *t, enum sl_trie_root root, const char *text)
{
	const struct plan_trie_step *s = walk(t, root, text, strlen(text));

	return s ? s->node.value : 0;
}

/* Segments end with '|'; the value of the longest beginning that has one. */
static uint32_t path_value(const struct plan_trie *t, uint64_t parent, uint32_t begin,
			   const char *path)
{
	uint32_t value = begin;

	while (*path) {
		size_t len = strcspn(path, "|");
		const struct plan_trie_step *s = walk(t, parent, path, len);

		if (!s)
			break;
		value = s->node.value ?: value;
		parent = s->node.child;
		path += len + 1;
	}
	return value;
}

/* 1: the tenant may use it; 0: it may not; -1: it may use all. */
static int allowed(const struct plan_trie *t, uint32_t tenant, const char *path)
{
	const struct plan_trie_step *s = walk(t, SL_T_ALLOW, (const char *)&tenant, sizeof(tenant));

	return s ? (int)path_value(t, s->node.child, s->node.value, path) : -1;
}

/* -- tests -- */

static void test_found(void **state)
{
	static const struct {
		enum sl_trie_root root;
		const char *text;
		uint32_t tenant;
	} rows[] = {
		{ SL_T_COAP_HOST, "a", 54 },
		{ SL_T_COAP_HOST, LONG_22, 54 },
		{ SL_T_COAP_HOST, LONG_22 "x", 54 },
		{ SL_T_COAP_HOST, LONG_44, 53 },
		{ SL_T_COAP_HOST, LOW_88, 53 },
		{ SL_T_ORIGINATOR, LONG_88, 54 },
		{ SL_T_ORIGINATOR, LOW_88, 53 },
		{ SL_T_COAP_HOST, "c", 52 },
		/* and what only looks like it */
		{ SL_T_COAP_HOST, LONG_88, 0 },
		{ SL_T_COAP_HOST, LONG_22 "y", 0 },
		{ SL_T_COAP_HOST, LONG_22 "0123456789.example.or", 0 },
		{ SL_T_COAP_HOST, LONG_44 "x", 0 },
		{ SL_T_COAP_HOST, "A", 0 },
		{ SL_T_COAP_HOST, "ab", 0 },
		{ SL_T_ORIGINATOR, "a", 0 },
		{ SL_T_COAP_HOST, "acme", 0 },
		{ SL_T_ALLOW, "acme", 0 },
	};
	sl_cleanup(model_freep) struct model *m = load(document);
	struct plan *p = plan_of(m);

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++)
		if (string_value(&p->trie, rows[i].root, rows[i].text) != rows[i].tenant)
			fail_msg("%u: %s", rows[i].root, rows[i].text);
	plan_free(p);
}

static void test_longest_path(void **state)
{
	static const struct {
		const char *path;
		uint32_t tenant;
	} rows[] = {
		{ "acme|", 54 },
		{ "acme|other|", 54 },
		{ "acme|sensors|", 53 },
		{ "acme|sensors|1|", 53 },
		{ "acme|sensors|/|", 54 },
		{ "acme|sensors|/|x|", 54 },
		{ "acme|sensors2|", 54 },
		{ "acme2|", 0 },
		{ "acm|e|", 0 },
		{ "acmesensors|", 0 },
		{ "b|", 0 },
		{ "b|acme|", 53 },
		{ "b|acme|sensors|/|", 53 },
		{ "", 0 },
	};
	sl_cleanup(model_freep) struct model *m = load(document);
	struct plan *p = plan_of(m);

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++)
		if (path_value(&p->trie, SL_T_COAP_PATH, 0, rows[i].path) != rows[i].tenant)
			fail_msg("%s", rows[i].path);
	plan_free(p);
}

static void test_allowed(void **state)
{
	static const struct {
		uint32_t tenant;
		const char *path;
		int want;
	} rows[] = {
		{ 54, "acme|", 1 },
		{ 54, "acme|a|b|c|", 1 },
		{ 54, "shared|time|", 1 },
		{ 54, "shared|time|x|", 1 },
		{ 54, "shared|", 0 },
		{ 54, "shared|tim|", 0 },
		{ 54, "time|", 0 },
		{ 54, "", 0 },
		{ 54, LONG_22 "x|y|", 1 },
		{ 54, LONG_22 "x|", 0 },
		{ 54, LONG_22 "|", 0 },
		{ 54, LONG_22 "|x|y|", 0 },
		{ 52, "", 1 },
		{ 52, "anything|", 1 },
		{ 52, "shared|", 1 },
		{ 53, "anything|", -1 },
		{ 51, "", -1 },
		{ 0, "", -1 },
	};
	sl_cleanup(model_freep) struct model *m = load(document);
	struct plan *p = plan_of(m);

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++)
		if (allowed(&p->trie, rows[i].tenant, rows[i].path) != rows[i].want)
			fail_msg("%u: %s", rows[i].tenant, rows[i].path);
	plan_free(p);
}

/* Every step is wanted, once, in order; a node has a number if there is more below it. */
static void test_shape(void **state)
{
	sl_cleanup(model_freep) struct model *m = load(document);
	struct plan *p = plan_of(m);
	const struct plan_trie *t = &p->trie;
	uint64_t steps = 0;

	(void)state;
	/* hosts 1 + 1 + 1 + 2 + 2 + 4, none with a beginning of another; paths 3 + 2; originators 4, and 2 that
	 * begin otherwise than the first; allowed 1 + 1 + 2 + 3, 1 + 2, and 1 + 1
	 */
	assert_int_equal(t->n_steps, 11 + 5 + 6 + 7 + 3 + 2);
	assert_int_equal(identity_count_steps(m, &steps), 0);
	assert_int_equal(steps, t->n_steps);
	for (size_t i = 0; i < t->n_steps; i++) {
		const struct plan_trie_step *s = &t->steps[i];
		size_t below = 0;

		assert_true(!i || memcmp(&s[-1].key, &s->key, sizeof(s->key)) < 0);
		assert_false(s->key.parent & SL_TRIE_BANK);
		assert_int_equal(s->key.pad | s->node.more, 0);
		assert_in_range(s->key.len, 1, SL_IDENTITY_MAX);
		assert_true(!s->node.child || s->node.child > SL_T__MAX);
		assert_true(s->node.child < SL_TRIE_BANK);
		for (size_t k = 0; k < t->n_steps; k++) {
			assert_true(k == i || !s->node.child ||
				    t->steps[k].node.child != s->node.child);
			below += s->node.child && t->steps[k].key.parent == s->node.child;
		}
		assert_true(!s->node.child == !below);
		assert_true(s->node.value || s->node.child);
	}
	plan_free(p);
}

/* Another model around them changes no step that stays. */
static void test_numbers_stay(void **state)
{
	sl_cleanup(model_freep) struct model *m = load(document);
	struct plan *all = plan_of(m), *some;
	size_t n = m->n_tenants;

	(void)state;
	m->n_tenants = 1;
	m->n_services = 0; /* t1's are not asked for */
	m->tenants[0].n_services = 0;
	some = plan_of(m);
	m->n_tenants = n;
	m->n_services = 6;
	m->tenants[0].n_services = 2;
	assert_true(some->trie.n_steps > 10);
	for (size_t i = 0; i < some->trie.n_steps; i++) {
		const struct plan_trie_step *s = &some->trie.steps[i];
		bool there = false;

		for (size_t k = 0; k < all->trie.n_steps; k++) {
			const struct plan_trie_step *a = &all->trie.steps[k];

			if (memcmp(&a->key, &s->key, sizeof(a->key)))
				continue;
			there = true;
			assert_true(!s->node.value || a->node.value == s->node.value);
			assert_true(!s->node.child || a->node.child == s->node.child);
		}
		assert_true(there);
	}
	plan_free(some);
	plan_free(all);
}

static void test_flags(void **state)
{
	static const uint8_t want[] = {
		SL_SVC_CONTENT | SL_SVC_IDENTIFY, /* t1 and t2 */
		0,				  /* no CoAP that can be read */
		SL_SVC_CONTENT,			  /* t3's paths; nobody is asked for */
		SL_SVC_CONTENT | SL_SVC_IDENTIFY, /* t3 */
		SL_SVC_CONTENT | SL_SVC_IDENTIFY, /* t2 */
		SL_SVC_CONTENT,			  /* t5's paths */
	};
	sl_cleanup(model_freep) struct model *m = load(document);
	struct plan *p = plan_of(m);

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(want); i++)
		assert_int_equal(p->services[i].value.flags & (SL_SVC_CONTENT | SL_SVC_IDENTIFY),
				 want[i]);
	plan_free(p);
}

/* Sources and methods alone cost nothing. */
static void test_nothing(void **state)
{
	size_t n_identities[SL_ARRAY_SIZE(tenant_ids)], n_paths[SL_ARRAY_SIZE(tenant_ids)];
	sl_cleanup(model_freep) struct model *m = load(document);
	struct plan *p;

	(void)state;
	for (size_t i = 0; i < m->n_tenants; i++) {
		n_identities[i] = m->tenants[i].n_identities;
		n_paths[i] = m->tenants[i].n_paths;
		m->tenants[i].n_identities = m->tenants[i].n_paths = 0;
	}
	p = plan_of(m);
	assert_int_equal(p->trie.n_steps, 0);
	for (size_t i = 0; i < p->n_services; i++)
		assert_false(p->services[i].value.flags & (SL_SVC_CONTENT | SL_SVC_IDENTIFY));
	plan_free(p);
	for (size_t i = 0; i < m->n_tenants; i++) {
		m->tenants[i].n_identities = n_identities[i];
		m->tenants[i].n_paths = n_paths[i];
	}
}

/* What validation refuses is no trie either. */
static void test_two_owners(void **state)
{
	static uint8_t bytes[] = { SL_T_COAP_HOST, 1, 'a' };
	struct model_identity id = { .bytes = bytes, .size = sizeof(bytes) };
	struct model_tenant t[2] = { { .identities = &id, .n_identities = 1 },
				     { .identities = &id, .n_identities = 1 } };
	struct model m = { .tenants = t, .n_tenants = 2 };
	struct plan_trie trie = {};

	(void)state;
	assert_int_equal(trie_build(&m, tenant_ids, NULL, &trie), -EEXIST);
	assert_null(trie.steps);
	m.n_tenants = 1;
	assert_int_equal(trie_build(&m, tenant_ids, NULL, &trie), 0);
	assert_int_equal(trie.n_steps, 1);
	free(trie.steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),	     cmocka_unit_test(test_longest_path),
		cmocka_unit_test(test_allowed),	     cmocka_unit_test(test_shape),
		cmocka_unit_test(test_numbers_stay), cmocka_unit_test(test_flags),
		cmocka_unit_test(test_nothing),	     cmocka_unit_test(test_two_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
