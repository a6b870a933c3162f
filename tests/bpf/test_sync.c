// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A sync leaves both banks as planned, and one that is killed or fails anywhere
 * leaves the old configuration or the new one in force, and nothing that the next
 * sync does not repair. As root, in namespaces of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <bpf/bpf.h>

#include "kill_at.h"
#include "private_net.h"
#include "common/addr.h"
#include "common/cleanup.h"
#include "config/config.h"
#include "dataplane/names.h"
#include "dataplane/scan.h"
#include "dataplane/sync.h"
#include "lib/csum.h"
#include "lib/hash.h"

#define TICK_NS 4000000
#define TENANTS 150

static const struct model_capacity capacity = {
	.services = 8,
	.instances = 16,
	.tenants = 1024,
	.accounts = 1024,
	.prefixes = 1024,
	.slots = 4096,
	.pins = 1024,
	.half_open = 1024,
	.device_lines = 1024,
	.tallies = 1024,
	.trie = 2048,
};

struct bed {
	struct dataplane *dp;
	struct names *names;
	struct plan *a, *b; /* two configurations with objects that stay, come, go and change */
};

/* -- plans -- */

static int take_account(void *arg, const char *tenant, const char *service, uint32_t *ret)
{
	char text[2 * SL_NAME_LEN];
	struct sl_name name;
	int err;

	snprintf(text, sizeof(text), "%.60s/%.60s", tenant, service);
	err = names_take(arg, SL_NAME_ACCOUNT, text, 0, &name);
	if (!err)
		*ret = name.id;
	return err;
}

static struct plan *plan_of(struct names *names, const struct model *m)
{
	uint16_t services[8];
	uint32_t tenants[1024];
	struct plan_ids ids = {
		.service = services, .tenant = tenants, .account = take_account, .arg = names
	};
	struct plan *plan = NULL;
	struct sl_name name;

	for (size_t i = 0; i < m->n_services; i++) {
		assert_int_equal(names_take(names, SL_NAME_SERVICE, m->services[i].name,
					    m->services[i].port, &name),
				 0);
		services[i] = name.id;
	}
	for (size_t i = 0; i < m->n_tenants; i++) {
		assert_int_equal(names_take(names, SL_NAME_TENANT, m->tenants[i].name, 0, &name),
				 0);
		tenants[i] = name.id;
	}
	assert_int_equal(plan_build(m, &ids, TICK_NS, &plan), 0);
	return plan;
}

/* Services at 203.0.113.@vip, tenants @first.. with two prefixes, a host, a path that it may
 * use, a response and @rate each; every third may use all paths.
 */
static struct plan *plan_text(struct names *names, int vip, int first, int n, const char *rate)
{
	sl_cleanup(model_freep) struct model *m = NULL;
	size_t room = 4096 + 640 * (size_t)n, at = 0;
	char *text = malloc(room);
	struct config_error why;

	assert_non_null(text);
	at += snprintf(text, room,
		       "{\"node\":\"n\",\"secret\":\"00112233445566778899aabbccddeeff\","
		       "\"interfaces\":[{\"name\":\"v0\"}],\"services\":["
		       "{\"name\":\"stays\",\"address\":\"203.0.113.1\",\"port\":5683,"
		       "\"protocol\":\"coap\",\"steering\":\"nat\",\"default_tenant\":\"t%d\","
		       "\"instances\":[]},"
		       "{\"name\":\"s%d\",\"address\":\"203.0.113.%d\",\"port\":%d,"
		       "\"protocol\":\"tcp\",\"steering\":\"nat\",\"instances\":[]}],"
		       "\"tenants\":[",
		       first, vip, vip, 1000 + vip);
	for (int i = first; i < first + n; i++)
		at += snprintf(
			text + at, room - at,
			"%s{\"name\":\"t%d\",\"match\":[{\"source\":\"10.%d.%d.0/24\"},"
			"{\"source\":\"2001:db8:%x::%x/121\"},{\"coap_host\":\"t%d.example\"},"
			"{\"coap_path\":\"/all/t%d\"}],"
			"\"allow\":{\"coap_paths\":[\"/all/"
			"t%d\"%s]},\"responses\":[{\"path\":\"/t\",\"payload\":\"%d\"}],"
			"\"quota\":{\"messages\":\"%s\"},"
			"\"classes\":{%s\"coap.%s\":{\"messages\":\"%s\"}}}",
			i == first ? "" : ",", i, i / 256, i % 256, i + 1, 0x80 * i, i, i, i,
			i % 3 ? "" : ",\"/\"", i, rate,
			i % 3 ? "" : "\"coap.put\":{\"messages\":\"7/s\"},",
			i % 2 ? "get" : "observe", rate);
	at += snprintf(text + at, room - at, "]}");
	if (config_load_text(text, at, TICK_NS, &m, &why))
		fail_msg("%s", why.text);
	free(text);
	return plan_of(names, m);
}

