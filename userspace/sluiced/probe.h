/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One probe: connect to an address, say what the protocol asks for, judge the
 * answer. Without threads, on the caller's loop. Knows no instance.
 */
#ifndef SL_PROBE_H
#define SL_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>
#include "../config/model.h"

struct probe_target {
	enum model_probe kind; /* not PROBE_NONE */
	struct sl_addr addr;
	uint16_t port;
	uint64_t timeout_ns;
};

enum probe_outcome {
	PROBE_OK,
	PROBE_FAILED,	 /* the evidence is the peer's or the network's */
	PROBE_UNDECIDED, /* this node could not ask: it says nothing of the peer */
};

#define PROBE_WHY_MAX 96
struct probe_result {
	enum probe_outcome outcome;
	char why[PROBE_WHY_MAX]; /* "CONNACK, code 0", "connection refused", "no RST within 1s" */
	uint64_t latency_ns;	 /* from the start to the verdict */
	bool nobody; /* the machine itself says that nothing listens: refused, port unreachable */
};

struct probe_run;
typedef void (*probe_done)(void *arg, const struct probe_result *result);

/* Begin. @fn is called exactly once, later, from the loop, unless the probe is
 * cancelled; *@ret is not to be used from then on. Returns 0 or -ENOMEM.
 */
int probe_start(uv_loop_t *loop, const struct probe_target *target, probe_done fn, void *arg,
		struct probe_run **ret);

/* @fn will not be called any more. NULL is fine. Its memory goes when the loop
 * has closed its handles.
 */
void probe_cancel(struct probe_run *run);

#endif /* SL_PROBE_H */
