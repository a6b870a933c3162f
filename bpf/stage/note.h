/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counting what happens to packets on their way: enum sl_note; and for whom: the
 * device.
 */
#ifndef SL_STAGE_NOTE_H
#define SL_STAGE_NOTE_H

#include "../lib/cid.h"
#include "../lib/hash.h"
#include "../maps.h"
#include "../pkt.h"

/* What the record at @offset has for a connection id, hashed; 0: nothing. */
static __always_inline __u64 device_cid(struct xdp_md *ctx, __u32 offset, __u32 cid_len,
					const __u64 *key)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const __u8 *first = data + (offset & PAYLOAD_OFFSET_MAX);

	if ((void *)(first + 1) > end)
		return 0;
	offset = cid_offset(*first);
	first += offset;
	if (!offset || (void *)(first + CID_HASHED_BYTES) > end)
		return 0;
	return cid_hash(key, first, cid_len);
}

/* VERIFIER: alone, as all that reads at an offset of the packet's own. Hash of the
 * device, as its service says what one is. @payload: its offset in the frame.
 */
sl_global __u64 sl_device(struct xdp_md *ctx, const struct flow *f, const struct sl_service *svc,
			  __u32 tenant, __u32 payload)
{
	const struct sl_control *control;
	__u32 zero = 0;
	__u64 cid;

	control = bpf_map_lookup_elem(&sl_control, &zero);
	if (!control || !f)
		return 0;
	if (svc && svc->device_key == SL_DK_ENDPOINT)
		return device_hash_endpoint(control->device_key, &f->src, f->sport, tenant);
	if (svc && svc->device_key == SL_DK_CID) {
		cid = device_cid(ctx, payload, svc->cid_len, control->device_key);
		if (cid)
			return device_hash_cid(control->device_key, cid, tenant);
	}
	return device_hash(control->device_key, &f->src, f->is_v4, tenant);
}

static __always_inline __u64 pkt_device(const struct pkt *p)
{
	if (p->svc->device_key == SL_DK_ADDRESS)
		return device_hash(p->control->device_key, &p->flow.src, p->flow.is_v4,
				   p->account->tenant);
	return sl_device(p->ctx, pkt_flow(p), p->svc, p->account->tenant,
			 p->cur.pos - (void *)(long)p->ctx->data);
}

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

/* Which row of the table of lib/affinity.h decided. */
static __always_inline void note_row(__u32 row)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct sl_cpu_counters *c = bpf_map_lookup_elem(&sl_counters, &cpu);

	if (c)
		c->row[row & 31]++;
}

/* VERIFIER: alone, because it is reached in many states. The first of its sort and
 * CPU; what no longer fits is another's. Returns nothing.
 */
sl_global int sl_tally_first(const struct sl_tally_key *ask)
{
	struct sl_tally_key key;
	__u64 *n, one = 1;

	if (!ask)
		return 0;
	key = *ask; /* VERIFIER: 6.1 wants a key on the stack */
	if (!bpf_map_update_elem(&sl_tallies, &key, &one, BPF_NOEXIST))
		return 0;
	key.account = SL_TALLY_OTHER;
	key.service = 0;
	n = bpf_map_lookup_elem(&sl_tallies, &key);
	if (n) /* the daemon has made it, unless it has only just loaded */
		(*n)++;
	return 0;
}

/* Count a packet that was not admitted, of a service and, if known, an account.
 * Entries are per CPU by their key, so adding is plain.
 */
static __always_inline void tally(const struct pkt *p, __u16 reason)
{
	struct sl_tally_key key, parts = { .reason = reason, .cpu = bpf_get_smp_processor_id() };
	__u64 *n;

	/* After the call: nothing else has to outlast it. */
	key.service = p->svc->id;
	if (p->account)
		parts.account = p->account->id;
	sl_put_word(&key, &parts, 64);
	n = bpf_map_lookup_elem(&sl_tallies, &key);
	if (n)
		(*n)++;
	else
		sl_tally_first(&key);
}

#endif