/* -- comparing a bank with a plan -- */

static bool entry_is(int fd, const void *key, const void *want, size_t size)
{
	char got[sizeof(struct sl_response) > sizeof(struct sl_class_set)
			 ? sizeof(struct sl_response)
			 : sizeof(struct sl_class_set)] = { 0 };

	return !bpf_map_lookup_elem(fd, key, got) && !memcmp(got, want, size);
}

static size_t count_bank(int fd, size_t key_size, size_t value_size, size_t bank_at,
			 size_t bank_size, uint32_t bank)
{
	struct scan s = {};
	size_t count = 0;
	uint32_t n, found;

	assert_int_equal(scan_open(fd, key_size, value_size, &s), 0);
	while (!s.done) {
		assert_int_equal(scan_next(&s, &n), 0);
		for (uint32_t i = 0; i < n; i++) {
			found = 0;
			memcpy(&found, s.keys + i * key_size + bank_at, bank_size);
			count += found == bank;
		}
	}
	scan_close(&s);
	return count;
}

/* Each of @p's classes has a bucket, and no other class. */
static bool classes_are(const struct dataplane *dp, const struct plan_classes *p)
{
	struct sl_class_state got;
	struct scan s = {};
	size_t count = 0;
	uint32_t n;

	for (size_t i = 0; i < p->n_states; i++)
		if (bpf_map_lookup_elem(dp->class_states_fd, &p->states[i], &got))
			return false;
	assert_int_equal(
		scan_open(dp->class_states_fd, sizeof(struct sl_class_state_key), sizeof(got), &s),
		0);
	while (!s.done) {
		assert_int_equal(scan_next(&s, &n), 0);
		count += n;
	}
	scan_close(&s);
	return count == p->n_states;
}

/* The bank is the top bit of a step's first word. */
static size_t count_steps(int fd, uint32_t bank)
{
	struct scan s = {};
	size_t count = 0;
	uint32_t n;

	assert_int_equal(scan_open(fd, sizeof(struct sl_trie_key), sizeof(struct sl_trie_node), &s),
			 0);
	while (!s.done) {
		assert_int_equal(scan_next(&s, &n), 0);
		for (uint32_t i = 0; i < n; i++)
			count += ((struct sl_trie_key *)s.keys)[i].parent >> 63 == bank;
	}
	scan_close(&s);
	return count;
}

