// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The bench's configuration, planned and put in force as the daemon does it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "sluice.skel.h"
#include "common/cleanup.h"
#include "dataplane/sync.h"
#include "plan/plan.h"
#include "plan/ring.h"
#include "frame.h"
#include "world.h"
#include "world_parts.h"
#include "tests/perf/harness.skel.h"

#define INSTANCES     4 /* of each service */
#define TCP_PUSH_ACK  0x18
#define CID_LEN	      8
#define LONG_BURST_NS (3600ull * 1000000000) /* of devices: one alone sends millions a second */

/* clang-format off */
static const struct model_capacity capacity = {
	.services = 64,
	.instances = 256,
	.tenants = 131072,
	.accounts = 524288,
	.prefixes = 131072,
	.slots = 65536,
	.pins = 2097152,
	.half_open = 2 * WORLD_FRESH_MOST,
	.exchanges = 1048576,
	.device_lines = SL_DEF_DEVICE_LINES,
	.tallies = 524288,
};
/* clang-format on */

uint16_t world_instance(enum world_service s, int i)
{
	return 1 + s * INSTANCES + i;
}

static struct sl_addr instance_addr(enum world_service s, int i)
{
	struct sl_addr a = addr_of(world_services[s].v6 ? "2001:db8:1::" : "10.255.0.0");

	a.w[3] |= htonl(world_instance(s, i));
	return a;
}

static uint16_t service_port(enum world_service s)
{
	return 1000 + s;
}

static const char *service_vip(enum world_service s)
{
	return world_services[s].v6 ? "2001:db8::10" : "203.0.113.10";
}

static uint8_t service_proto(enum world_service s)
{
	return world_services[s].protocol == SL_P_MQTT ? IPPROTO_TCP : IPPROTO_UDP;
}

/* -- the model -- */

static int make_model(struct model *m)
{
	m->services = calloc(W__SERVICES, sizeof(*m->services));
	m->tenants = calloc(WORLD_TENANTS + 1, sizeof(*m->tenants));
	if (!m->services || !m->tenants)
		return -ENOMEM;
	m->n_services = W__SERVICES;
	m->n_tenants = WORLD_TENANTS + 1;
	for (int i = 0; i < W__SERVICES; i++) {
		struct model_service *s = &m->services[i];

		snprintf(s->name, sizeof(s->name), "s%d", i);
		s->addr = addr_of(service_vip(i));
		s->port = service_port(i);
		s->protocol = world_services[i].protocol;
		s->track = world_services[i].track;
		s->front = i;
		s->keep_s = WORLD_KEEP_S;
		s->half_open_max = world_services[i].full ? 0 : 1048576; /* of exchanges, too */
		s->device_key = world_services[i].device_key;
		s->cid.layout = world_services[i].cid;
		s->cid.length = world_services[i].cid ? CID_LEN : 0;
		s->cid.server_id_length[0] = world_services[i].cid ? 1 : 0;
		s->cid.tenant_at = 8;
		s->cid.tenant_bits = world_services[i].cid && world_services[i].content ? 8 : 0;
		if (!world_services[i].many)
			strcpy(s->tenant, "solo");
	}
	m->services[W_COAP_POOL].front = W_COAP_ROUTE;
	strcpy(m->services[W_COAP_POOL].pool_of, m->services[W_COAP_ROUTE].name);
	for (uint32_t i = 0; i < WORLD_TENANTS; i++) {
		struct model_tenant *t = &m->tenants[i];

		snprintf(t->name, sizeof(t->name), "t%u", i);
		t->sources = calloc(1, sizeof(*t->sources));
		if (!t->sources)
			return -ENOMEM;
		t->n_sources = 1;
		t->sources[0].addr = addr_of("::ffff:0.0.0.0");
		t->sources[0].addr.w[3] = htonl(world_tenant_prefix(i));
		t->sources[0].len = 96 + 24;
	}
	strcpy(m->tenants[WORLD_TENANTS].name, "solo");
	return 0;
}

static int next_account(void *arg, const char *tenant, const char *service, uint32_t *ret)
{
	uint32_t *last = arg;

	(void)tenant;
	(void)service;
	*ret = ++*last;
	return 0;
}

/* What refuses is a quota of bytes, so that a tenant's bucket that is used up there
 * says nothing to its other services.
 */
static struct model_quota quota_of(double rate, uint64_t burst_ns)
{
	struct model_quota q = { .burst_ns = burst_ns };

	if (rate == WORLD_NEVER) {
		q.rate[SL_Q_BYTES] = rate;
		q.burst_ns = 0;
		return q;
	}
	q.rate[SL_Q_PACKETS] = rate;
	q.rate[SL_Q_MESSAGES] = rate;
	return q;
}

