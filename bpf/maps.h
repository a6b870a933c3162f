/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every map of the data plane. Each comment names key, value, the writer, and
 * what a missing entry means. Layouts, and what "banked" and "lasting" mean, are
 * in <sluice/abi.h>. Arrays that the daemon maps into its memory are written by
 * it with stores. All are pinned by the daemon and outlive it.
 */
#ifndef SL_MAPS_H
#define SL_MAPS_H

#include <linux/bpf.h>
#include <sluice/abi.h>

/* clang-format off */
#define SL_MAP_ARRAY(name, type_, n)               \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);  \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__type(key, __u32);                \
		__type(value, type_);              \
		__uint(max_entries, n);            \
	} name SEC(".maps")

#define SL_MAP_HASH(name, key_, value_, n)       \
	struct {                                 \
		__uint(type, BPF_MAP_TYPE_HASH); \
		__type(key, key_);               \
		__type(value, value_);           \
		__uint(max_entries, n);          \
	} name SEC(".maps")

/* The same, not preallocated: few of its entries are ever there. */
#define SL_MAP_HASH_FEW(name, key_, value_, n)             \
	struct {                                           \
		__uint(type, BPF_MAP_TYPE_HASH);           \
		__uint(map_flags, BPF_F_NO_PREALLOC);      \
		__type(key, key_);                         \
		__type(value, value_);                     \
		__uint(max_entries, n);                    \
	} name SEC(".maps")
/* clang-format on */

/* -- configuration, written by the daemon only; hashes are twice as large as
 * their objects, for the two banks --
 */

/* 0 -> the bank in force and the hash keys. Missing: impossible (array). */
SL_MAP_ARRAY(sl_control, struct sl_control, 1);

/* Bits of addresses that are virtual or an instance's, in words of 64; index by
 * filter_bit(). Missing: impossible. A clear bit: the packet is not ours.
 */
SL_MAP_ARRAY(sl_filter, __u64, SL_FILTER_BITS / 64);

/* (virtual address, bank) -> 1. Missing: the filter was wrong, not ours. */
SL_MAP_HASH(sl_addresses, struct sl_addr_key, __u32, 2 * SL_DEF_SERVICES);

/* (address, port, protocol, bank) -> service. Missing: not ours. */
SL_MAP_HASH(sl_services, struct sl_service_key, struct sl_service, 2 * SL_DEF_SERVICES);

/* (tenant, service, bank) -> account and quota. Missing: the tenant may not use
 * the service.
 */
SL_MAP_HASH(sl_accounts, struct sl_account_key, struct sl_account, 2 * SL_DEF_ACCOUNTS);

/* Tables of source prefixes, see struct sl_prefix_root. Missing: no tenant. */
SL_MAP_ARRAY(sl_prefix_roots, struct sl_prefix_root, 2 * SL_PREFIX_ROOTS_PER_BANK);
SL_MAP_ARRAY(sl_prefix_idx, struct sl_prefix_index, 8 * SL_DEF_PREFIXES);
SL_MAP_ARRAY(sl_prefix_rng, struct sl_prefix_range, 8 * SL_DEF_PREFIXES);

/* (node, chunk, bank) -> next node, and what ends there. Missing: no such identity, no such
 * path.
 */
SL_MAP_HASH(sl_trie, struct sl_trie_key, struct sl_trie_node, 2 * SL_DEF_TRIE);

/* (tenant, bank) -> quotas of its classes. Not preallocated: few tenants have some. Missing:
 * a change of the configuration is under way, and the message is of no class.
 */
SL_MAP_HASH_FEW(sl_class_sets, struct sl_class_key, struct sl_class_set, 2 * SL_DEF_TENANTS);

/* (tenant, number, bank) -> what the node says to a GET. Not preallocated: few tenants have any.
 * Missing: the instance is asked.
 */
SL_MAP_HASH_FEW(sl_responses, struct sl_response_key, struct sl_response, 2 * SL_MAX_RESPONSES);

/* -- lasting state -- */