static bool hashes_equal(const struct dataplane *dp, const struct plan *p, uint32_t bank)
{
	__u32 one = 1;
	bool same = true;

	for (size_t i = 0; i < p->n_services && same; i++) {
		struct sl_service_key key = p->services[i].key;

		key.bank = bank;
		same = entry_is(dp->services_fd, &key, &p->services[i].value,
				sizeof(struct sl_service));
	}
	for (size_t i = 0; i < p->n_accounts && same; i++) {
		struct sl_account_key key = p->accounts[i].key;

		key.bank = bank;
		same = entry_is(dp->accounts_fd, &key, &p->accounts[i].value,
				sizeof(struct sl_account));
	}
	for (size_t i = 0; i < p->classes.n_sets && same; i++) {
		struct sl_class_key key = { .tenant = p->classes.sets[i].key.tenant, .bank = bank };

		same = entry_is(dp->class_sets_fd, &key, &p->classes.sets[i].value,
				sizeof(struct sl_class_set));
	}
	for (size_t i = 0; i < p->classes.n_states && same; i++) {
		struct sl_class_state any;

		same = !bpf_map_lookup_elem(dp->class_states_fd, &p->classes.states[i], &any);
	}
	for (size_t i = 0; i < p->n_addresses && same; i++) {
		struct sl_addr_key key = { .addr = p->addresses[i], .bank = bank };

		same = entry_is(dp->addresses_fd, &key, &one, sizeof(one));
	}
	for (size_t i = 0; i < p->trie.n_steps && same; i++) {
		struct sl_trie_key key = p->trie.steps[i].key;

		key.parent |= bank ? SL_TRIE_BANK : 0;
		same = entry_is(dp->trie_fd, &key, &p->trie.steps[i].node,
				sizeof(struct sl_trie_node));
	}
	for (size_t i = 0; i < p->n_responses && same; i++) {
		struct sl_response_key key = p->responses[i].key;

		key.bank = bank;
		same = entry_is(dp->responses_fd, &key, &p->responses[i].value,
				sizeof(struct sl_response));
	}
	return same && count_steps(dp->trie_fd, bank) == p->trie.n_steps &&
	       count_bank(dp->responses_fd, 8, sizeof(struct sl_response), 6, 2, bank) ==
		       p->n_responses &&
	       count_bank(dp->services_fd, 20, sizeof(struct sl_service), 19, 1, bank) ==
		       p->n_services &&
	       count_bank(dp->accounts_fd, 8, sizeof(struct sl_account), 6, 2, bank) ==
		       p->n_accounts &&
	       count_bank(dp->class_sets_fd, 8, sizeof(struct sl_class_set), 4, 4, bank) ==
		       p->classes.n_sets &&
	       count_bank(dp->addresses_fd, 20, 4, 16, 4, bank) == p->n_addresses;
}

/* The search of bpf/lib/prefix.h, over the mapped arrays. */
static const struct dataplane *search_in;

static const struct sl_prefix_root *prefix_root(__u32 i)
{
	return i < 2 * SL_PREFIX_ROOTS_PER_BANK ? &search_in->prefix_roots[i] : NULL;
}

static const struct sl_prefix_index *prefix_index(__u32 i)
{
	return i < 2 * search_in->index_per_bank ? &search_in->prefix_index[i] : NULL;
}

static const struct sl_prefix_range *prefix_range(__u32 i)
{
	return i < 2 * search_in->ranges_per_bank ? &search_in->prefix_ranges[i] : NULL;
}

#include "lib/prefix.h"

static __u32 tenant_at(const struct dataplane *dp, uint32_t bank, const char *address)
{
	uint64_t word[2];
	struct sl_addr a;
	bool v4;

	assert_int_equal(addr_parse(address, &a), 0);
	v4 = addr_is_v4(&a);
	memcpy(word, &a, sizeof(word));
	search_in = dp;
	return prefix_find(bank * SL_PREFIX_ROOTS_PER_BANK + !v4,
			   v4 ? (__u64)ntohl(a.w[3]) << 32 : be64toh(word[0]), be64toh(word[1]));
}

/* Whose addresses the bank knows: those of tenants @first to @first + TENANTS. */
static bool prefixes_equal(struct bed *bed, uint32_t bank, int first)
{
	for (int i = 0; i < 2 * TENANTS; i++) {
		bool in = i >= first && i < first + TENANTS;
		char name[16], v4[32], v6[64];
		struct sl_name id = {};

		snprintf(name, sizeof(name), "t%d", i);
		snprintf(v4, sizeof(v4), "10.%d.%d.77", i / 256, i % 256);
		snprintf(v6, sizeof(v6), "2001:db8:%x::%x", i + 1, 0x80 * i + 7);
		names_find(bed->names, SL_NAME_TENANT, name, &id);
		if (tenant_at(bed->dp, bank, v4) != (in ? id.id : 0) ||
		    tenant_at(bed->dp, bank, v6) != (in ? id.id : 0))
			return false;
	}
	return true;
}