/* Quotas are a tenant's; the bench has one for each service. */
static void set_quotas(struct plan *p, uint64_t tick_ns)
{
	for (size_t i = 0; i < p->n_accounts; i++) {
		enum world_service s = p->accounts[i].key.service - 1;
		struct model_tenant t = {
			.quota = quota_of(world_services[s].tenant, 100000000),
			.device_quota = quota_of(world_services[s].device, LONG_BURST_NS),
			.top_table = world_services[s].top,
			.classes = world_classes,
			.n_classes = world_services[s].classes ? WORLD_CLASSES : 0,
		};

		plan_quota(&t, tick_ns, &p->accounts[i].value);
	}
}

static int make_plan(uint64_t tick_ns, struct plan **ret)
{
	sl_cleanup(model_freep) struct model *m = calloc(1, sizeof(*m));
	sl_autofree uint32_t *tenants = calloc(WORLD_TENANTS + 1, sizeof(*tenants));
	uint16_t ids[W__SERVICES];
	uint32_t account = 0;
	struct plan_ids plan_ids = {
		.service = ids, .tenant = tenants, .account = next_account, .arg = &account
	};
	int err;

	if (!m || !tenants)
		return -ENOMEM;
	for (uint32_t i = 0; i <= WORLD_TENANTS; i++)
		tenants[i] = i + 1;
	for (int i = 0; i < W__SERVICES; i++)
		ids[i] = i + 1;
	err = make_model(m);
	if (!err)
		err = plan_build(m, &plan_ids, tick_ns, ret);
	if (!err)
		err = world_content(&tenants[WORLD_TENANTS], ids, *ret);
	if (!err)
		err = world_classes_of(&tenants[WORLD_TENANTS], tick_ns, &(*ret)->classes);
	if (!err)
		set_quotas(*ret, tick_ns);
	return err;
}

/* -- rings and instances -- */

static int make_ring(struct world *w, enum world_service s, struct plan_service *service)
{
	uint32_t size = ring_size_for(INSTANCES), now_s = world_now_s();
	struct ring_member members[INSTANCES];
	sl_autofree uint16_t *table = calloc(size, sizeof(*table));
	int err;

	if (!table)
		return -ENOMEM;
	for (int i = 0; i < INSTANCES; i++)
		members[i] = (struct ring_member){ .id = world_instance(s, i),
						   .weight = 100,
						   .hash = 0x9e3779b97f4a7c15ull * (i + 1) };
	err = maglev_fill(members, INSTANCES, table, size);
	if (err)
		return err;
	service->value.ring_first = s * size;
	service->value.ring_size = size;
	service->value.flags |= world_services[s].outliers ? SL_SVC_OUTLIERS : 0;
	service->value.flags |= world_services[s].latency ? SL_SVC_LATENCY : 0;
	service->value.flags |= world_services[s].content ? SL_SVC_CONTENT | SL_SVC_IDENTIFY : 0;
	service->value.flags |= world_services[s].classes ? SL_SVC_CONTENT : 0;
	service->value.echo_s = world_services[s].echo ? 86400 : 0;
	service->value.responses = world_services[s].responses;
	service->value.flags |= s == W_COAP_ROUTE ? SL_SVC_CONTENT | SL_SVC_ROUTES : 0;
	w->dp->service_states[s + 1].unsettled = world_services[s].moving_s ? SL_U_SLOTS : 0;
	if (s == W_COAP_POOL)
		w->dp->service_states[s + 1].unsettled = SL_U_POOL;
	w->dp->service_states[s + 1].watch = world_services[s].outliers ? SL_W_OUTLIERS : 0;
	if (world_services[s].track)
		w->dp->service_states[s + 1].watch = SL_W_TRACK;
	if (world_services[s].latency)
		w->dp->service_states[s + 1].watch = 1 << (SL_W_LATENCY_SHIFT + SL_L_COAP);
	for (uint32_t i = 0; i < size; i++) {
		struct sl_slot slot = { .cur = table[i] };

		if (world_services[s].moving_s)
			slot = (struct sl_slot){ .cur = world_instance(s, 0),
						 .prev = world_instance(s, 1),
						 .deadline = now_s + WORLD_KEEP_S -
							     world_services[s].moving_s };
		w->dp->slots[s * size + i] = slot;
	}
	return 0;
}

/* Its server id is its number from 1 on. */
static int name_by_cid(struct world *w, enum world_service s, int i)
{
	struct sl_cid_key key = { .server_id = i + 1, .service = s + 1 };
	uint32_t id = world_instance(s, i);

	return bpf_map_update_elem(w->dp->cids_fd, &key, &id, BPF_ANY);
}

static int make_instances(struct world *w, enum world_service s, const struct sl_service_key *key)
{
	struct sl_hop hop = {
		.dmac = { 2, 0, 0, 0, 1, 7 },
		.smac = { 2, 0, 0, 0, 1, 8 },
		.ifindex = w->instance_ifindex,
		.mtu = 1500,
	};
	int err = 0;

	for (int i = 0; i < INSTANCES && !err; i++) {
		struct sl_instance v = { .addr = instance_addr(s, i),
					 .port = htons(5000),
					 .service = s + 1,
					 .generation = 1,
					 .hops = { hop } };

		if (world_services[s].gone && i)
			v.flags = SL_I_DOWN | SL_I_RESET;
		sync_deltas(&key->addr, key->port, &v.addr, v.port, &v.l3_delta, &v.l4_delta);
		err = sync_instance_write(w->dp, world_instance(s, i), &v, key,
					  s == W_COAP_POOL ? W_COAP_ROUTE + 1 : 0);
		if (!err && world_services[s].cid)
			err = name_by_cid(w, s, i);
	}
	return err;
}

