/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PERF_OBJECT_H
#define PERF_OBJECT_H

#include <sluice/names.h>
#include "world.h"

struct bpf_object;

/* Load the data plane's program of the object file @path, on the world's maps. */
int object_load(const struct world *w, const char *path, struct bpf_object **ret,
		struct dataplane_error *reterr);

#endif /* PERF_OBJECT_H */