/* (instance address, port, protocol) -> the virtual address and port its answers
 * carry. Written by the daemon; outlives the instance's configuration. Missing:
 * not an answer, the packet passes.
 */
SL_MAP_HASH(sl_returns, struct sl_return_key, struct sl_return, SL_DEF_INSTANCES);

/* instance -> address, next hop. Written by the daemon. Missing: impossible. */
SL_MAP_ARRAY(sl_instances, struct sl_instance, SL_DEF_INSTANCES);

/* All rings: slot -> instances. Written by the daemon. Missing: impossible. */
SL_MAP_ARRAY(sl_slots, struct sl_slot, SL_DEF_SLOTS);

/* flow -> instance, while its slot is in transition. Written by the data plane,
 * swept by the daemon. Missing: the slot decides. Never an LRU: no flood may
 * displace an entry.
 */
SL_MAP_HASH(sl_pins, struct sl_pin_key, struct sl_pin, SL_DEF_PINS);

/* The same for flows that have only been opened, within a budget per service. */
SL_MAP_HASH(sl_half_open, struct sl_pin_key, struct sl_pin, SL_DEF_HALF_OPEN);

/* (device's end, Message-ID) -> instance, while the slot is in transition. Within
 * the same budget per service, again; swept like pins.
 */
SL_MAP_HASH(sl_exchanges, struct sl_exchange_key, struct sl_exchange, SL_DEF_EXCHANGES);

/* connection -> whose it is, of services with track. Written by the data plane, swept by the
 * daemon. Missing: it is not tracked, and the service's default tenant's. Not preallocated: few
 * configurations have any.
 */
SL_MAP_HASH_FEW(sl_flows, struct sl_flow_key, struct sl_flow, SL_DEF_FLOWS);

/* connection -> what proves that it is its device's, until it has, within a budget per
 * service. As above. As many as sl_half_open.
 */
SL_MAP_HASH_FEW(sl_flow_opens, struct sl_flow_key, struct sl_flow_open, SL_DEF_HALF_OPEN);

/* account, and tenant -> how many tracked connections are open. Written by both. Missing:
 * impossible.
 */
SL_MAP_ARRAY(sl_open, struct sl_open_count, SL_DEF_ACCOUNTS);
SL_MAP_ARRAY(sl_open_tenants, struct sl_open_count, SL_DEF_TENANTS);

/* (service, server id) -> instance, of those that declare one. Written by the
 * daemon, and lives as long as the instance. Missing: the address decides.
 */
SL_MAP_HASH(sl_cids, struct sl_cid_key, __u32, SL_DEF_INSTANCES);

/* service -> what packets tell the daemon. Written by both. Missing: impossible. */
SL_MAP_ARRAY(sl_svc_states, struct sl_service_state, SL_DEF_SERVICES);

/* tenant -> buckets. Written by the data plane, capped by the daemon. */
SL_MAP_ARRAY(sl_buckets, struct sl_bucket, SL_DEF_TENANTS);

/* (tenant, class) -> bucket and figures. Made by the daemon before sl_class_sets names the
 * class, written by the data plane. Missing: as there.
 */
SL_MAP_HASH_FEW(sl_class_states, struct sl_class_state_key, struct sl_class_state,
		SL_MEAN_CLASSES *SL_DEF_TENANTS);

/* hash -> buckets of devices. Written by the data plane only. */
SL_MAP_ARRAY(sl_devices, struct sl_device_line, SL_DEF_DEVICE_LINES);

/* hash -> endpoints that have proven themselves. Written by the data plane only. Missing: the
 * source is asked.
 */
SL_MAP_ARRAY(sl_proven, struct sl_proven_line, SL_PROVEN_LINES);

/* interface -> itself, for each link that frames may be redirected to. Written
 * by the daemon. Missing: the kernel forwards.
 */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
	__uint(max_entries, 1024);
} sl_targets SEC(".maps");

/* -- figures, written by the data plane, read by the daemon -- */

