/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Quotas of classes in a test bed, of bank 0. */
#ifndef TEST_CLASSBED_H
#define TEST_CLASSBED_H

#include "bed.h"

struct classbed {
	uint32_t cls;  /* enum sl_class */
	uint64_t cost; /* of a message, in 1/16 ns */
	uint64_t limit;
};

/* @tenant has these @n classes, and no others; their buckets are empty. */
static inline void classbed_put(struct bed *b, uint32_t tenant, const struct classbed *classes,
				size_t n)
{
	struct sl_class_key key = { .tenant = tenant };
	struct sl_class_set set = {};

	assert_true(n <= SL_TENANT_CLASSES);
	for (size_t i = 0; i < n; i++) {
		struct sl_class_state_key state = { .tenant = tenant, .cls = classes[i].cls };
		struct sl_class_state empty = {};

		set.slot[classes[i].cls] = i + 1;
		set.quota[i].cost = classes[i].cost;
		set.quota[i].limit = classes[i].limit;
		bed_update(b->skel->maps.sl_class_states, &state, &empty);
	}
	bed_update(b->skel->maps.sl_class_sets, &key, &set);
}

static inline struct sl_class_state classbed_state(struct bed *b, uint32_t tenant, uint32_t cls)
{
	struct sl_class_state_key key = { .tenant = tenant, .cls = cls };
	struct sl_class_state ret = {};

	bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.sl_class_states), &key, &ret);
	return ret;
}

#endif /* TEST_CLASSBED_H */
