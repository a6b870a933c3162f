// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Responses as packets have them: options and payload byte for byte, their sums, ETags; which
 * services look for them, and the steps that lead to each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "coapmake.h"
#include "common/cleanup.h"
#include "config/config.h"
#include "config/identity.h"
#include "plan/keys.h"
#include "plan/plan.h"

#define TICK_NS 4000000

/* clang-format off */
#define SERVICE(name, port, protocol, more) \
	"{\"name\": \"" name "\", \"address\": \"203.0.113.10\", \"port\": " port \
	", \"protocol\": \"" protocol "\"" more "}"
#define RESPONSE(path, more) "{\"path\": \"" path "\", \"payload\": \"a\"" more "}"

static const char document[] =
	"{\"secret\": \"00112233445566778899aabbccddeeff\", \"interfaces\": [], \"services\": ["
	SERVICE("s1", "5683", "coap", "") "," SERVICE("s2", "5684", "coap", "") ","
	SERVICE("s3", "5685", "coap", ", \"tenant\": \"t3\"") "," SERVICE("s4", "5686", "coaps", "") ","
	SERVICE("s5", "5687", "coap", "")
	"], \"tenants\": ["
	"{\"name\": \"t1\", \"services\": [\"s1\", \"s4\"], \"responses\": ["
	RESPONSE("/a", "") "," RESPONSE("/a/b", "") "," RESPONSE("/", "") ","
	RESPONSE("/a", ", \"service\": \"s1\"") "]},"
	"{\"name\": \"t2\", \"services\": [\"s1\", \"s2\"], \"responses\": ["
	RESPONSE("/0123456789.0123456789.0123456789", ", \"service\": \"s2\"") "]},"
	"{\"name\": \"t3\", \"responses\": [" RESPONSE("/a", ", \"service\": \"s3\"") "]},"
	"{\"name\": \"t4\", \"services\": [\"s5\"]}]}";
/* clang-format on */

static const uint32_t tenant_ids[] = { 51, 52, 53, 54 };

static int take_account(void *arg, const char *tenant, const char *service, uint32_t *ret)
{
	(void)tenant;
	(void)service;
	*ret = ++*(uint32_t *)arg;
	return 0;
}

static struct model *load(void)
{
	struct config_error why;
	struct model *m = NULL;

	if (config_load_text(document, strlen(document), TICK_NS, &m, &why))
		fail_msg("%s", why.text);
	return m;
}

static struct plan *plan_of(const struct model *m)
{
	uint16_t services[] = { 11, 12, 13, 14, 15 };
	uint32_t tenants[SL_ARRAY_SIZE(tenant_ids)], accounts = 0;
	struct plan_ids ids = {
		.service = services, .tenant = tenants, .account = take_account, .arg = &accounts
	};
	struct plan *p = NULL;

	memcpy(tenants, tenant_ids, sizeof(tenants));
	assert_int_equal(plan_build(m, &ids, TICK_NS, &p), 0);
	return p;
}

/* -- one response -- */

