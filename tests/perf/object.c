// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Another build of the data plane on the maps of this one, for comparisons. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <bpf/libbpf.h>
#include "sluice.skel.h"
#include "object.h"
#include "rodata.h"

/* What the daemon would set. A build without one of them has nothing to set. */
static void set_config(struct bpf_object *o, struct bpf_map *rodata, const struct world *w)
{
	const struct {
		const char *name;
		uint64_t value;
		size_t size;
	} config[] = {
		{ "cfg_accounts", w->dp->accounts_per_cpu, 4 },
		{ "cfg_services", w->dp->services_per_cpu, 4 },
		{ "cfg_device_lines", w->dp->cap.device_lines, 4 },
		{ "cfg_tick_ns", w->dp->tick_ns, 8 },
	};

	for (size_t i = 0; i < SL_ARRAY_SIZE(config); i++)
		rodata_set(o, rodata, config[i].name, config[i].value, config[i].size);
}

static int share_map(struct bpf_map *map, const struct world *w, const char *path,
		     struct dataplane_error *reterr)
{
	const struct bpf_map *ours =
		bpf_object__find_map_by_name(w->dp->skel->obj, bpf_map__name(map));

	/* Of its own, as are the programs that it goes on in. */
	if (!ours || bpf_map__type(map) == BPF_MAP_TYPE_PROG_ARRAY)
		return 0;
	if (bpf_map__type(ours) == bpf_map__type(map) &&
	    bpf_map__key_size(ours) == bpf_map__key_size(map) &&
	    bpf_map__value_size(ours) == bpf_map__value_size(map))
		return bpf_map__reuse_fd(map, bpf_map__fd(ours));
	snprintf(
		reterr->text, sizeof(reterr->text),
		"%.300s: map %s has another layout than this build's; compare builds with the same "
		"SL_ABI_VERSION",
		path, bpf_map__name(map));
	return -EINVAL;
}

int object_load(const struct world *w, const char *path, struct bpf_object **ret,
		struct dataplane_error *reterr)
{
	struct bpf_object *o = bpf_object__open_file(path, NULL);
	struct bpf_program *p;
	struct bpf_map *map;
	int err = o ? 0 : -errno;

	if (err) {
		snprintf(reterr->text, sizeof(reterr->text), "%.300s: %s", path, strerror(-err));
		return err;
	}
	bpf_object__for_each_map(map, o) {
		if (strstr(bpf_map__name(map), ".rodata"))
			set_config(o, map, w);
		else if (!err)
			err = share_map(map, w, path, reterr);
	}
	bpf_object__for_each_program(p, o)
		bpf_program__set_autoload(p, bpf_program__type(p) == BPF_PROG_TYPE_XDP);
	if (!err)
		err = bpf_object__load(o);
	if (!err && !bpf_object__find_program_by_name(o, SL_PROGRAM_NAME))
		err = -ENOENT;
	if (!err) {
		*ret = o;
		return 0;
	}
	if (!reterr->text[0])
		snprintf(reterr->text, sizeof(reterr->text),
			 "%.300s: loading " SL_PROGRAM_NAME ": %s", path, strerror(-err));
	bpf_object__close(o);
	return err;
}
