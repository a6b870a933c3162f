/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Longest-prefix match as disjoint ranges below index entries; the layout is
 * told at struct sl_prefix_root in <sluice/abi.h>, the search is
 * bpf/lib/prefix.h. Pure.
 */
#ifndef SL_PREFIX_H
#define SL_PREFIX_H

#include "plan.h"

struct prefix {
	struct sl_addr addr; /* IPv4 mapped */
	uint8_t len;	     /* 0..128; of IPv4 96..128 */
	uint32_t value;	     /* tenant id, below SL_PREFIX_ROOT */
};

/* Prefixes may nest, and must be unique. Roots 0 (IPv4) and 1 (IPv6) always
 * exist. -E2BIG: more roots than SL_PREFIX_ROOTS_PER_BANK.
 */
int prefix_table_build(const struct prefix *prefixes, size_t n, struct plan_prefix_table *ret);
void prefix_table_free(struct plan_prefix_table *t);

#endif /* SL_PREFIX_H */
