// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Maps: sizes from capacity, comparison with what is pinned, memory mapping. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "../common/cleanup.h"
#include "maps.h"
#include "pins.h"
#include "sluice.skel.h"

/* Arrays are indexed by ids, which are below the capacity; 0 is no object's. A
 * prefix makes up to four ranges (two ends, for each of two words) and four
 * entries of the index; roots have a few each however few prefixes there are.
 */
#define RANGES_PER_PREFIX 4
#define SPARE_RANGES	  64
#define SPARE_INDEX	  (2 * SL_PREFIX_ROOTS_PER_BANK)

struct member {
	const char *name;
	size_t offset;
	uint32_t fallback, max;
};

enum {
	SERVICES,
	INSTANCES,
	TENANTS,
	ACCOUNTS,
	PREFIXES,
	SLOTS,
	PINS,
	HALF_OPEN,
	EXCHANGES,
	LINES,
	TALLIES,
	TRIE,
	FLOWS
};

/* clang-format off */
static const struct member members[] = {
#define M(member) #member, offsetof(struct model_capacity, member)
	[SERVICES]  = { M(services),     SL_DEF_SERVICES,     SL_MAX_SERVICES },
	[INSTANCES] = { M(instances),    SL_DEF_INSTANCES,    SL_MAX_INSTANCES },
	[TENANTS]   = { M(tenants),      SL_DEF_TENANTS,      SL_MAX_TENANTS },
	[ACCOUNTS]  = { M(accounts),     SL_DEF_ACCOUNTS,     SL_MAX_ACCOUNTS },
	[PREFIXES]  = { M(prefixes),     SL_DEF_PREFIXES,     SL_MAX_PREFIXES },
	[SLOTS]     = { M(slots),        SL_DEF_SLOTS,        1u << 28 },
	[PINS]      = { M(pins),         SL_DEF_PINS,         1u << 26 },
	[HALF_OPEN] = { M(half_open),    SL_DEF_HALF_OPEN,    1u << 26 },
	[EXCHANGES] = { M(exchanges),    SL_DEF_EXCHANGES,    1u << 26 },
	[LINES]     = { M(device_lines), SL_DEF_DEVICE_LINES, 1u << 26 },
	[TALLIES]   = { M(tallies),      SL_DEF_TALLIES,      1u << 26 },
	[TRIE]      = { M(trie),         SL_DEF_TRIE,         SL_MAX_TRIE },
	[FLOWS]     = { M(flows),        SL_DEF_FLOWS,        SL_MAX_FLOWS },
#undef M
};

/* entries = factor * capacity + more, as many times as there are CPUs if @per_cpu.
 * A member's first row tells its capacity from a pinned map.
 */
static const struct map_size {
	const char *map;
	uint32_t member, factor, more;
	bool per_cpu;
} sizes[] = {
	{ "sl_services",    SERVICES,  2, 0, false },
	{ "sl_addresses",   SERVICES,  2, 0, false },
	{ "sl_svc_states",  SERVICES,  1, 0, false },
	{ "sl_kinds",       SERVICES,  1, 0, true },
	{ "sl_instances",   INSTANCES, 1, 0, false },
	{ "sl_returns",     INSTANCES, 1, 0, false },
	{ "sl_cids",        INSTANCES, 1, 0, false },
	{ "sl_answers",     INSTANCES, 1, 0, true },
	{ "sl_buckets",     TENANTS,   1, 0, false },
	{ "sl_open_tenants", TENANTS,  1, 0, false },
	{ "sl_class_sets",  TENANTS,   2, 0, false },
	{ "sl_class_states", TENANTS,  SL_MEAN_CLASSES, 0, false },
	{ "sl_accounts",    ACCOUNTS,  2, 0, false },
	{ "sl_hot",         ACCOUNTS,  1, 0, true },
	{ "sl_open",        ACCOUNTS,  1, 0, false },
	{ "sl_prefix_rng",  PREFIXES,  2 * RANGES_PER_PREFIX, 2 * SPARE_RANGES, false },
	{ "sl_prefix_idx",  PREFIXES,  2 * RANGES_PER_PREFIX, 2 * SPARE_INDEX, false },
	{ "sl_slots",       SLOTS,     1, 0, false },
	{ "sl_pins",        PINS,      1, 0, false },
	{ "sl_half_open",   HALF_OPEN, 1, 0, false },
	{ "sl_flow_opens",  HALF_OPEN, 1, 0, false },
	{ "sl_exchanges",   EXCHANGES, 1, 0, false },
	{ "sl_devices",     LINES,     1, 0, false },
	{ "sl_tallies",     TALLIES,   1, 0, false },
	{ "sl_trie",        TRIE,      2, 0, false },
	{ "sl_flows",       FLOWS,     1, 0, false },
};