static bool filter_has(const struct dataplane *dp, const char *address)
{
	struct sl_addr a;
	uint32_t bit;

	assert_int_equal(addr_parse(address, &a), 0);
	bit = filter_bit((const __u64 *)dp->control->flow_key, &a);
	return dp->filter[bit / 64] >> (bit & 63) & 1;
}

static bool is_a(struct bed *bed, uint32_t bank)
{
	return hashes_equal(bed->dp, bed->a, bank) && prefixes_equal(bed, bank, 0);
}

static bool is_b(struct bed *bed, uint32_t bank)
{
	return hashes_equal(bed->dp, bed->b, bank) && prefixes_equal(bed, bank, TENANTS / 2);
}

static void put(struct bed *bed, const struct plan *p)
{
	struct dataplane_error why = {};
	bool stale = true;

	if (sync_plan(bed->dp, p, NULL, NULL, &stale, &why))
		fail_msg("%s", why.text);
	assert_false(stale);
}

/* -- tests of banks -- */

static void test_both_banks(void **state)
{
	struct bed *bed = *state;
	uint32_t before = bed->dp->control->bank;

	put(bed, bed->a);
	assert_int_equal(bed->dp->control->bank, !before);
	assert_true(is_a(bed, 0) && is_a(bed, 1));
	assert_true(classes_are(bed->dp, &bed->a->classes));
	assert_true(filter_has(bed->dp, "203.0.113.10"));
	assert_false(filter_has(bed->dp, "203.0.113.20"));

	put(bed, bed->b);
	assert_int_equal(bed->dp->control->bank, before);
	assert_true(is_b(bed, 0) && is_b(bed, 1));
	assert_true(classes_are(bed->dp, &bed->b->classes));
	assert_false(is_a(bed, 0) || is_a(bed, 1));
	assert_true(filter_has(bed->dp, "203.0.113.20"));
	assert_false(filter_has(bed->dp, "203.0.113.10"));
	assert_true(filter_has(bed->dp, "203.0.113.1"));
}

static void sync_b(void *arg)
{
	struct bed *bed = arg;
	struct dataplane_error why;
	bool stale;

	sync_plan(bed->dp, bed->b, NULL, NULL, &stale, &why);
}

static void test_killed_anywhere(void **state)
{
	struct bed *bed = *state;
	int olds = 0, news = 0;
	bool lived = false;

	for (long n = 1; !lived; n++) {
		put(bed, bed->a);
		lived = kill_child_lives(sync_b, bed, n);
		if (is_a(bed, bed->dp->control->bank))
			olds++;
		else if (is_b(bed, bed->dp->control->bank))
			news++;
		else
			fail_msg("a mixture is in force after a kill at call %ld", n);
		/* Of the addresses in force none may be missing in the filter. */
		assert_true(filter_has(bed->dp, is_a(bed, bed->dp->control->bank)
							? "203.0.113.10"
							: "203.0.113.20"));
		assert_true(n < 1000);
	}
	put(bed, bed->a);
	assert_true(is_a(bed, 0) && is_a(bed, 1));
	print_message("killed at %d points: old %d, new %d\n", olds + news - 1, olds, news - 1);
	assert_true(olds > 3 && news > 3);
}

