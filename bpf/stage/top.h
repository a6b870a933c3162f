/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Beside police and account: the heaviest devices of tenants with top_devices. */
#ifndef SL_STAGE_TOP_H
#define SL_STAGE_TOP_H

#include "../lib/top.h"
#include "../maps.h"
#include "../pkt.h"

/* VERIFIER: alone, as it is reached in many states. A packet of device @hash is offered,
 * or, with @refused, has been refused after that; @table from 1. Returns nothing.
 */
sl_global int sl_top_count(__u32 table, __u64 hash, __u32 refused)
{
	const struct sl_control *control;
	struct sl_top_set *set;
	__u32 zero = 0, index, way;

	control = bpf_map_lookup_elem(&sl_control, &zero);
	if (!control)
		return 0;
	index = bpf_get_smp_processor_id() * SL_TOP_TENANTS + table - 1;
	index = index * 2 + (*(volatile __u16 *)&control->top_turn & 1);
	index = index * SL_TOP_SETS + (hash & (SL_TOP_SETS - 1));
	set = bpf_map_lookup_elem(&sl_top, &index);
	if (!set)
		return 0;
	way = top_find(set, hash);
	if (way >= SL_TOP_WAYS) {
		if (!refused)
			top_admit(set, hash, bpf_get_prandom_u32());
		return 0;
	}
	if (refused)
		top_add(&set->entry[way].refused);
	else
		top_add(&set->entry[way].offered);
	return 0;
}

static __always_inline void top_count(const struct pkt *p, bool refused)
{
	__u32 table = p->account->device_mask >> SL_TOP_SHIFT;

	if (table)
		sl_top_count(table, p->device, refused);
}

#endif
