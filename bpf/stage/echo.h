/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Has the source of a CoAP request proven that it is where it says (RFC 9175 2.4, item 3)?
 * Asked before anybody is charged, of services with echo_s. The question itself is put by
 * stage/challenge.h.
 */
#ifndef SL_STAGE_ECHO_H
#define SL_STAGE_ECHO_H

#include "../config.h"
#include "../lib/echo.h"
#include "../maps.h"
#include "../pkt.h"
#include "../scratch.h"
#include "note.h"

/* The window at @now_s of CLOCK_MONOTONIC. */
static __always_inline __u32 echo_now(const struct sl_control *control, __u32 now_s)
{
	return echo_window(*(volatile __u64 *)&control->wall_s + now_s);
}

/* The option's value; false: there is none of ours. */
static __always_inline bool echo_load(struct xdp_md *ctx, __u64 *ret)
{
	const struct sl_content *c = content_scratch();
	__be64 value;

	if (!c || c->echo.len != ECHO_BYTES ||
	    bpf_xdp_load_bytes(ctx, c->echo.at, &value, sizeof(value)))
		return false;
	*ret = bpf_be64_to_cpu(value);
	return true;
}

/* VERIFIER: alone, for the stack. 1: the source is believed, from now on if its message has
 * what only it can have. What is no request need not prove anything.
 */
sl_global int sl_echo_proven(struct xdp_md *ctx, const struct flow *f, const struct sl_service *svc)
{
	const struct sl_content *c = content_scratch();
	__u32 zero = 0, now_s, index;
	struct sl_control *control;
	struct sl_proven_line *line;
	void *second = scratch();
	__u64 value, hash;

	control = bpf_map_lookup_elem(&sl_control, &zero);
	if (!f || !svc || !c || !control || !second)
		return 0;
	if (!c->request)
		return 1;
	hash = proven_hash(control->flow_key, f, svc->id);
	index = hash & (SL_PROVEN_LINES - 1);
	line = bpf_map_lookup_elem(&sl_proven, &index);
	if (!line)
		return 0;
	now_s = scratch_now_s(second, now_coarse_ns());
	if (proven_has(line, hash >> 32, now_s))
		return 1;
	if (!echo_load(ctx, &value) ||
	    !echo_is_fresh(control->echo_key, f, value, echo_now(control, now_s)))
		return 0;
	if (!proven_add(line, hash >> 32, now_s, now_s + svc->echo_s))
		note(SL_N_PROVEN_FULL);
	return 1;
}

#endif
