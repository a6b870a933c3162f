// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* MQTT 3.1.1: CONNECT, wait for a CONNACK, whatever its code, DISCONNECT. */
#include <stdio.h>
#include <string.h>
#include "probe_run.h"

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct probe_run *run = handle->data;

	(void)suggested;
	*buf = uv_buf_init((char *)run->rx + run->rx_len, sizeof(run->rx) - run->rx_len);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	uv_buf_t bye = uv_buf_init((char *)probe_mqtt_disconnect, PROBE_MQTT_DISCONNECT_LEN);
	struct probe_run *run = stream->data;
	uint8_t code = 0;

	(void)buf;
	if (!run->fn || !n)
		return;
	if (n == UV_EOF) {
		probe_finish(run, PROBE_FAILED, "connection closed before CONNACK");
		return;
	}
	if (n < 0) {
		probe_finish_error(run, n);
		return;
	}

	/* A CONNACK is told from its first PROBE_MQTT_ANSWER_MAX bytes, which is far
	 * less than .rx holds: it never fills up undecided.
	 */
	run->rx_len += n;
	switch (probe_mqtt_connack(run->rx, run->rx_len, &code)) {
	case PROBE_ANSWER_MORE:
		break;
	case PROBE_ANSWER_BAD:
		probe_finish(run, PROBE_FAILED, "answer is no CONNACK");
		break;
	case PROBE_ANSWER_GOOD:
		/* Courtesy: if it cannot be sent at once, the FIN says the same. */
		uv_try_write(stream, &bye, 1);
		probe_finish(run, PROBE_OK, "CONNACK, code %u", code);
		break;
	}
}

static void on_written(uv_write_t *req, int status)
{
	struct probe_run *run = req->handle->data;

	if (run->fn && status < 0)
		probe_finish_error(run, status);
}

void probe_mqtt_connected(struct probe_run *run)
{
	char id[PROBE_MQTT_ID_MAX + 1];
	uv_buf_t buf;
	int err;

	_Static_assert(sizeof(run->rx) > PROBE_MQTT_ANSWER_MAX, "an answer fits");
	snprintf(id, sizeof(id), "sluice-probe-%08x", (unsigned int)probe_random());
	buf = uv_buf_init((char *)run->tx, probe_mqtt_connect(id, run->tx));
	run->waiting_for = "CONNACK";

	err = uv_read_start(&run->io.stream, on_alloc, on_read);
	if (!err)
		err = uv_write(&run->write, &run->io.stream, &buf, 1, on_written);
	if (err)
		probe_finish_error(run, err);
}
