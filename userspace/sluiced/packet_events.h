/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sampled packets from the ring buffer: events of type "packet"; and those that somebody
 * traces.
 */
#ifndef SL_PACKET_EVENTS_H
#define SL_PACKET_EVENTS_H

#include "daemon.h"

#define PACKET_EVENTS_PER_S 100 /* what is more is counted, and told once a second */

/* So long packets are traced without being asked again: for a daemon that is gone. */
#define TRACE_LEASE_S 3

/* What one who traces wants. */
struct trace_ask {
	char tenant[SL_NAME_LEN], service[SL_NAME_LEN]; /* "": any */
	uint16_t reason;				/* SL_TRACE_ANY: any */
	uint32_t rate;					/* packets a second and CPU */
	uint32_t sample; /* a power of two: one in so many of those that are asked for */
	bool payload;
};

struct trace_sums {
	uint64_t matched, capped, lost;
};

typedef void (*trace_fn)(void *arg, const struct sl_trace *t);

int packet_events_open(struct daemon *d, struct packet_events **ret);
void packet_events_close(struct packet_events *p);

/* Put the sampling in force that the configuration wants, and whoever traces. A trace of
 * a daemon that died ends here.
 */
void packet_events_sampling(struct daemon *d);

/* Hand traced packets to @fn from now on. @ask is looked at until it is replaced; NULL:
 * nobody traces, and no packet is told any more. Sums begin at 0.
 */
void packet_events_trace(struct packet_events *p, const struct trace_ask *ask, trace_fn fn,
			 void *arg);
/* For another TRACE_LEASE_S. */
void packet_events_renew(struct packet_events *p);
struct trace_sums packet_events_sums(const struct packet_events *p);

#endif /* SL_PACKET_EVENTS_H */
