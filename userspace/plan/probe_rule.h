/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* When probes change an instance's health, and when the next one is due. Pure:
 * the caller owns time and randomness.
 */
#ifndef SL_PROBE_RULE_H
#define SL_PROBE_RULE_H

#include <stdbool.h>
#include <stdint.h>

enum probe_verdict {
	PROBE_VERDICT_NONE, /* as a view: nothing is known; as a result: no change */
	PROBE_VERDICT_UP,
	PROBE_VERDICT_DOWN,
};

/* In a row; one of the two is always 0. */
struct probe_counts {
	uint32_t ok, failed;
};

/* Count one probe's result and say whether it changes @view: @fall failures in
 * a row take down what is up or unknown, @rise answers bring back what is down.
 * What is unknown is up with its first answer: it is treated as up anyhow.
 */
enum probe_verdict probe_rule_count(struct probe_counts *c, bool ok, enum probe_verdict view,
				    uint32_t rise, uint32_t fall);

/* A state of splitmix64, stepped by each call; any value is a fine seed. */
uint64_t probe_rule_random(uint64_t *rng);

enum probe_pace {
	PROBE_PACE_NORMAL,
	PROBE_PACE_UNDECIDED, /* before the first verdict */
	PROBE_PACE_REFUSED,   /* the last one was, but not yet enough in a row for evidence */
};

/* From the start of one probe to the start of the next: @interval_ns give or
 * take a sixteenth, so that probes that began together drift apart. Undecided it
 * is at most PROBE_RULE_FIRST_NS; after a refusal, which costs nobody anything to
 * ask for again, an eighth, but PROBE_RULE_REFUSED_NS at least.
 */
#define PROBE_RULE_FIRST_NS   500000000ull
#define PROBE_RULE_REFUSED_NS 100000000ull
uint64_t probe_rule_delay(uint64_t *rng, uint64_t interval_ns, enum probe_pace pace);

/* When a new target is probed first: at once if it is alone, and spread evenly
 * over the interval at most where there are many.
 */
#define PROBE_RULE_SPACING_NS 2000000ull
uint64_t probe_rule_stagger(uint64_t *rng, uint64_t interval_ns, uint32_t targets);

#endif /* SL_PROBE_RULE_H */