/* A call that fails, and all after it: refused whole, or in force and stale. */
static void test_fails_anywhere(void **state)
{
	struct bed *bed = *state;
	struct dataplane_error why;
	bool stale = false, failed = true;

	for (long n = 1; failed; n++) {
		int err;

		put(bed, bed->a);
		kill_calls = 0;
		kill_errno = EIO;
		kill_at = n;
		err = sync_plan(bed->dp, bed->b, NULL, NULL, &stale, &why);
		failed = kill_calls >= n;
		kill_at = 0;
		kill_errno = 0;
		if (err) {
			assert_true(is_a(bed, bed->dp->control->bank));
			assert_non_null(strstr(why.text, "capacity.")
						?: strstr(why.text, "responses: "));
		} else {
			assert_true(is_b(bed, bed->dp->control->bank));
			assert_int_equal(stale, failed);
		}
		assert_int_equal(bed->dp->banks_equal, !failed);
		assert_true(n < 1000);
	}
}

static void test_no_change_costs_no_writes(void **state)
{
	struct bed *bed = *state;
	long with_change;

	put(bed, bed->a);
	kill_calls = 0;
	put(bed, bed->b);
	with_change = kill_calls;
	kill_calls = 0;
	put(bed, bed->b);
	assert_true(kill_calls < with_change);
	assert_true(is_b(bed, 0) && is_b(bed, 1));
}

static void test_no_room(void **state)
{
	struct bed *bed = *state;
	struct plan large = *bed->b;
	struct dataplane_error why = {};
	bool stale;

	put(bed, bed->a);
	large.n_accounts = capacity.accounts + 1;
	assert_int_equal(sync_plan(bed->dp, &large, NULL, NULL, &stale, &why), -ENOSPC);
	assert_non_null(strstr(why.text, "capacity.accounts: 1025 entries are wanted"));
	large = *bed->b;
	large.trie.n_steps = capacity.trie + 1;
	assert_int_equal(sync_plan(bed->dp, &large, NULL, NULL, &stale, &why), -ENOSPC);
	assert_non_null(strstr(why.text, "capacity.trie: 2049 entries are wanted"));
	assert_true(is_a(bed, 0) && is_a(bed, 1));
}

/* -- single objects -- */

/* The accounts of one tenant of plan A, with a tenth of its rate. */
static size_t slower(struct bed *bed, const char *tenant, struct plan_account *ret)
{
	struct sl_name name;
	size_t n = 0;

	assert_int_equal(names_find(bed->names, SL_NAME_TENANT, tenant, &name), 0);
	for (size_t i = 0; i < bed->a->n_accounts; i++) {
		if (bed->a->accounts[i].key.tenant != name.id)
			continue;
		ret[n] = bed->a->accounts[i];
		ret[n++].value.cost[SL_Q_MESSAGES] *= 10;
	}
	return n;
}

static void sync_slower(void *arg)
{
	struct bed *bed = arg;
	struct plan_account accounts[4];
	struct dataplane_error why;

	sync_accounts(bed->dp, accounts, slower(bed, "t7", accounts), &why);
}

/* 1: the old quota is in force, 2: the new one; 0: a mixture. */
static int quota_in_force(struct bed *bed, uint32_t bank)
{
	struct plan_account accounts[4];
	size_t n = slower(bed, "t7", accounts), new = 0;

	for (size_t i = 0; i < n; i++) {
		struct sl_account_key key = accounts[i].key;

		key.bank = bank;
		new += entry_is(bed->dp->accounts_fd, &key, &accounts[i].value,
				sizeof(struct sl_account));
	}
	return new == n ? 2 : new == 0 ? 1 : 0;
}

