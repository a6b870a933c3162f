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
	W_PINS,	    /* MQTT; all slots are in transition, and all flows but new ones have pins */
	W_COAP_TOP, /* its heaviest devices are counted */
	W_REFUSED_TOP,
	W_COAP_OUTLIERS, /* what instances are asked and answer is counted */
	W_COAP_LATENCY,	 /* and how long that takes */
	W_COAP_CONTENT,	 /* who it is, and whether it may use the path, is looked for in messages */
	W_MQTT_STREAM,	 /* tracked; 65,536 connections are in the table */
	W_COAP_ECHO,	 /* sources are asked to prove themselves */
	W_COAP_PROVEN,	 /* the same, and the one flow has */
	W_COAP_STATIC,	 /* the tenant has a response */
	W_COAP_ROUTE,	 /* its requests are those of */
	W_COAP_POOL,	 /* this pool; and who has sent what devices answer is remembered */
	W_DTLS,		 /* by address */
	W_DTLS_FIRST,	 /* by connection id: its first byte */
	W_DTLS_QUIC,	 /* likewise, QUIC-LB */
	W_DTLS_TENANT,	 /* the first of these, and its second byte says whose it is */
	W_DTLS_PINS,	 /* in transition; 65,536 flows have pins */
	W_MQTTSN,
	W_COAP_MOVING,	    /* in transition for long; no pins */
	W_COAP_PINS,	    /* the same, and 65,536 flows have pins */
	W_COAP_EXCHANGES,   /* the same; they have exchanges, of both sides */
	W_RESET,	    /* MQTT; the instance is gone, by RST */
	W_REFUSED_ENDPOINT, /* every device's quota is used up, a device being an endpoint, */
	W_REFUSED_CID,	    /* or a connection id */
	W_MQTT_PAST,	    /* past the deadline; no pins */
	W_COAP_PAST,
	W_COAP_FULL, /* in transition for long, and without a budget */
	W_DTLS_FULL,
	W_DTLS_MOVING,	 /* in transition for long; no pins */
	W_DTLS_EARLY,	 /* only just; no pins */
	W_COAP_TRANSFER, /* in transition; 65,536 flows have pins, for a block-wise transfer, */
	W_CLOSING,	 /* or, of MQTT, that are closing, */
	W_HALF_OPEN,	 /* or half-open */
	W_MQTTSN_HALF,	 /* the same of MQTT-SN */
	W_COAP_CLASS,	 /* messages have a quota of their class, */
	W_MQTT_CLASS,	 /* and here they are looked into for that alone */
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

/* New flows are those of W_SEQ_1 with some bits of the turn added to the address. */
#define WORLD_FRESH	 0xffffffu
#define WORLD_FEW	 65536	    /* of the flows */
#define WORLD_FRESH_MOST (1u << 18) /* that there is room for what they make */
#define WORLD_MID	 0x1234	    /* of all CoAP messages */

/* What each new flow's packet makes. */
enum world_makes {
	MAKES_NOTHING,
	MAKES_PINS,
	MAKES_OF_HALF_OPEN, /* the same, of a half-open one */
	MAKES_HALF_OPEN,
	MAKES_EXCHANGES,
};

/* For a service whose pins or exchanges are not there at all times: for the flow of
 * W_SEQ_1 and @n others, or the first @n new ones.
 */
struct world_flows_of {
	enum world_service service;
	uint32_t n;
	bool fresh;
	enum world_makes makes;
};
int world_prepare(struct world *w, const struct world_flows_of *of);

/* Remove them, and what was made: -ENOENT if not every flow has made it. */
int world_tidy(struct world *w, const struct world_flows_of *of);

/* The frame of a service without the device's address and port: to the service,
 * or an instance's answer.
 */
struct frame;
struct world_message {
	const void *payload;
	size_t len;
	uint8_t tcp_flags; /* 0: ACK and PSH */
};
void world_frame(enum world_service s, enum perf_way way, const struct world_message *m,
		 struct frame *ret);

#endif /* PERF_WORLD_H */
