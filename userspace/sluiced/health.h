/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What probes know of an instance, for API, metrics and command line. The rest
 * of health's interface is in daemon.h.
 */
#ifndef SL_HEALTH_H
#define SL_HEALTH_H

#include <stdbool.h>
#include <stdint.h>
#include "probe.h"
#include "registry.h"

struct health_info {
	const char *state;	 /* "up", "down", "unknown"; static */
	const char *probe;	 /* "tcp", "mqtt", "coap", "none"; static */
	char why[PROBE_WHY_MAX]; /* the last probe's evidence; "" before it */
	uint64_t latency_ns;	 /* of the last probe that was answered; 0: none was */
	uint64_t since_ns;	 /* CLOCK_MONOTONIC: when .state began, as far as is known */
	uint64_t probed_ns;	 /* CLOCK_MONOTONIC: when the last probe ended; 0: never */
	uint32_t ok, failed;	 /* in a row */
	uint64_t total_ok, total_failed; /* since the daemon began to probe it */
};

/* @i is alive, that is, in the registry. Also answers for what is not probed. */
void health_info(const struct live_instance *i, struct health_info *ret);

/* What a configuration calls them; static. */
const char *health_text(enum live_health health);
const char *health_probe_text(enum model_probe probe);

#endif /* SL_HEALTH_H */
