/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's side of Sluice as userspace sees it: the loaded object, its
 * pinned maps, and the memory of those that are mapped. The program and the
 * maps outlive this process; opening again adopts them. Does not log.
 */
#ifndef SL_DATAPLANE_H
#define SL_DATAPLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sluice/abi.h>
#include "../config/model.h"

struct sluice_bpf;

struct dataplane {
	struct sluice_bpf *skel;
	char *pin_root;
	struct model_capacity cap;  /* of the maps as they are, not as asked for */
	uint32_t n_cpus;	    /* possible ones: counters have a part for each */
	uint32_t accounts_per_cpu;  /* hot[cpu * accounts_per_cpu + account] */
	uint32_t instances_per_cpu; /* answers[cpu * instances_per_cpu + instance] */
	uint32_t services_per_cpu;  /* kinds[cpu * services_per_cpu + service] */
	uint64_t tick_ns;
	bool adopted; /* maps were there before */
	bool banks_equal; /* sync.c: the idle bank is a copy of the one in force, as far as this process knows */
	bool counts_refused; /* SL_N_REDIRECT_FAILED is counted: tracing was allowed */

	/* mapped arrays, by their names in bpf/maps.h */
	struct sl_control *control;
	uint64_t *filter;
	struct sl_prefix_root *prefix_roots;
	struct sl_prefix_index *prefix_index; /* [2 * index_per_bank] */
	struct sl_prefix_range *prefix_ranges;
	uint32_t index_per_bank, ranges_per_bank;
	struct sl_bucket *buckets;
	struct sl_instance *instances;
	struct sl_slot *slots;
	struct sl_service_state *service_states;
	const struct sl_hot *hot;
	const struct sl_answers *answers;
	const struct sl_cpu_counters *counters;
	const struct sl_kind_counters *kinds;
	struct sl_tracing *tracing;
	struct sl_open_count *open; /* by account */
	struct sl_open_count *open_tenants;
	struct sl_top_set *top; /* see struct sl_top_set for the index */

	/* descriptors of the rest; owned by skel */
	int addresses_fd, services_fd, returns_fd, accounts_fd, pins_fd, half_open_fd;
	int exchanges_fd, cids_fd, trie_fd, class_sets_fd, class_states_fd, responses_fd;
	int flows_fd, flow_opens_fd;
	int targets_fd, tallies_fd, latencies_fd, events_fd, names_fd;
};

struct dataplane_error {
	char text[512];
};

struct dataplane_opts {
	const char *pin_root;		/* NULL: SL_PIN_ROOT */
	struct model_capacity capacity; /* 0 in a member: as pinned, else the default */
	bool explain;			/* for sluicectl explain, see bpf/config.h */
};

/* Load the program, with the pinned maps where there are some and new, pinned
 * ones where not. Attaches nothing. -EEXIST: maps of another size are pinned
 * (the error says which capacity member, and what to do).
 */
int dataplane_open(const struct dataplane_opts *opts, struct dataplane **ret,
		   struct dataplane_error *reterr);

/* Free this process's side. Program, maps and links stay. NULL is fine. */
void dataplane_close(struct dataplane *dp);
static inline void dataplane_closep(struct dataplane **dp)
{
	dataplane_close(*dp);
}

/* -- links: link.c -- */

enum link_mode {
	LINK_NONE,
	LINK_NATIVE,
	LINK_GENERIC,
};

/* Attach to @ifname by a pinned bpf_link, or, where ours is pinned already,
 * update it to this program: no packet is lost. @ret_mode says what came of
 * MODE_AUTO, *@ret_adopted whether the link was there before; a native attach
 * that failed leaves its reason in *@reterr (with return 0) for the warning.
 * -EBUSY: something else is attached; the error names the program and what to do.
 */
int dataplane_attach(struct dataplane *dp, const char *ifname, enum model_mode mode,
		     enum link_mode *ret_mode, bool *ret_adopted, struct dataplane_error *reterr);

/* Remove the pinned link of @ifname, and detach it even from those who hold it
 * open. -ENOENT: there is none. Needs no open data plane.
 */
int dataplane_detach(const char *pin_root, const char *ifname);

/* Remove all links, then all pins, of every layout below @pin_root: the end of
 * this data plane. What is missing is no error.
 */
int dataplane_remove(const char *pin_root);

#endif /* SL_DATAPLANE_H */