static int fill(struct world *w, struct dataplane_error *reterr)
{
	struct bpf_devmap_val target = { .ifindex = w->device_ifindex, .bpf_prog.fd = -1 };
	struct plan *plan = NULL;
	int err = make_plan(w->dp->tick_ns, &plan);
	bool stale;

	for (int i = 0; i < SL_HASH_WORDS; i++) {
		w->dp->control->flow_key[i] = 0x9e3779b97f4a7c15ull * (2 * i + 1);
		w->dp->control->device_key[i] = 0xc2b2ae3d27d4eb4full * (2 * i + 1);
	}
	for (int s = 0; s < W__SERVICES && !err; s++) {
		err = make_ring(w, s, &plan->services[s]);
		if (!err)
			err = make_instances(
				w, s, &plan->services[s == W_COAP_POOL ? W_COAP_ROUTE : s].key);
	}
	if (!err)
		err = sync_plan(w->dp, plan, NULL, NULL, &stale, reterr);
	if (!err)
		err = bpf_map_update_elem(w->dp->targets_fd, &target.ifindex, &target, BPF_ANY);
	plan_free(plan);
	return err;
}

/* -- the harness -- */

static int add_target(struct world *w, uint32_t at, int fd)
{
	return bpf_map_update_elem(bpf_map__fd(w->harness->maps.perf_targets), &at, &fd, BPF_ANY);
}

static int open_harness(struct world *w)
{
	uint8_t key[20] = { 1, 2, 3 };
	uint64_t value = 1;
	int err;

	w->harness = harness_bpf__open_and_load();
	if (!w->harness)
		return -errno;
	w->flows = mmap(NULL, PERF_FLOWS * sizeof(*w->flows), PROT_READ | PROT_WRITE, MAP_SHARED,
			bpf_map__fd(w->harness->maps.perf_flows), 0);
	if (w->flows == MAP_FAILED)
		return -errno;
	err = bpf_map_update_elem(bpf_map__fd(w->harness->maps.perf_hash), key, &value, BPF_ANY);
	if (!err)
		err = add_target(w, PERF_NOTHING,
				 bpf_program__fd(w->harness->progs.target_nothing));
	if (!err)
		err = add_target(w, PERF_YARDSTICK,
				 bpf_program__fd(w->harness->progs.target_lookup));
	return err;
}

int world_target(struct world *w, enum perf_target at, int prog_fd)
{
	return add_target(w, at, prog_fd);
}

int world_open(struct world *w, struct dataplane_error *reterr)
{
	struct dataplane_opts opts = { .pin_root = "/sys/fs/bpf/bench", .capacity = capacity };
	int err = world_network(w, reterr);

	if (!err)
		err = dataplane_open(&opts, &w->dp, reterr);
	if (!err)
		err = open_harness(w);
	if (!err)
		err = fill(w, reterr);
	if (!err)
		err = world_flows(w);
	if (!err)
		err = world_pins_always(w);
	if (!err)
		err = world_streams(w);
	if (!err)
		err = world_proven(w);
	if (!err)
		err = world_target(w, PERF_A, bpf_program__fd(w->dp->skel->progs.sl_xdp));
	if (err && !reterr->text[0])
		snprintf(reterr->text, sizeof(reterr->text), "setting up: %s", strerror(-err));
	return err;
}

void world_close(struct world *w)
{
	if (w->flows && w->flows != MAP_FAILED)
		munmap(w->flows, PERF_FLOWS * sizeof(*w->flows));
	harness_bpf__destroy(w->harness);
	dataplane_close(w->dp);
}

void world_frame(enum world_service s, enum perf_way way, const struct world_message *m,
		 struct frame *ret)
{
	const char *device = world_services[s].v6 ? "2001:db8:5::" : "0.0.0.0";
	char instance[INET6_ADDRSTRLEN];
	struct sl_addr a = instance_addr(s, 0);
	struct path p = {
		.src = device, .sport = 0, .dst = service_vip(s), .dport = service_port(s)
	};

	if (way == PERF_TO_DEVICE4) {
		inet_ntop(AF_INET, &a.w[3], instance, sizeof(instance));
		p = (struct path){ .src = instance, .sport = 5000, .dst = device, .dport = 0 };
	}
	*ret = service_proto(s) == IPPROTO_UDP
		       ? frame_udp(&p, m->payload, m->len)
		       : frame_tcp(&p, m->tcp_flags ?: TCP_PUSH_ACK, m->payload, m->len);
	if (ret->len < PERF_BYTES) /* as Ethernet pads; the harness writes as many */
		frame_put(ret, NULL, PERF_BYTES - ret->len);
}
