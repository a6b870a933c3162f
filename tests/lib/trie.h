/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Strings into sl_trie as <sluice/abi.h> describes it, of bank @bank, one step at a time. */
#ifndef TEST_TRIE_H
#define TEST_TRIE_H

#include "bed.h"

/* Any function of the way to a node will do, as long as no two are alike. */
static inline uint64_t trie_child(const struct sl_trie_key *key)
{
	const uint8_t *p = (const uint8_t *)key;
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < sizeof(*key); i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return (h & ~SL_TRIE_BANK) | 1ull << 40;
}

/* Go on from @parent by a string, which is made where it is missing; where it ends is
 * @value, unless that is 0. Returns the node's number.
 */
static inline uint64_t trie_string(struct bed *b, uint32_t bank, uint64_t parent, const void *text,
				   size_t len, uint32_t value)
{
	const char *at = text;

	while (len) {
		size_t n = len < SL_TRIE_CHUNK ? len : SL_TRIE_CHUNK;
		struct sl_trie_key key = { .parent = parent, .len = len };
		struct sl_trie_node node = {};

		memcpy(key.text, at, n);
		parent = trie_child(&key);
		key.parent |= bank ? SL_TRIE_BANK : 0;
		bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.sl_trie), &key, &node);
		node.child = parent;
		if (n == len && value)
			node.value = value;
		bed_update(b->skel->maps.sl_trie, &key, &node);
		at += n;
		len -= n;
	}
	return parent;
}

/* "/a/b", by its segments. */
static inline void trie_path(struct bed *b, uint32_t bank, uint64_t parent, const char *path,
			     uint32_t value)
{
	while (*path) {
		size_t n = strcspn(++path, "/");

		parent = trie_string(b, bank, parent, path, n, path[n] ? 0 : value);
		path += n;
	}
}

/* The paths that @tenant may use begin below this. */
static inline uint64_t trie_allow(struct bed *b, uint32_t bank, uint32_t tenant, bool all)
{
	return trie_string(b, bank, SL_T_ALLOW, &tenant, sizeof(tenant), all);
}

/* What @tenant may do of oneM2M, enum sl_allow; and a type that it may create, 0: none. */
static inline void trie_onem2m(struct bed *b, uint32_t bank, uint32_t tenant, uint32_t more,
			       uint8_t type)
{
	struct sl_trie_key first = { .parent = SL_T_ALLOW, .len = sizeof(tenant) };
	struct sl_trie_key key = { .len = SL_TRIE_RULE, .text = { type } };
	struct sl_trie_node node = {}, may = { .value = 1 };

	key.parent = trie_allow(b, bank, tenant, false) | (bank ? SL_TRIE_BANK : 0);
	first.parent |= bank ? SL_TRIE_BANK : 0;
	memcpy(first.text, &tenant, sizeof(tenant));
	bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.sl_trie), &first, &node);
	node.more = more;
	bed_update(b->skel->maps.sl_trie, &first, &node);
	if (type)
		bed_update(b->skel->maps.sl_trie, &key, &may);
}

/* A rule of @service's routes: what begins with @path, and is what the rule asks for, is
 * @pool's.
 */
static inline void trie_route(struct bed *b, uint32_t bank, uint32_t service, const char *path,
			      struct sl_route_rule rule, uint32_t pool)
{
	struct sl_trie_key key = { .len = SL_TRIE_RULE };
	struct sl_trie_node node = { .value = pool }, up = {};
	uint64_t parent = SL_T_ROUTE;
	struct sl_trie_key last = { .parent = SL_T_ROUTE, .len = sizeof(service) };

	memcpy(last.text, &service, sizeof(service));
	last.parent |= bank ? SL_TRIE_BANK : 0;
	parent = trie_string(b, bank, parent, &service, sizeof(service), 0);
	while (path[0] == '/' && path[1]) { /* segments here are shorter than a chunk */
		size_t n = strcspn(++path, "/");

		last = (struct sl_trie_key){ .parent = parent | (bank ? SL_TRIE_BANK : 0),
					     .len = n };
		memcpy(last.text, path, n);
		parent = trie_string(b, bank, parent, path, n, 0);
		path += n;
	}
	bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.sl_trie), &last, &up);
	up.more |= 1 << rule.sort;
	bed_update(b->skel->maps.sl_trie, &last, &up);
	key.parent = parent | (bank ? SL_TRIE_BANK : 0);
	memcpy(key.text, &rule, sizeof(rule));
	bed_update(b->skel->maps.sl_trie, &key, &node);
}

#endif /* TEST_TRIE_H */
