/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* When a tracked connection is forgotten. Pure. */
#ifndef SL_PLAN_FLOW_H
#define SL_PLAN_FLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sluice/abi.h>

#define FLOW_OVER_S    10  /* for what is still under way */
#define FLOW_CLOSING_S 120 /* one side has ended it */
#define FLOW_OPEN_S    20  /* half-open */

/* Is it, at @now_s, for longer than it may be silent? @idle_s: the service's. */
bool flow_is_stale(const struct sl_flow *f, uint32_t now_s, uint32_t idle_s);

/* Is it to be counted no longer? Its device has sent a FIN, or somebody in its name: so it is not
 * forgotten, and counts again if it goes on.
 */
bool flow_has_lapsed(const struct sl_flow *f, uint32_t now_s);

bool flow_open_is_stale(const struct sl_flow_open *o, uint32_t now_s);

static inline uint32_t flow_account_of(const struct sl_flow *f)
{
	return f->who & SL_FLOW_ID_MASK;
}

static inline uint32_t flow_tenant_of(const struct sl_flow *f)
{
	return f->who >> SL_FLOW_TENANT_SHIFT & SL_FLOW_ID_MASK;
}

static inline bool flow_has(const struct sl_flow *f, enum sl_flow_flag flag)
{
	return f->who & SL_FLOW_FLAG(flag);
}

#endif /* SL_PLAN_FLOW_H */
