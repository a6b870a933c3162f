/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Settings that the daemon fixes between open and load. The defaults are those
 * of a map as maps.h declares it, so that an object loaded by hand works.
 */
#ifndef SL_CONFIG_BPF_H
#define SL_CONFIG_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <sluice/abi.h>

const volatile __u32 cfg_accounts = SL_DEF_ACCOUNTS;	     /* sl_hot has as many for each CPU */
const volatile __u32 cfg_services = SL_DEF_SERVICES;	     /* sl_kinds likewise */
const volatile __u32 cfg_instances = SL_DEF_INSTANCES;	     /* sl_answers likewise */
const volatile __u32 cfg_device_lines = SL_DEF_DEVICE_LINES; /* a power of two */
/* A step of the coarse clock (clock_getres), 4 ms at 250 Hz. */
const volatile __u64 cfg_tick_ns = 4000000;
/* One request of so many is timed, less 1. */
const volatile __u32 cfg_latency_mask = SL_LATENCY_ONE_IN - 1;
/* For sluicectl explain: the clock is explain_now_ns, and answers are classified, too.
 * Constant when the verifier looks, so that nothing of it is left elsewhere.
 */
const volatile bool cfg_explain = false;

__u64 explain_now_ns; /* a capture's own clock */

#define NS_PER_S 1000000000ull

static __always_inline __u64 now_coarse_ns(void)
{
	return cfg_explain ? *(volatile __u64 *)&explain_now_ns : bpf_ktime_get_coarse_ns();
}

/* Seven times as dear. */
static __always_inline __u64 now_fine_ns(void)
{
	return cfg_explain ? *(volatile __u64 *)&explain_now_ns : bpf_ktime_get_ns();
}

#endif /* SL_CONFIG_BPF_H */
