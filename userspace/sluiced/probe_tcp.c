// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* TCP: a connection that stands is the answer, or, for protocols on top of it,
 * the beginning of the question.
 */
#include "probe_run.h"
#include "../common/addr.h"

static void on_connect(uv_connect_t *req, int status)
{
	struct probe_run *run = req->handle->data;

	if (!run->fn)
		return; /* over: libuv reports the connect as cancelled */
	if (status < 0)
		probe_finish_error(run, status);
	else if (run->target.kind == PROBE_MQTT)
		probe_mqtt_connected(run);
	else
		probe_finish(run, PROBE_OK, "connected");
}

int probe_tcp_begin(uv_loop_t *loop, struct probe_run *run)
{
	struct sockaddr_storage peer;

	uv_tcp_init(loop, &run->io.tcp);
	run->io.handle.data = run;
	run->waiting_for = "connection";
	addr_sockaddr(&run->target.addr, run->target.port, &peer);
	return uv_tcp_connect(&run->connect, &run->io.tcp, (const struct sockaddr *)&peer,
			      on_connect);
}
