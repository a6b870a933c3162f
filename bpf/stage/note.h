/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counting what happens to packets on their way: enum sl_note. */
#ifndef SL_STAGE_NOTE_H
#define SL_STAGE_NOTE_H

#include "../maps.h"

static __always_inline void note_many(enum sl_note what, __u64 n)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct sl_cpu_counters *c = bpf_map_lookup_elem(&sl_counters, &cpu);

	if (c)
		c->note[what] += n;
}

static __always_inline void note(enum sl_note what)
{
	note_many(what, 1);
}

/* Count a packet of an account that was not admitted. Entries are per CPU by
 * their key, so adding is plain. */
static __always_inline void tally(__u32 account, __u16 service, __u16 reason)
{
	struct sl_tally_key key = {
		.account = account,
		.reason = reason,
		.cpu = bpf_get_smp_processor_id(),
		.service = service,
	};
	__u64 *n = bpf_map_lookup_elem(&sl_tallies, &key), one = 1;

	if (!n) {
		if (!bpf_map_update_elem(&sl_tallies, &key, &one, BPF_NOEXIST))
			return;
		key.account = SL_TALLY_OTHER;
		key.service = 0;
		n = bpf_map_lookup_elem(&sl_tallies, &key);
		if (!n) /* the daemon has made it, unless it has only just loaded */
			return;
	}
	(*n)++;
}

#endif
