// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "flow.h"

/* A clock that packets read may be ahead of ours. */
static bool silent_for(uint32_t seen_s, uint32_t now_s, uint32_t limit_s)
{
	return now_s > seen_s && now_s - seen_s > limit_s;
}

bool flow_is_stale(const struct sl_flow *f, uint32_t now_s, uint32_t idle_s)
{
	bool again = flow_has(f, SL_FLOW_DEVICE_RST) || flow_has(f, SL_FLOW_LAPSED);
	uint32_t limit = idle_s;

	if (flow_has(f, SL_FLOW_OVER) && !again)
		limit = FLOW_OVER_S;
	else if (flow_has(f, SL_FLOW_DEVICE_RST) || flow_has(f, SL_FLOW_INSTANCE_FIN))
		limit = FLOW_CLOSING_S < idle_s ? FLOW_CLOSING_S : idle_s;
	return silent_for(f->seen, now_s, limit);
}

bool flow_has_lapsed(const struct sl_flow *f, uint32_t now_s)
{
	return !flow_has(f, SL_FLOW_OVER) && flow_has(f, SL_FLOW_DEVICE_FIN) &&
	       silent_for(f->seen, now_s, FLOW_CLOSING_S);
}

bool flow_open_is_stale(const struct sl_flow_open *o, uint32_t now_s)
{
	return silent_for(o->seen, now_s, FLOW_OPEN_S);
}
