/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Settings of an object that is open and not loaded yet, by name, for objects whose
 * skeleton is another build's.
 */
#ifndef RODATA_H
#define RODATA_H

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

/* Where variable @name is in the object's .rodata; -ENOENT: it has none. */
static inline int rodata_offset(const struct btf *btf, const char *name)
{
	int section = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	int var = btf__find_by_name_kind(btf, name, BTF_KIND_VAR);
	const struct btf_type *t = section < 0 ? NULL : btf__type_by_id(btf, section);
	const struct btf_var_secinfo *info = t ? btf_var_secinfos(t) : NULL;

	for (int i = 0; t && i < btf_vlen(t); i++) {
		if ((int)info[i].type == var)
			return info[i].offset;
	}
	return -ENOENT;
}

/* A build without it has nothing to set. */
static inline void rodata_set(struct bpf_object *o, struct bpf_map *rodata, const char *name,
			      uint64_t value, size_t bytes)
{
	size_t size = 0;
	char *at = (char *)bpf_map__initial_value(rodata, &size);
	int offset = rodata_offset(bpf_object__btf(o), name);

	if (at && offset >= 0 && offset + bytes <= size)
		memcpy(at + offset, &value, bytes);
}

/* The map with the settings; NULL: there is none. */
static inline struct bpf_map *rodata_of(const struct bpf_object *o)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, o) {
		if (strstr(bpf_map__name(map), ".rodata"))
			return map;
	}
	return NULL;
}

#endif /* RODATA_H */
