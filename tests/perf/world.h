/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the packet bench runs in: namespaces of its own, a data plane in them as
 * the daemon would make it (planned and synced by the same code), and sequences
 * of flows.
 */
#ifndef PERF_WORLD_H
#define PERF_WORLD_H

#include "dataplane/dataplane.h"
#include "harness.h"

#define WORLD_TENANTS 100000 /* each with a /24; the tenant of the other services is one more */
#define WORLD_FLOWS   1048576

/* Services at one address, on ports 1000 and up, by what is measured with them. */
enum world_service {
	W_COAP,
	W_COAP_DEVICE, /* and each device has a quota */
	W_COAP6,
	W_COAP_MANY, /* of 100,000 tenants, told apart by source */
	W_COAP_MANY_DEVICE,
	W_MQTT,
	W_MQTT_DEVICE,
	W_MQTT_MANY,
	W_REFUSED,	  /* the tenant's quota is used up */
	W_REFUSED_DEVICE, /* the same, asked after a device quota that is not */
	W_DEVICE_REFUSED, /* every device's quota is used up */
	W_REFUSED_MANY,
	W_PINS, /* MQTT; all slots are in transition, and all flows but new ones have pins */
	W__SERVICES
};

/* Sequences of flows, as they follow one another. */
enum world_sequence {
	W_SEQ_1,
	W_SEQ_64K, /* 65,536 flows of as many devices, in random order */
	W_SEQ_1M,
	W_SEQ_UNIFORM, /* 1,048,576 flows, of one of 100,000 tenants each */
	W_SEQ_ZIPF,    /* the same, tenants by Zipf's law with exponent 1.1 */
	W__SEQUENCES
};

struct world {
	struct dataplane *dp;
	struct harness_bpf *harness;
	struct perf_flow *flows;
	uint32_t first[W__SEQUENCES], count[W__SEQUENCES];
	int device_ifindex, instance_ifindex;
};

int world_open(struct world *w, struct dataplane_error *reterr);
void world_close(struct world *w);

/* Only how many flows each sequence has; world_open() does it, too. */
void world_counts(struct world *w);

/* Let a target be this program. PERF_A is the data plane's from the start. */
int world_target(struct world *w, enum perf_target at, int prog_fd);

/* New flows are those of W_SEQ_1 with some bits of the turn added to the address:
 * remove the pins of @n of them from turn @first on.
 */
#define WORLD_FRESH 0xffffffu
int world_drop_new_pins(struct world *w, uint16_t service, uint32_t first, uint32_t n);

/* The frame of a service without the device's address and port: to the service,
 * or an instance's answer.
 */
struct frame;
void world_frame(enum world_service s, enum perf_way way, const void *payload, size_t len,
		 struct frame *ret);

#endif /* PERF_WORLD_H */