/* cpu * accounts + account -> what was admitted. The daemon sets the size: this
 * one is for a single CPU.
 */
SL_MAP_ARRAY(sl_hot, struct sl_hot, SL_DEF_ACCOUNTS);

/* cpu * instances + instance -> asked and answered; sized like sl_hot. */
SL_MAP_ARRAY(sl_answers, struct sl_answers, SL_DEF_INSTANCES);

/* cpu -> packets by reason, notes. */
SL_MAP_ARRAY(sl_counters, struct sl_cpu_counters, SL_MAX_CPUS);

/* cpu * services + service -> packets by kind; sized like sl_hot. */
SL_MAP_ARRAY(sl_kinds, struct sl_kind_counters, SL_DEF_SERVICES);

/* Heavy devices of tenants with top_devices, see struct sl_top_set; sized like sl_hot. The
 * daemon empties the idle window before packets count in it.
 */
SL_MAP_ARRAY(sl_top, struct sl_top_set, SL_TOP_TENANTS * 2 * SL_TOP_SETS);

/* (account, reason, cpu) -> packets that were not admitted. Full: SL_TALLY_OTHER. */
SL_MAP_HASH(sl_tallies, struct sl_tally_key, __u64, SL_DEF_TALLIES);

/* hash -> requests that are timed. Written by the data plane only. What floods displace
 * here is a figure, so the oldest gives way.
 */
SL_MAP_ARRAY(sl_asked, struct sl_latency_line, SL_LATENCY_LINES);

/* (account, sort) -> times from request to answer. Made by the data plane with the first one;
 * full: SL_TALLY_OTHER. Not preallocated: few accounts have any.
 */
SL_MAP_HASH_FEW(sl_latencies, struct sl_latency_key, struct sl_latency, SL_DEF_LATENCIES);

/* cpu -> what is traced, and how much was. Missing: the packet is not traced. */
SL_MAP_ARRAY(sl_tracing, struct sl_tracing, SL_MAX_CPUS);

/* Sampled packets: struct sl_event, or struct sl_trace, which is longer. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} sl_events SEC(".maps");

/* -- a packet's own memory, nobody else's -- */

/* 0 -> scratch. Missing: impossible. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct sl_scratch);
	__uint(max_entries, 1);
} sl_scratch SEC(".maps");

/* 0 -> what a message says of itself. Missing: impossible. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct sl_content);
	__uint(max_entries, 1);
} sl_content SEC(".maps");

/* -- programs -- */

extern int sl_xdp_content(struct xdp_md *ctx);
extern int sl_xdp_tell(struct xdp_md *ctx);
extern int sl_xdp_stream(struct xdp_md *ctx);
extern int sl_xdp_classes(struct xdp_md *ctx);
extern int sl_xdp_reply(struct xdp_md *ctx);
extern int sl_xdp_datagram(struct xdp_md *ctx);

/* enum sl_program -> the program that goes on. Written where the object is loaded. Missing:
 * packets of services with SL_SVC_CONTENT leave as internal, likewise those that are to be
 * replied to, and nothing is told.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(max_entries, SL_PROG__MAX);
	__array(values, int(struct xdp_md *));
} sl_programs SEC(".maps") = {
	.values = {
		[SL_PROG_CONTENT] = (void *)&sl_xdp_content,
		[SL_PROG_TELL] = (void *)&sl_xdp_tell,
		[SL_PROG_STREAM] = (void *)&sl_xdp_stream,
		[SL_PROG_CLASSES] = (void *)&sl_xdp_classes,
		[SL_PROG_REPLY] = (void *)&sl_xdp_reply,
		[SL_PROG_DATAGRAM] = (void *)&sl_xdp_datagram,
	},
};

/* -- the daemon's memory; no packet reads it -- */

/* (sort, name) -> id. Written by the daemon. */
SL_MAP_HASH(sl_names, struct sl_name_key, struct sl_name, SL_DEF_ACCOUNTS + SL_DEF_TENANTS);

#endif /* SL_MAPS_H */
