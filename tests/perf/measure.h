/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One case of the packet bench: what is sent, and how long it takes. */
#ifndef PERF_MEASURE_H
#define PERF_MEASURE_H

#include "frame.h"
#include "payload.h"
#include "world.h"

#define MEASURE_ROUNDS 63

struct measure_case {
	const char *name;
	enum world_service service;
	enum perf_way way;
	enum world_sequence flows;
	enum sl_reason why; /* with which every packet has to leave */
	__u8 row;	    /* by which every packet is decided, enum affinity_row; 0: not asked */
	bool fresh;	    /* a new flow each packet */
	bool foreign;	    /* to an address that is nobody's here */
	bool shrinks;	    /* the program answers with a frame of another length */
	bool device_quota;
	enum perf_payload payload;
	__u8 tcp_flags;		/* 0: of data */
	enum world_makes makes; /* one of its own each packet */
	bool apart; /* after all others: leaves devices behind that are taken for others */
};

static inline bool measure_makes(const struct measure_case *c)
{
	return c->makes != MAKES_NOTHING;
}

struct measure_error {
	char text[256];
};

/* Nanoseconds of CPU time that a packet of @c takes in @target, and in the harness
 * alone, which is to be subtracted. Fails if not every packet left under c->why.
 */
struct measure_result {
	double whole, harness;
};
int measure(struct world *w, const struct measure_case *c, enum perf_target target,
	    uint32_t repeats, struct measure_result *ret, struct measure_error *reterr);

/* The same of one look-up in a hash, by which machines are compared. */
int measure_yardstick(struct world *w, uint32_t repeats, double *ret, struct measure_error *reterr);

/* Let each flow of @c come by once, unmeasured: what quota has to be used up, is. */
int measure_prime(struct world *w, const struct measure_case *c, struct measure_error *reterr);

double measure_median(const double *values, int n);

#endif /* PERF_MEASURE_H */
