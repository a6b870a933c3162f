/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between probe.c, which owns a probe's life and deadline, and the protocols. */
#ifndef SL_PROBE_RUN_H
#define SL_PROBE_RUN_H

#include "../plan/probe_wire.h"
#include "probe.h"

struct probe_run {
	struct probe_target target;
	probe_done fn; /* NULL: over */
	void *arg;
	uint64_t start_ns, deadline_ns; /* uv_hrtime() */
	bool extended;			/* the deadline was moved because the loop was late */
	int early_err;			/* found before the loop was asked */
	int handles;			/* open ones, the timer among them */
	const char *waiting_for;	/* "no ... within 1s" */
	bool nobody;			/* see probe_result */

	uv_timer_t timer;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_udp_t udp;
	} io;
	uv_connect_t connect;
	uv_write_t write;

	uint16_t message_id;
	uint8_t tx[PROBE_MQTT_CONNECT_MAX];
	uint8_t rx[64];
	size_t rx_len;
};

/* Each returns 0 or a UV_E... that ends the probe; .io is open either way. */
int probe_tcp_begin(uv_loop_t *loop, struct probe_run *run);
int probe_coap_begin(uv_loop_t *loop, struct probe_run *run);
/* The connection stands: speak. */
void probe_mqtt_connected(struct probe_run *run);

/* End the probe: close everything, then tell the owner. Call nothing after. */
void probe_finish(struct probe_run *run, enum probe_outcome outcome, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with what a UV_E... means as evidence. */
void probe_finish_error(struct probe_run *run, int uv_err);

uint64_t probe_random(void);

#endif /* SL_PROBE_RUN_H */