static const struct mapping {
	const char *map;
	size_t offset, value_size;
	int prot;
} mappings[] = {
#define M(member) offsetof(struct dataplane, member), sizeof(*((struct dataplane *)0)->member)
#define RW PROT_READ | PROT_WRITE
	{ "sl_control",      M(control),        RW },
	{ "sl_filter",       M(filter),         RW },
	{ "sl_prefix_roots", M(prefix_roots),   RW },
	{ "sl_prefix_idx",   M(prefix_index),   RW },
	{ "sl_prefix_rng",   M(prefix_ranges),  RW },
	{ "sl_buckets",      M(buckets),        RW },
	{ "sl_instances",    M(instances),      RW },
	{ "sl_slots",        M(slots),          RW },
	{ "sl_svc_states",   M(service_states), RW },
	{ "sl_hot",          M(hot),            PROT_READ },
	{ "sl_answers",      M(answers),        PROT_READ },
	{ "sl_counters",     M(counters),       PROT_READ },
	{ "sl_kinds",        M(kinds),          PROT_READ },
	{ "sl_tracing",      M(tracing),        RW },
	{ "sl_top",          M(top),            RW },
	{ "sl_open",         M(open),           RW },
	{ "sl_open_tenants", M(open_tenants),   RW },
#undef RW
#undef M
};

static const struct descriptor {
	const char *map;
	size_t offset;
} descriptors[] = {
	{ "sl_addresses", offsetof(struct dataplane, addresses_fd) },
	{ "sl_services",  offsetof(struct dataplane, services_fd) },
	{ "sl_returns",   offsetof(struct dataplane, returns_fd) },
	{ "sl_accounts",  offsetof(struct dataplane, accounts_fd) },
	{ "sl_trie",      offsetof(struct dataplane, trie_fd) },
	{ "sl_class_sets", offsetof(struct dataplane, class_sets_fd) },
	{ "sl_class_states", offsetof(struct dataplane, class_states_fd) },
	{ "sl_responses", offsetof(struct dataplane, responses_fd) },
	{ "sl_pins",      offsetof(struct dataplane, pins_fd) },
	{ "sl_half_open", offsetof(struct dataplane, half_open_fd) },
	{ "sl_exchanges", offsetof(struct dataplane, exchanges_fd) },
	{ "sl_flows",     offsetof(struct dataplane, flows_fd) },
	{ "sl_flow_opens", offsetof(struct dataplane, flow_opens_fd) },
	{ "sl_cids",      offsetof(struct dataplane, cids_fd) },
	{ "sl_targets",   offsetof(struct dataplane, targets_fd) },
	{ "sl_tallies",   offsetof(struct dataplane, tallies_fd) },
	{ "sl_latencies", offsetof(struct dataplane, latencies_fd) },
	{ "sl_events",    offsetof(struct dataplane, events_fd) },
	{ "sl_names",     offsetof(struct dataplane, names_fd) },
};
/* clang-format on */

static uint32_t *member_of(struct model_capacity *c, size_t member)
{
	return (uint32_t *)((char *)c + members[member].offset);
}

static uint64_t entries_of(const struct map_size *s, struct model_capacity *c, uint32_t n_cpus)
{
	uint64_t n = (uint64_t)s->factor * *member_of(c, s->member) + s->more;

	return s->per_cpu ? n * n_cpus : n;
}

/* Open the pinned map @name and describe it. Returns its descriptor; -ENOENT:
 * there is none.
 */
