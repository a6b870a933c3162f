/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The world of tests/unit/test_pins_model.c: events in time, and what devices,
 * instances, the packet path (pins_kernel.h) and the daemon (pins_daemon.h) know.
 * One rule can be broken.
 */
#ifndef SL_PINS_WORLD_H
#define SL_PINS_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include "lib/affinity.h"
#include "plan/ring.h"

#define MAX_SLOTS     2048u
#define MAX_INSTANCES 256
#define EPOCH_S	      100000u /* the kernel's clock when the model starts */
#define TICK_S	      0.004   /* the packets' clock lags by up to this */

/* Rules to be broken: a row of the table, or one that is no row. */
enum rule {
	RULE_NONE,
	RULE_ROW,		/* struct scenario says which, and what it does instead */
	RULE_CID,		/* a connection id comes before pins */
	RULE_EXCHANGE,		/* a remembered Message-ID comes before pins */
	RULE_EVIDENCE,		/* what instances send teaches */
	RULE_PIN_PAST_DEADLINE, /* a pin is followed after the deadline */
	RULE_PREV_STAYS,	/* an update of a slot in transition leaves prev alone */
	RULE_BACK_IS_CHANGE,	/* and does not end it when cur becomes prev again */
	RULE_KEEP,		/* keep is longer than the longest gap */
	RULE_SETTLE_UNPINNED,	/* no slot settles with pins left */
	RULE_SETTLE_EXCHANGES,	/* nor with exchanges left */
	RULE_SWEEP_AFTER,	/* pins that name cur stay until the deadline */
	RULE_SWEEP_LASTING,	/* exchanges stay for longer than requests are repeated */
	RULE_GROW_STATE,	/* a doubled ring takes over transitions */
	RULE_ID_IN_USE,		/* an id is not given away while a slot or pin names it */
	RULE_ID_SINCE_SWEEP,	/* or one has since the sweep began */
	RULE_PROLONG,		/* a pin that cannot be made prolongs the transition */
	RULE__MAX
};

struct world;

/* What devices do; a flow is a connection, a session, or one thing of CoAP's. */
struct protocol {
	const char *name;
	uint32_t n_flows, per_endpoint;
	bool is_tcp, oneway;
	void (*open)(struct world *w, uint32_t flow);
	void (*step)(struct world *w, uint32_t flow);
	void (*flood)(struct world *w, uint32_t endpoint); /* one packet of nobody's */
};

struct scenario {
	const char *name;
	const struct protocol *protocol;
	double gap, update_every; /* s; the gap is the longest, updates are a mean */
	uint32_t keep_s;
	uint32_t pins, budget; /* how many there may be; 0: any number */
	double flood_every;    /* s, a mean; 0: none */
	enum rule broken;
	enum affinity_row row; /* of RULE_ROW */
	enum affinity_go go;
	enum pin_action act;
};

enum event_kind {
	EV_OPEN,
	EV_STEP,
	EV_UPDATE,
	EV_SWEEP,
	EV_SETTLE,
	EV_POLL,
	EV_RESTART,
	EV_FLOOD,
	EV_REPLY, /* of a connection's instance; its evidence is added to this */
};

struct event {
	double t;
	uint32_t n; /* ties: first come */
	int kind;   /* enum event_kind */
	uint32_t flow;
};

/* An entry of sl_exchanges. */
struct exchange {
	uint16_t mid;
	bool by_server;
	struct sl_exchange x;
};

/* What the kernel's maps hold by one key. */
struct pins {
	bool has_half, has_full;
	struct sl_pin half, full;
};

/* One address and port. */
struct endpoint {
	uint32_t hash;
	struct pins pins[2]; /* [1]: of its block-wise transfer */
	struct exchange *exchanges;
	uint32_t n_exchanges, cap_exchanges;
	uint32_t unanswered; /* CoAP: of NSTART 1 (RFC 7252 4.7), but for what goes on */
	double ended;	     /* its device has, politely, and says nothing any more; 0: no */
};

/* An id is used again; a serial is not. */
struct who {
	uint16_t id;
	uint32_t serial;
};