static void test_one_tenant(void **state)
{
	struct bed *bed = *state;
	struct plan_account accounts[4];
	struct dataplane_error why = {};
	size_t n = slower(bed, "t7", accounts);
	uint64_t *tat;

	put(bed, bed->a);
	assert_int_equal(n, 2);
	tat = (uint64_t *)&bed->dp->buckets[accounts[0].value.tenant].tat[SL_Q_MESSAGES];
	*tat = UINT64_MAX / 2;
	kill_calls = 0;
	assert_int_equal(sync_accounts(bed->dp, accounts, n, &why), 0);
	assert_true(kill_calls <= 8); /* 2 accounts of 300: looked up, written twice; a wait */
	assert_int_equal(quota_in_force(bed, 0), 2);
	assert_int_equal(quota_in_force(bed, 1), 2);
	assert_true(*tat < UINT64_MAX / 4 && *tat > accounts[0].value.limit);

	accounts[0].key.tenant = 999;
	assert_int_equal(sync_accounts(bed->dp, accounts, 1, &why), -ENOENT);
	bed->dp->banks_equal = false;
	assert_int_equal(sync_accounts(bed->dp, accounts + 1, 1, &why), -ESTALE);
	put(bed, bed->a);
	assert_true(is_a(bed, 0) && is_a(bed, 1));
}

static void test_one_tenant_killed(void **state)
{
	struct bed *bed = *state;
	bool lived = false;

	for (long n = 1; !lived; n++) {
		put(bed, bed->a);
		lived = kill_child_lives(sync_slower, bed, n);
		assert_int_not_equal(quota_in_force(bed, bed->dp->control->bank), 0);
		assert_true(n < 100);
	}
	put(bed, bed->a);
	assert_true(is_a(bed, 0) && is_a(bed, 1));
}

/* What is said in another way: of one path, in both banks. */
static void test_one_response(void **state)
{
	struct bed *bed = *state;
	struct plan_response r = bed->a->responses[3];
	const struct sync_objects o = { .responses = &r, .n_responses = 1 };
	struct sl_response_key key = r.key;
	struct dataplane_error why = {};

	put(bed, bed->a);
	r.value.body[r.value.len - 1] ^= 1;
	kill_calls = 0;
	assert_int_equal(sync_objects(bed->dp, &o, &why), 0);
	assert_true(kill_calls <= 4);
	for (key.bank = 0; key.bank < 2; key.bank++)
		assert_true(entry_is(bed->dp->responses_fd, &key, &r.value, sizeof(r.value)));
	r.key.number = 9; /* there is none */
	assert_int_equal(sync_objects(bed->dp, &o, &why), -ENOENT);
	put(bed, bed->a);
	assert_true(is_a(bed, 0) && is_a(bed, 1));
}

/* -- lasting objects -- */

static void test_instance(void **state)
{
	struct bed *bed = *state;
	struct sl_service_key vip = { .port = htons(1883), .proto = IPPROTO_TCP };
	struct sl_instance record = { .port = htons(1884), .service = 1, .generation = 9 };
	struct sl_return_key key = { .port = htons(1884), .proto = IPPROTO_TCP };
	struct sl_return back;
	uint16_t l3, l4;

	assert_int_equal(addr_parse("2001:db8::1", &vip.addr), 0);
	assert_int_equal(addr_parse("2001:db8:ffff::7", &record.addr), 0);
	key.addr = record.addr;
	sync_deltas(&vip.addr, vip.port, &record.addr, record.port, &l3, &l4);
	/* A sum over the virtual end, grown by the delta, is one over the instance's. */
	assert_int_equal(csum_apply(~csum_fold(csum_addr(&vip.addr) + vip.port), l4),
			 (uint16_t)~csum_fold(csum_addr(&record.addr) + record.port));
	record.l3_delta = l3;
	record.l4_delta = l4;

	assert_int_equal(sync_instance_write(bed->dp, 3, &record, &vip, 0), 0);
	assert_true(filter_has(bed->dp, "2001:db8:ffff::7"));
	assert_int_equal(bpf_map_lookup_elem(bed->dp->returns_fd, &key, &back), 0);
	assert_int_equal(back.instance, 3);
	assert_memory_equal(&back.vip, &vip.addr, sizeof(back.vip));

	/* The same server under another id: the first one's end leaves its entry. */
	assert_int_equal(sync_instance_write(bed->dp, 4, &record, &vip, 0), 0);
	assert_int_equal(sync_instance_clear(bed->dp, 3, IPPROTO_TCP), 0);
	assert_int_equal(bed->dp->instances[3].service, 0);
	assert_int_equal(bed->dp->instances[3].generation, 9);
	assert_int_equal(bpf_map_lookup_elem(bed->dp->returns_fd, &key, &back), 0);
	assert_int_equal(back.instance, 4);
	assert_int_equal(sync_instance_clear(bed->dp, 4, 0), 0);
	assert_int_equal(bpf_map_lookup_elem(bed->dp->returns_fd, &key, &back), -ENOENT);
}

