/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ground on which frames are tried out: the real program with maps of its own,
 * a configuration in force there, and a network that nobody else sees. All of it is
 * gone when the process ends, however it ends. Does not log.
 */
#ifndef SL_EXPLAIN_GROUND_H
#define SL_EXPLAIN_GROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sluice/abi.h>
#include "../config/model.h"
#include "../dataplane/dataplane.h"

/* This node's link, and whoever is at its other end, where nothing else says so. */
extern const uint8_t ground_mac[6], ground_other_mac[6];

/* When the configuration comes in force: no deadline has passed then. */
#define GROUND_BEGIN_S	3600

#define GROUND_NAME_LEN (2 * SL_NAME_LEN)

struct ground {
	struct dataplane *dp;
	const struct model *model;
	/* ids count from 1: service and tenant in the model's order, and */
	char (*instances)[GROUND_NAME_LEN]; /* "service/name", by id */
	char (*accounts)[GROUND_NAME_LEN];  /* "tenant/service", by id */
	uint32_t *account_tenant;	    /* tenant id, by account id */
	size_t n_instances, n_accounts;
	struct ground_events *events; /* run.c */
};

/* Into namespaces of this process's own. @fib: a file of `ip -batch` lines that makes
 * links, routes and neighbours there; NULL: one link "way0" with a default route by
 * a neighbour that has ground_other_mac. Needs root.
 */
int ground_enter(const char *fib, struct dataplane_error *reterr);

/* Load the program and put @model in force; it must outlive *@ret. After
 * ground_enter().
 */
int ground_open(const struct model *model, struct ground **ret, struct dataplane_error *reterr);
void ground_close(struct ground *g);
static inline void ground_closep(struct ground **g)
{
	ground_close(*g);
}

/* What became of a frame. */
struct verdict {
	struct sl_event event; /* what the program says of it */
	int action;	       /* XDP_* */
	uint32_t rows, notes;  /* sets: of enum affinity_row, of enum sl_note */
	uint8_t *bytes;	       /* as it leaves; valid until the next run */
	uint32_t len;
};

/* The time of day, less that of the clock that @now_ns below is of, in seconds; may wrap. */
void ground_wall(struct ground *g, uint64_t wall_s);

/* Run one Ethernet frame at @now_ns; no shorter than its header, or the kernel refuses. */
int ground_run(struct ground *g, const uint8_t *bytes, uint32_t len, uint64_t now_ns,
	       struct verdict *ret);

#endif /* SL_EXPLAIN_GROUND_H */
