/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parts of world.c that stand in files of their own. */
#ifndef PERF_WORLD_PARTS_H
#define PERF_WORLD_PARTS_H

#include "world.h"

/* Leave for namespaces of this process: links, routes, bpffs. */
int world_network(struct world *w, struct dataplane_error *reterr);

/* Write all sequences. */
int world_flows(struct world *w);

/* The /24 of a tenant, host order. */
uint32_t world_tenant_prefix(uint32_t tenant);

/* Give each flow of W_SEQ_1M a pin. */
int world_pins(struct world *w, uint16_t service, uint16_t instance);

uint32_t world_now_s(void);

#endif /* PERF_WORLD_PARTS_H */