static uint16_t plain_sum(const uint8_t *bytes, size_t len)
{
	uint8_t even[SL_RESPONSE_BYTES + SL_RESPONSE_OPTIONS] = {};
	uint32_t sum = 0;
	uint16_t word;

	memcpy(even, bytes, len);
	for (size_t i = 0; i < sizeof(even); i += 2) {
		memcpy(&word, even + i, 2);
		sum += word;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static void check_bytes(const uint8_t *got, uint16_t len, uint16_t sum, const struct coapmake *want)
{
	assert_int_equal(len, want->len - 4);
	assert_memory_equal(got, want->bytes + 4, len);
	assert_int_equal(sum, plain_sum(got, len));
}

static void put_uint(struct coapmake *m, uint32_t number, uint32_t value)
{
	uint32_t wire = htobe32(value);
	size_t skip = 0;

	while (skip < 4 && !((uint8_t *)&wire)[skip])
		skip++;
	coapmake_option(m, number, (uint8_t *)&wire + skip, 4 - skip);
}

static void test_bytes(void **state)
{
	static const uint32_t formats[] = { 0, 40, 255, 256, 65535, SL_FORMAT_NONE };
	static const uint32_t ages[] = { 0, 1, 59, 60, 61, 255, 256, 65536, 30 * 86400 };
	const struct siphash_key key = { 1, 2 };
	char payload[SL_RESPONSE_BYTES + 1];
	struct sl_response got;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(formats) * SL_ARRAY_SIZE(ages); i++) {
		struct model_response r = { .format = formats[i % SL_ARRAY_SIZE(formats)],
					    .max_age_s = ages[i / SL_ARRAY_SIZE(formats)],
					    .payload = payload };
		struct coapmake body = {}, valid = {};

		memset(payload, 'a' + i % 26, sizeof(payload));
		payload[i % 5 ? 1 + i : SL_RESPONSE_BYTES] = 0;
		response_plan(&r, &key, &got);
		body = valid = coapmake(MAKE_ACK, 0x45, 0, 0);
		coapmake_option(&body, 4, got.etag, 8);
		coapmake_option(&valid, 4, got.etag, 8);
		if (r.format != SL_FORMAT_NONE)
			put_uint(&body, 12, r.format);
		if (r.max_age_s != 60) {
			put_uint(&body, 14, r.max_age_s);
			put_uint(&valid, 14, r.max_age_s);
		}
		coapmake_payload(&body, payload);
		assert_int_equal(got.format, r.format);
		check_bytes(got.body, got.len, got.sum, &body);
		check_bytes(got.valid, got.valid_len, got.valid_sum, &valid);
	}
}

/* As long as any can be, it fits. */
static void test_longest(void **state)
{
	const struct siphash_key key = { 1, 2 };
	char payload[SL_RESPONSE_BYTES + 1];
	struct model_response r = { .format = 65535, .max_age_s = 30 * 86400, .payload = payload };
	struct sl_response got;

	(void)state;
	memset(payload, 'x', sizeof(payload));
	payload[SL_RESPONSE_BYTES] = 0;
	response_plan(&r, &key, &got);
	assert_in_range(got.len, SL_RESPONSE_BYTES + 1, sizeof(got.body));
	assert_in_range(got.valid_len, 1, sizeof(got.valid));
	assert_int_equal(got.body[got.len - 1], 'x');
	assert_int_equal(got.pad1, 0);
}

static void test_etags(void **state)
{
	struct model here = { .secret = "a secret of some 16", .secret_len = 16 }, other = here;
	struct siphash_key key = keys_etag(&here), other_key;
	struct model_response r = { .format = 40, .max_age_s = 60, .payload = "a" }, s = r;
	struct sl_response a, b;

	(void)state;
	response_plan(&r, &key, &a);
	s.max_age_s = 3600; /* it is the same thing for longer */
	response_plan(&s, &key, &b);
	assert_memory_equal(a.etag, b.etag, 8);
	s = r;
	s.payload = "b";
	response_plan(&s, &key, &b);
	assert_memory_not_equal(a.etag, b.etag, 8);
	s = r;
	s.format = 41;
	response_plan(&s, &key, &b);
	assert_memory_not_equal(a.etag, b.etag, 8);
	other.secret[0] ^= 1;
	other_key = keys_etag(&other);
	response_plan(&r, &other_key, &b);
	assert_memory_not_equal(a.etag, b.etag, 8);
}

/* -- all of them -- */

static void test_records(void **state)
{
	static const struct sl_response_key want[] = {
		{ 51, 1, 0 }, { 51, 2, 0 }, { 51, 3, 0 }, { 51, 4, 0 }, { 52, 1, 0 }, { 53, 1, 0 },
	};
	sl_cleanup(model_freep) struct model *m = load();
	const struct siphash_key key = keys_etag(m);
	struct plan *p = plan_of(m);
	struct sl_response same;

	(void)state;
	assert_int_equal(p->n_responses, SL_ARRAY_SIZE(want));
	response_plan(&m->tenants[0].responses[0], &key, &same);
	for (size_t i = 0; i < SL_ARRAY_SIZE(want); i++) {
		assert_memory_equal(&p->responses[i].key, &want[i], sizeof(want[i]));
		assert_memory_equal(&p->responses[i].value, &same, sizeof(same));
	}
	plan_free(p);
}

static const struct sl_trie_node *step(const struct plan_trie *t, uint64_t parent, const void *text,
				       size_t len)
{
	struct sl_trie_key key = { .parent = parent, .len = len };

	memcpy(key.text, text, len < SL_TRIE_CHUNK ? len : SL_TRIE_CHUNK);
	for (size_t i = 0; i < t->n_steps; i++)
		if (!memcmp(&t->steps[i].key, &key, sizeof(key)))
			return &t->steps[i].node;
	return NULL;
}

/* Segments are of one chunk each; with a '|' behind each. */
static uint32_t found(const struct plan_trie *t, uint32_t tenant, uint32_t service,
		      const char *path)
{
	const uint32_t ids[] = { tenant, service };
	const struct sl_trie_node *n = step(t, SL_T_RESPONSE, ids, sizeof(ids));

	for (; n && *path; path += strcspn(path, "|") + 1)
		n = step(t, n->child, path, strcspn(path, "|"));
	return n ? n->value : 0;
}

static void test_steps(void **state)
{
	sl_cleanup(model_freep) struct model *m = load();
	struct plan *p = plan_of(m);
	const struct plan_trie *t = &p->trie;
	const uint32_t ids[] = { 52, 12 };
	const struct sl_trie_node *n = step(t, SL_T_RESPONSE, ids, sizeof(ids));
	uint64_t steps;

	(void)state;
	assert_int_equal(found(t, 51, 0, "a|"), 1);
	assert_int_equal(found(t, 51, 0, "a|b|"), 2);
	assert_int_equal(found(t, 51, 0, ""), 3);
	assert_int_equal(found(t, 51, 11, "a|"), 4);
	assert_int_equal(found(t, 51, 11, "a|b|"), 0);
	assert_int_equal(found(t, 51, 11, ""), 0);
	assert_int_equal(found(t, 53, 13, "a|"), 1);
	assert_int_equal(found(t, 53, 0, "a|"), 0);
	assert_int_equal(found(t, 54, 0, "a|"), 0);
	/* Longer than a chunk. */
	assert_non_null(n);
	n = step(t, n->child, "0123456789.0123456789.0123456789", 32);
	assert_non_null(n);
	assert_int_equal(n->value, 0);
	n = step(t, n->child, "0123456789", 10);
	assert_non_null(n);
	assert_int_equal(n->value, 1);
	assert_int_equal(identity_count_steps(m, &steps), 0);
	assert_int_equal(t->n_steps, steps);
	assert_int_equal(steps, 3 + 2 + 3 + 2);
	plan_free(p);
}

/* Who has none does not look for any. */
static void test_services(void **state)
{
	static const bool want[] = { true, true, true, false, false };
	sl_cleanup(model_freep) struct model *m = load();
	struct plan *p = plan_of(m);

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(want); i++) {
		assert_int_equal(p->services[i].value.responses, want[i]);
		assert_int_equal(p->services[i].value.flags & SL_SVC_CONTENT,
				 want[i] ? SL_SVC_CONTENT : 0);
	}
	plan_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes), cmocka_unit_test(test_longest),
		cmocka_unit_test(test_etags), cmocka_unit_test(test_records),
		cmocka_unit_test(test_steps), cmocka_unit_test(test_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
