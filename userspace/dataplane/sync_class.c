// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include "../common/cleanup.h"
#include "scan.h"
#include "sync_class.h"

int class_states_make(struct dataplane *dp, const struct plan_classes *want)
{
	static const struct sl_class_state empty;
	int err = 0;

	for (size_t i = 0; i < want->n_states && !err; i++) {
		err = bpf_map_update_elem(dp->class_states_fd, &want->states[i], &empty,
					  BPF_NOEXIST);
		err = err == -EEXIST ? 0 : err == -E2BIG ? -ENOSPC : err;
	}
	return err;
}

static bool is_wanted(const struct plan_classes *want, const struct sl_class_state_key *key)
{
	return want->n_states && bsearch(key, want->states, want->n_states, sizeof(*want->states),
					 class_state_compare);
}

static int prune_batch(struct dataplane *dp, const struct plan_classes *want,
		       const struct sl_class_state_key *keys, uint32_t n)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < n; i++) {
		if (is_wanted(want, &keys[i]))
			continue;
		err = bpf_map_delete_elem(dp->class_states_fd, &keys[i]);
		err = err == -ENOENT ? 0 : err;
	}
	return err;
}

int class_states_prune(struct dataplane *dp, const struct plan_classes *want)
{
	sl_cleanup(scan_close) struct scan s = {};
	uint32_t n;
	int err = scan_open(dp->class_states_fd, sizeof(struct sl_class_state_key),
			    sizeof(struct sl_class_state), &s);

	while (!err && !s.done) {
		err = scan_next(&s, &n);
		if (!err)
			err = prune_batch(dp, want, (const void *)s.keys, n);
	}
	return err;
}
