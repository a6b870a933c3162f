/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The filter of addresses we own, virtual or an instance's. Not banked: bits are
 * set before anything needs them, and cleared when nothing does.
 */
#ifndef SL_DP_FILTER_H
#define SL_DP_FILTER_H

#include "dataplane.h"

void filter_add(struct dataplane *dp, const struct sl_addr *addr);

/* Exactly these virtual addresses, and those of all instances with a record. */
int filter_rewrite(struct dataplane *dp, const struct sl_addr *virtual, size_t n);

#endif /* SL_DP_FILTER_H */