struct flow {
	uint32_t endpoint;
	int state;	/* the protocol's */
	struct who who; /* the instance that must get what follows */
	double end, answered;
	int lives;	       /* connections after this one */
	uint32_t untold_until; /* nobody remembers its opener: prev has it until then */
	int again;	       /* repetitions made or left */
	bool forged;	       /* somebody else has just ended it in its name */
	bool by_cid;	       /* DTLS */
	uint16_t mid, own_mid; /* CoAP: of the device's request, of the server's own */
	bool con, separate;
	int left; /* CoAP: blocks, notifications */
};

struct world {
	const struct scenario *sc;
	uint64_t seed;
	double t;
	struct event *heap;
	size_t n_events, cap_events;
	uint32_t events_made;
	struct flow *flows;
	struct endpoint *endpoints;
	uint32_t n_endpoints, n_real; /* those behind the real ones are nobody's */
	uint32_t n_half, n_full, n_exchanges, failures;
	uint16_t mids;

	struct sl_slot *slots;
	uint32_t size;
	uint16_t generation[MAX_INSTANCES];
	uint32_t serial[MAX_INSTANCES]; /* 0: free */
	double left_at[MAX_INSTANCES];	/* when it began to drain; 0: it does not */
	uint32_t serials;
	struct ring_member members[MAX_INSTANCES];
	size_t n_members;

	/* the daemon's memory */
	double down_until;
	uint32_t failures_seen;
	uint64_t pinned[MAX_SLOTS / 64];
	uint32_t pins_of[MAX_INSTANCES];
	struct ring_uses sweep_uses[MAX_INSTANCES]; /* when the sweep began */
	uint32_t sweep_since_s, sweep_size;	    /* size 0: no sweep is under way */

	/* what is told; moved and held must stay 0: a flow that went to another
	 * instance, a device or pin that held a drain up
	 */
	uint64_t packets, messages, moved, held, looked_up;
	uint64_t prolonged, doubled, settled, reused, over_budget, torn, floods;
	uint64_t rows[AFF__MAX];
};

static uint64_t rnd(struct world *w)
{
	uint64_t z = w->seed += 0x9e3779b97f4a7c15ull; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static double uniform(struct world *w, double from, double to)
{
	return from + (to - from) * (rnd(w) >> 11) * 0x1p-53;
}

static bool one_in(struct world *w, uint32_t n)
{
	return rnd(w) % n == 0;
}

static bool keeps(const struct world *w, enum rule rule)
{
	return w->sc->broken != rule;
}

static uint32_t clock_s(double t)
{
	return EPOCH_S + (uint32_t)t;
}

/* -- events, a binary heap -- */

static bool event_before(const struct event *a, const struct event *b)
{
	return a->t < b->t || (a->t == b->t && a->n < b->n);
}

static void at(struct world *w, double t, int kind, uint32_t flow)
{
	struct event e = { .t = t, .n = w->events_made++, .kind = kind, .flow = flow };
	size_t i = w->n_events++;

	if (w->n_events > w->cap_events) {
		w->cap_events = 2 * w->n_events;
		w->heap = realloc(w->heap, w->cap_events * sizeof(*w->heap));
		if (!w->heap)
			abort();
	}
	for (; i && event_before(&e, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = e;
}

static struct event next_event(struct world *w)
{
	struct event first = w->heap[0], e = w->heap[--w->n_events];
	size_t i = 0;

	for (size_t c = 1; c < w->n_events; c = 2 * i + 1) {
		if (c + 1 < w->n_events && event_before(&w->heap[c + 1], &w->heap[c]))
			c++;
		if (!event_before(&w->heap[c], &e))
			break;
		w->heap[i] = w->heap[c];
		i = c;
	}
	w->heap[i] = e;
	return first;
}

/* The flow goes on @state after a time from @from to @to. */
static void later(struct world *w, uint32_t flow, int state, double from, double to)
{
	w->flows[flow].state = state;
	at(w, w->t + uniform(w, from, to), EV_STEP, flow);
}

#endif /* SL_PINS_WORLD_H */
