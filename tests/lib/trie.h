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
	return trie_string(b, bank, SL_T_ALLOW_PATH, &tenant, sizeof(tenant), all);
}

#endif /* TEST_TRIE_H */