static void server_id_is(const struct bed *bed, uint32_t server_id, uint32_t want)
{
	struct sl_cid_key key = { .server_id = server_id, .service = 1 };
	__u32 holder = 0;

	assert_int_equal(bpf_map_lookup_elem(bed->dp->cids_fd, &key, &holder), want ? 0 : -ENOENT);
	assert_int_equal(holder, want);
}

static void test_server_ids(void **state)
{
	struct bed *bed = *state;
	struct dataplane *dp = bed->dp;

	dp->instances[5].service = dp->instances[6].service = 1;
	assert_false(sync_instance_has_server_id(dp, 5));
	assert_int_equal(sync_instance_server_id(dp, 5, true, 0), 0);
	server_id_is(bed, 0, 5);
	assert_int_equal(sync_instance_server_id(dp, 5, true, 7), 0);
	server_id_is(bed, 0, 0);
	server_id_is(bed, 7, 5);
	assert_int_equal(sync_instance_server_id(dp, 6, true, 8), 0);
	/* They change places. */
	assert_int_equal(sync_instance_server_id(dp, 5, true, 8), 0);
	assert_false(sync_instance_has_server_id(dp, 6));
	assert_int_equal(sync_instance_server_id(dp, 6, true, 7), 0);
	server_id_is(bed, 7, 6);
	server_id_is(bed, 8, 5);
	assert_true(sync_instance_has_server_id(dp, 5) && sync_instance_has_server_id(dp, 6));
	/* Lost, and freed. */
	assert_int_equal(sync_instance_server_id(dp, 5, false, 0), 0);
	server_id_is(bed, 8, 0);
	assert_int_equal(sync_instance_clear(dp, 6, 0), 0);
	server_id_is(bed, 7, 0);
	dp->instances[5].service = 0;
}

/* -- the bed -- */

static int bed_open(void **state)
{
	struct dataplane_opts opts = { .pin_root = PRIVATE_ROOT, .capacity = capacity };
	struct bed *bed = calloc(1, sizeof(*bed));
	struct dataplane_error why;

	if (!bed || dataplane_open(&opts, &bed->dp, &why)) {
		print_error("%s\n", why.text);
		return -1;
	}
	for (int i = 0; i < SL_HASH_WORDS; i++)
		bed->dp->control->flow_key[i] = 0x9e3779b97f4a7c15ull * (2 * i + 1);
	if (names_open(bed->dp, &bed->names))
		return -1;
	bed->a = plan_text(bed->names, 10, 0, TENANTS, "10/s");
	bed->b = plan_text(bed->names, 20, TENANTS / 2, TENANTS, "20/s");
	*state = bed;
	return 0;
}

static int bed_close(void **state)
{
	struct bed *bed = *state;

	plan_free(bed->a);
	plan_free(bed->b);
	names_close(bed->names);
	dataplane_close(bed->dp);
	free(bed);
	return dataplane_remove(PRIVATE_ROOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_banks),
		cmocka_unit_test(test_killed_anywhere),
		cmocka_unit_test(test_fails_anywhere),
		cmocka_unit_test(test_no_change_costs_no_writes),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_one_tenant),
		cmocka_unit_test(test_one_tenant_killed),
		cmocka_unit_test(test_one_response),
		cmocka_unit_test(test_instance),
		cmocka_unit_test(test_server_ids),
	};

	private_net_enter();
	return cmocka_run_group_tests(tests, bed_open, bed_close);
}
