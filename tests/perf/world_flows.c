// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sequences of flows, and the network around them. */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include "common/cleanup.h"
#include "world.h"
#include "world_parts.h"
#include "zipf.h"

#define FLOW_NET   0x64400000u /* 100.64.0.0/10 */
#define TENANT_NET 0x10000000u /* 16.0.0.0, a /24 each from there */
#define LONE_PORT  62000       /* others are below */
#define ZIPF	   1.1

uint32_t world_now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

/* -- sequences: the same in every run -- */

static uint64_t draw(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

uint32_t world_tenant_prefix(uint32_t tenant)
{
	return TENANT_NET + (tenant << 8);
}

struct perf_flow world_flow(uint32_t i)
{
	return (struct perf_flow){ .addr = FLOW_NET + i, .port = 1024 + i * 7919u % 60000 };
}

static void shuffle(struct perf_flow *flows, uint32_t n, uint64_t *rng)
{
	for (uint32_t i = n - 1; i > 0; i--) {
		uint32_t k = draw(rng) % (i + 1);
		struct perf_flow keep = flows[i];

		flows[i] = flows[k];
		flows[k] = keep;
	}
}

static int many_tenants(struct perf_flow *flows, uint32_t n, double exponent, uint64_t *rng)
{
	sl_autofree double *below = calloc(WORLD_TENANTS, sizeof(*below));

	if (!below)
		return -ENOMEM;
	zipf_fill(below, WORLD_TENANTS, exponent);
	for (uint32_t i = 0; i < n; i++) {
		double share = (double)(draw(rng) >> 11) / (double)(1ull << 53);
		/* Large tenants are anywhere, not at the table's start. */
		uint32_t tenant =
			(uint64_t)zipf_at(below, WORLD_TENANTS, share) * 38629 % WORLD_TENANTS;

		flows[i] = (struct perf_flow){
			.addr = world_tenant_prefix(tenant) + draw(rng) % 256,
			.port = 1024 + draw(rng) % 60000,
		};
	}
	return 0;
}

void world_counts(struct world *w)
{
	static const uint32_t count[] = {
		[W_SEQ_1] = 1,
		[W_SEQ_64K] = 65536,
		[W_SEQ_1M] = WORLD_FLOWS,
		[W_SEQ_UNIFORM] = WORLD_FLOWS,
		[W_SEQ_ZIPF] = WORLD_FLOWS,
	};

	memcpy(w->count, count, sizeof(count));
}

int world_flows(struct world *w)
{
	const uint32_t *count = w->count;
	uint32_t next = 0;
	uint64_t rng = 1;
	int err = 0;

	world_counts(w);
	for (int s = 0; s < W__SEQUENCES && !err; s++) {
		struct perf_flow *flows = w->flows + next;

		w->first[s] = next;
		next += count[s];
		if (s == W_SEQ_UNIFORM || s == W_SEQ_ZIPF) {
			err = many_tenants(flows, count[s], s == W_SEQ_ZIPF ? ZIPF : 0, &rng);
			continue;
		}
		for (uint32_t i = 0; i < count[s]; i++)
			flows[i] = world_flow(i);
		if (s == W_SEQ_1) /* no turn of it added makes it another sequence's */
			flows[0].port = LONE_PORT;
		shuffle(flows, count[s], &rng);
	}
	return err;
}

/* -- namespaces -- */

static const char *const commands[] = {
	"ip link set lo up",
	"ip link add dev0 type veth peer name dev1",
	"ip link add inst0 type veth peer name inst1",
	"ip link set dev0 up && ip link set dev1 up && ip link set inst0 up && ip link set inst1 "
	"up",
	"echo 1 >/proc/sys/net/ipv4/ip_forward",
	"ip addr add 198.51.100.254/24 dev dev0",
	"ip neigh add 198.51.100.1 lladdr 02:00:00:00:05:01 dev dev0 nud permanent",
	"ip route add default via 198.51.100.1",
};

int world_network(struct world *w, struct dataplane_error *reterr)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL)) {
		snprintf(reterr->text, sizeof(reterr->text),
			 "namespaces of its own: %s; needs root", strerror(errno));
		return -EPERM;
	}
	for (size_t i = 0; i < SL_ARRAY_SIZE(commands); i++) {
		if (!system(commands[i]))
			continue;
		snprintf(reterr->text, sizeof(reterr->text), "failed: %s", commands[i]);
		return -EIO;
	}
	w->device_ifindex = if_nametoindex("dev0");
	w->instance_ifindex = if_nametoindex("inst0");
	return 0;
}