static int open_pin(const char *root, const char *name, struct bpf_map_info *ret)
{
	__u32 len = sizeof(*ret);
	char path[PATH_MAX];
	int err = pins_path(path, root, SL_PIN_MAPS, name);
	int fd = err ? err : bpf_obj_get(path);

	if (fd < 0)
		return fd;
	memset(ret, 0, sizeof(*ret));
	err = bpf_obj_get_info_by_fd(fd, ret, &len);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int pinned_info(const char *root, const char *name, struct bpf_map_info *ret)
{
	sl_autoclose int fd = open_pin(root, name, ret);

	return fd < 0 ? fd : 0;
}

/* How many of the object's maps are pinned, and how many are not. */
static int count_pins(const struct dataplane *dp, size_t *ret_there, size_t *ret_missing)
{
	struct bpf_map_info info;
	struct bpf_map *map;
	int err;

	*ret_there = *ret_missing = 0;
	bpf_object__for_each_map(map, dp->skel->obj) {
		if (bpf_map__is_internal(map))
			continue;
		err = pinned_info(dp->pin_root, bpf_map__name(map), &info);
		if (err && err != -ENOENT)
			return err;
		*(err ? ret_missing : ret_there) += 1;
	}
	return 0;
}

/* Where a member is 0, take what is pinned, else its default. */
static int settle_capacity(struct dataplane *dp, const struct model_capacity *asked,
			   struct dataplane_error *reterr)
{
	dp->cap = *asked;
	for (size_t i = SL_ARRAY_SIZE(sizes); i-- > 0;) {
		const struct member *m = &members[sizes[i].member];
		struct bpf_map_info info;

		if (*(const uint32_t *)((const char *)asked + m->offset))
			continue;
		*member_of(&dp->cap, sizes[i].member) = m->fallback;
		if (!sizes[i].per_cpu && !pinned_info(dp->pin_root, sizes[i].map, &info) &&
		    info.max_entries > sizes[i].more)
			*member_of(&dp->cap, sizes[i].member) =
				(info.max_entries - sizes[i].more) / sizes[i].factor;
	}
	for (size_t i = 0; i < SL_ARRAY_SIZE(members); i++) {
		if (*member_of(&dp->cap, i) <= members[i].max)
			continue;
		snprintf(reterr->text, sizeof(reterr->text), "capacity.%s: want at most %u",
			 members[i].name, members[i].max);
		return -EINVAL;
	}
	if (!(dp->cap.device_lines & (dp->cap.device_lines - 1)))
		return 0;
	snprintf(reterr->text, sizeof(reterr->text), "capacity.device_lines: want a power of two");
	return -EINVAL;
}

static int set_sizes(struct dataplane *dp, struct dataplane_error *reterr)
{
	uint64_t names =
		(uint64_t)dp->cap.services + dp->cap.instances + dp->cap.tenants + dp->cap.accounts;
	int err;

	for (size_t i = 0; i < SL_ARRAY_SIZE(sizes); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(dp->skel->obj, sizes[i].map);
		uint64_t n = entries_of(&sizes[i], &dp->cap, dp->n_cpus);

		err = !map ? -ENOENT : n > INT32_MAX ? -E2BIG : bpf_map__set_max_entries(map, n);
		if (err) {
			snprintf(reterr->text, sizeof(reterr->text),
				 "capacity.%s: map %s cannot have %llu entries: %s",
				 members[sizes[i].member].name, sizes[i].map, (unsigned long long)n,
				 strerror(-err));
			return err;
		}
	}
	err = bpf_map__set_max_entries(dp->skel->maps.sl_top,
				       dp->n_cpus * SL_TOP_TENANTS * 2 * SL_TOP_SETS);
	return err ? err : bpf_map__set_max_entries(dp->skel->maps.sl_names, names);
}

/* A pinned map of another size than @map: name the member that says so. */
static void explain_size(struct dataplane *dp, const struct bpf_map *map,
			 const struct bpf_map_info *info, struct dataplane_error *reterr)
{
	for (size_t i = 0; i < SL_ARRAY_SIZE(sizes); i++) {
		uint32_t n = info->max_entries;

		if (strcmp(sizes[i].map, bpf_map__name(map)))
			continue;
		n /= sizes[i].per_cpu ? dp->n_cpus : 1;
		n = n > sizes[i].more ? (n - sizes[i].more) / sizes[i].factor : 0;
		snprintf(reterr->text, sizeof(reterr->text),
			 "capacity.%s: %u is wanted, but the data plane in force was made with %u "
			 "(map %s in %.200s): configure %u, or end it with \"sluicectl detach "
			 "--all\" "
			 "and start anew",
			 members[sizes[i].member].name, *member_of(&dp->cap, sizes[i].member), n,
			 sizes[i].map, dp->pin_root, n);
		return;
	}
	snprintf(reterr->text, sizeof(reterr->text),
		 "map %s in %.200s has %u entries, this build wants %u: end that data plane with "
		 "\"sluicectl detach --all\" and start anew",
		 bpf_map__name(map), dp->pin_root, info->max_entries, bpf_map__max_entries(map));
}

static bool same_layout(const struct bpf_map *map, const struct bpf_map_info *info)
{
	/* The kernel adds this one to device maps, and refuses to be asked for it. */
	__u32 differ = (info->map_flags ^ bpf_map__map_flags(map)) & ~(__u32)BPF_F_RDONLY_PROG;

	return info->type == bpf_map__type(map) && info->key_size == bpf_map__key_size(map) &&
	       info->value_size == bpf_map__value_size(map) && !differ;
}

static int compare(struct dataplane *dp, const struct bpf_map *map, const struct bpf_map_info *info,
		   struct dataplane_error *reterr)
{
	if (!same_layout(map, info))
		snprintf(reterr->text, sizeof(reterr->text),
			 "map %s in %.200s has another layout than this build's, although both are "
			 "%s: end that data plane with \"sluicectl detach --all\" and start anew",
			 bpf_map__name(map), dp->pin_root, SL_PIN_VERSION);
	else if (info->max_entries != bpf_map__max_entries(map))
		explain_size(dp, map, info, reterr);
	else
		return 0;
	return -EEXIST;
}

/* Use the pinned map, or have it pinned when it is made. libbpf 1.1 by itself
 * would not take over a device map, because of the flag that the kernel adds.
 */
static int adopt_or_pin(struct dataplane *dp, struct bpf_map *map, struct dataplane_error *reterr)
{
	struct bpf_map_info info;
	char path[PATH_MAX];
	sl_autoclose int fd = open_pin(dp->pin_root, bpf_map__name(map), &info);
	int err;

	if (fd >= 0) {
		err = compare(dp, map, &info, reterr);
		return err ? err : bpf_map__reuse_fd(map, fd);
	}
	if (fd != -ENOENT)
		return fd;
	err = pins_path(path, dp->pin_root, SL_PIN_MAPS, bpf_map__name(map));
	return err ? err : bpf_map__set_pin_path(map, path);
}

int maps_prepare(struct dataplane *dp, const struct model_capacity *asked, bool *ret_adopted,
		 struct dataplane_error *reterr)
{
	size_t there, missing;
	struct bpf_map *map;
	int err = count_pins(dp, &there, &missing);

	/* A load that was killed half-way left a part of the maps, and nothing uses them. */
	if (!err && there && missing && !pins_any(dp->pin_root, SL_PIN_LINKS)) {
		err = pins_clear(dp->pin_root, SL_PIN_MAPS);
		there = 0;
	}
	if (!err)
		err = settle_capacity(dp, asked, reterr);
	if (!err)
		err = set_sizes(dp, reterr);
	if (err)
		return err;
	bpf_object__for_each_map(map, dp->skel->obj) {
		if (bpf_map__is_internal(map))
			continue;
		err = adopt_or_pin(dp, map, reterr);
		if (err)
			return err;
	}
	dp->accounts_per_cpu = dp->cap.accounts;
	dp->services_per_cpu = dp->cap.services;
	dp->instances_per_cpu = dp->cap.instances;
	dp->ranges_per_bank = RANGES_PER_PREFIX * dp->cap.prefixes + SPARE_RANGES;
	dp->index_per_bank = RANGES_PER_PREFIX * dp->cap.prefixes + SPARE_INDEX;
	*ret_adopted = there > 0;
	return 0;
}

static size_t mapping_len(const struct mapping *m, const struct bpf_map *map)
{
	/* The kernel spaces values by 8 bytes; ours all are multiples of that. */
	return (size_t)bpf_map__max_entries(map) * m->value_size;
}

static int map_one(struct dataplane *dp, const struct mapping *m, struct dataplane_error *reterr)
{
	struct bpf_map *map = bpf_object__find_map_by_name(dp->skel->obj, m->map);
	void *at = MAP_FAILED;
	int err = -ENOENT;

	if (map && bpf_map__value_size(map) == m->value_size && !(m->value_size & 7)) {
		at = mmap(NULL, mapping_len(m, map), m->prot, MAP_SHARED, bpf_map__fd(map), 0);
		err = at == MAP_FAILED ? -errno : 0;
	}
	if (err) {
		snprintf(reterr->text, sizeof(reterr->text), "map %s cannot be mapped: %s", m->map,
			 strerror(-err));
		return err;
	}
	memcpy((char *)dp + m->offset, &at, sizeof(at));
	return 0;
}

int maps_map(struct dataplane *dp, struct dataplane_error *reterr)
{
	int err = 0;

	for (size_t i = 0; i < SL_ARRAY_SIZE(descriptors); i++) {
		int fd = bpf_object__find_map_fd_by_name(dp->skel->obj, descriptors[i].map);

		if (fd < 0)
			return fd;
		memcpy((char *)dp + descriptors[i].offset, &fd, sizeof(fd));
	}
	for (size_t i = 0; !err && i < SL_ARRAY_SIZE(mappings); i++)
		err = map_one(dp, &mappings[i], reterr);
	return err;
}

void maps_unmap(struct dataplane *dp)
{
	for (size_t i = 0; i < SL_ARRAY_SIZE(mappings); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(dp->skel->obj, mappings[i].map);
		void *at;

		memcpy(&at, (char *)dp + mappings[i].offset, sizeof(at));
		if (at && map)
			munmap(at, mapping_len(&mappings[i], map));
	}
}
