/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A test bed: the program loaded with private maps, and short ways to put a
 * service, an instance, a tenant into them (bank 0), to run a frame, and to
 * read counters. Needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON.
 */
#ifndef TEST_BED_H
#define TEST_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "sluice.skel.h"
#include "frame.h"
#include "lib/csum.h"
#include "lib/hash.h"

struct bed {
	struct sluice_bpf *skel;
	struct sl_control *control;
	struct sl_slot *slots;
	struct sl_instance *instances;
	struct sl_service_state *states;
	struct sl_cpu_counters *counters;
	struct sl_hot *hot;
	struct sl_bucket *buckets;
	struct sl_answers *answers;
	uint32_t next_slot;
	uint16_t next_service;
};

static inline void *bed_map(const struct bpf_map *m)
{
	size_t size = (size_t)((bpf_map__value_size(m) + 7) & ~7u) * bpf_map__max_entries(m);
	void *p = mmap(NULL, (size + 4095) & ~4095ul, PROT_READ | PROT_WRITE, MAP_SHARED,
		       bpf_map__fd(m), 0);

	assert_true(p != MAP_FAILED);
	return p;
}

static inline uint64_t bed_tick_ns(void)
{
	struct timespec res;

	clock_getres(CLOCK_MONOTONIC_COARSE, &res);
	return res.tv_nsec;
}

static inline uint64_t bed_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static inline uint32_t bed_now_s(void)
{
	return bed_now_ns() / 1000000000;
}

/* @explain: the clock is skel->bss->explain_now_ns. */
static inline int bed_open_as(void **state, bool explain)
{
	struct bed *b = calloc(1, sizeof(*b));
	int cpus = libbpf_num_possible_cpus();

	assert_non_null(b);
	b->skel = sluice_bpf__open();
	assert_non_null(b->skel);
	b->skel->rodata->cfg_tick_ns = bed_tick_ns();
	b->skel->rodata->cfg_explain = explain;
	if (explain) /* what happens is to be foreseen */
		b->skel->rodata->cfg_latency_mask = 0;
	bpf_map__set_max_entries(b->skel->maps.sl_hot, cpus * SL_DEF_ACCOUNTS);
	bpf_map__set_max_entries(b->skel->maps.sl_kinds, cpus * SL_DEF_SERVICES);
	bpf_map__set_max_entries(b->skel->maps.sl_answers, cpus * SL_DEF_INSTANCES);
	bpf_map__set_max_entries(b->skel->maps.sl_top, cpus * SL_TOP_TENANTS * 2 * SL_TOP_SETS);
	assert_int_equal(sluice_bpf__load(b->skel), 0);
	b->control = bed_map(b->skel->maps.sl_control);
	b->slots = bed_map(b->skel->maps.sl_slots);
	b->instances = bed_map(b->skel->maps.sl_instances);
	b->states = bed_map(b->skel->maps.sl_svc_states);
	b->counters = bed_map(b->skel->maps.sl_counters);
	b->hot = bed_map(b->skel->maps.sl_hot);
	b->buckets = bed_map(b->skel->maps.sl_buckets);
	b->answers = bed_map(b->skel->maps.sl_answers);
	for (int i = 0; i < SL_HASH_WORDS; i++) {
		b->control->flow_key[i] = 0x9e3779b97f4a7c15ull * (2 * i + 1);
		b->control->device_key[i] = 0xc2b2ae3d27d4eb4full * (2 * i + 1);
	}
	b->next_service = 1;
	*state = b;
	return 0;
}

static inline int bed_open(void **state)
{
	return bed_open_as(state, false);
}

static inline int bed_open_explain(void **state)
{
	return bed_open_as(state, true);
}

static inline int bed_close(void **state)
{
	struct bed *b = *state;

	sluice_bpf__destroy(b->skel); /* mappings go with the process */
	free(b);
	return 0;
}

static inline void bed_update(const struct bpf_map *m, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(m), key, value, BPF_ANY), 0);
}

/* Say that @addr is one of ours. */
static inline void bed_own(struct bed *b, const struct sl_addr *addr)
{
	uint32_t bit = filter_bit(b->control->flow_key, addr), word = bit / 64;
	uint64_t bits;
	int fd = bpf_map__fd(b->skel->maps.sl_filter);

	assert_int_equal(bpf_map_lookup_elem(fd, &word, &bits), 0);
	bits |= 1ull << (bit & 63);
	bed_update(b->skel->maps.sl_filter, &word, &bits);
}

struct bed_service {
	const char *vip;
	uint16_t port;
	uint8_t proto;	  /* IPPROTO_* */
	uint8_t protocol; /* enum sl_protocol */
	uint8_t flags;
	uint32_t tenant;
	uint32_t ring_size; /* 0: no ring */
	uint16_t instance;  /* in all slots */
	uint32_t keep_s, half_open_max;
	uint8_t cid_layout, cid_len; /* enum sl_cid_layout */
	uint32_t cid_rotations;
	uint8_t device_key;  /* enum sl_device_key */
	uint8_t delimiter;   /* of a tracked service */
	uint64_t reply_cost; /* in 1/16 ns */
	uint8_t program;     /* enum sl_program */
	uint32_t echo_s;
	uint8_t responses;
	uint8_t cid_tenant_at, cid_tenant_bits;
};

/* Returns the service's id; its first slot is in *@ret_first if that is wanted. */
static inline uint16_t bed_service(struct bed *b, const struct bed_service *s, uint32_t *ret_first)
{
	struct sl_service_key key = { .addr = addr_of(s->vip),
				      .port = htons(s->port),
				      .proto = s->proto };
	struct sl_addr_key addr = { .addr = key.addr };
	struct sl_service value = { .id = b->next_service++,
				    .protocol = s->protocol,
				    .flags = s->flags,
				    .tenant = s->tenant,
				    .ring_first = b->next_slot,
				    .ring_size = s->ring_size,
				    .keep_s = s->keep_s,
				    .half_open_max = s->half_open_max,
				    .cid_layout = s->cid_layout,
				    .cid_len = s->delimiter ?: s->cid_len,
				    .cid_rotations = s->cid_rotations,
				    .device_key = s->device_key,
				    .program = s->program,
				    .reply_cost = s->reply_cost,
				    .echo_s = s->echo_s,
				    .responses = s->responses,
				    .cid_tenant_at = s->cid_tenant_at,
				    .cid_tenant_bits = s->cid_tenant_bits };
	uint32_t one = 1;

	bed_update(b->skel->maps.sl_services, &key, &value);
	bed_update(b->skel->maps.sl_addresses, &addr, &one);
	bed_own(b, &key.addr);
	for (uint32_t i = 0; i < s->ring_size; i++)
		b->slots[b->next_slot + i] = (struct sl_slot){ .cur = s->instance };
	if (ret_first)
		*ret_first = b->next_slot;
	b->next_slot += s->ring_size;
	return value.id;
}

static inline void bed_account(struct bed *b, uint32_t tenant, uint16_t service,
			       struct sl_account value)
{
	struct sl_account_key key = { .tenant = tenant, .service = service };

	value.tenant = tenant;
	bed_update(b->skel->maps.sl_accounts, &key, &value);
}

struct bed_instance {
	uint16_t id;
	const char *addr;
	uint16_t port;
	const char *vip; /* of its service */
	uint16_t vip_port;
	uint8_t proto;
	uint16_t service;
	uint32_t ifindex, mtu; /* of its hop; ifindex 0: the kernel forwards */
};

static const uint8_t bed_dmac[6] = { 2, 0, 0, 0, 1, 7 }, bed_smac[6] = { 2, 0, 0, 0, 1, 8 };

static inline void bed_instance(struct bed *b, const struct bed_instance *s)
{
	struct sl_return_key key = { .addr = addr_of(s->addr),
				     .port = htons(s->port),
				     .proto = s->proto };
	struct sl_addr vip = addr_of(s->vip);
	struct sl_instance i = {
		.addr = key.addr, .port = key.port, .service = s->service, .generation = 1
	};
	struct sl_return r = {
		.vip = vip, .port = htons(s->vip_port), .instance = s->id, .service = s->service
	};

	i.l3_delta = r.l3_delta = csum_delta(&vip, 0, &i.addr, 0);
	i.l4_delta = r.l4_delta = csum_delta(&vip, r.port, &i.addr, i.port);
	i.hops[0] = (struct sl_hop){ .ifindex = s->ifindex, .mtu = s->mtu };
	memcpy(i.hops[0].dmac, bed_dmac, 6);
	memcpy(i.hops[0].smac, bed_smac, 6);
	b->instances[s->id] = i;
	bed_update(b->skel->maps.sl_returns, &key, &r);
	bed_own(b, &key.addr);
}

/* Run @in once; return the XDP action and, if @out is not NULL, the frame as it
 * left, with the same offsets.
 */
static inline int bed_run(struct bed *b, const struct frame *in, struct frame *out)
{
	struct frame scratch;
	struct frame *o = out ? out : &scratch;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes, .data_size_in = in->len,
		    .data_out = o->bytes, .data_size_out = sizeof(o->bytes));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(b->skel->progs.sl_xdp), &opts), 0);
	o->len = opts.data_size_out;
	o->l3 = in->l3;
	o->l4 = in->l4;
	o->payload = in->payload;
	return opts.retval;
}

static inline uint64_t bed_reason(const struct bed *b, enum sl_reason why)
{
	uint64_t sum = 0;

	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		sum += b->counters[cpu].reason[why];
	return sum;
}

static inline uint64_t bed_note(const struct bed *b, enum sl_note what)
{
	uint64_t sum = 0;

	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		sum += b->counters[cpu].note[what];
	return sum;
}

static inline uint64_t bed_row(const struct bed *b, int row)
{
	uint64_t sum = 0;

	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		sum += b->counters[cpu].row[row];
	return sum;
}

static inline struct sl_answers bed_answers(const struct bed *b, uint16_t instance)
{
	struct sl_answers sum = {};

	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++) {
		const struct sl_answers *a = &b->answers[cpu * SL_DEF_INSTANCES + instance];

		sum.asked += a->asked;
		sum.answered += a->answered;
	}
	return sum;
}

static inline uint64_t bed_all_reasons(const struct bed *b)
{
	uint64_t sum = 0;

	for (int why = 0; why < SL_R__MAX; why++)
		sum += bed_reason(b, why);
	return sum;
}

static inline struct sl_hot bed_hot(const struct bed *b, uint32_t account)
{
	struct sl_hot sum = {};

	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++) {
		const struct sl_hot *h = &b->hot[cpu * SL_DEF_ACCOUNTS + account];

		sum.packets += h->packets;
		sum.bytes += h->bytes;
		sum.messages += h->messages;
		sum.connections += h->connections;
	}
	return sum;
}

#endif /* TEST_BED_H */
