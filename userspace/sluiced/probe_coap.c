// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* CoAP: an empty Confirmable message, the ping of RFC 7252 4.3, is answered by a
 * Reset with the same Message-ID. One datagram a probe: `fall` is there for loss.
 */
#include "probe_run.h"
#include "../common/addr.h"

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct probe_run *run = handle->data;

	(void)suggested;
	*buf = uv_buf_init((char *)run->rx, sizeof(run->rx));
}

static void on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
			unsigned int flags)
{
	struct probe_run *run = udp->data;

	(void)buf;
	if (!run->fn)
		return;
	if (n < 0) {
		probe_finish_error(run, n);
		return;
	}
	if (!from || flags & UV_UDP_PARTIAL)
		return; /* nothing was there, or more than any Reset has */

	/* Anything else is a stranger's, or an answer that comes too late: wait on. */
	if (probe_coap_is_reset(run->rx, n, run->message_id))
		probe_finish(run, PROBE_OK, "RST");
}

int probe_coap_begin(uv_loop_t *loop, struct probe_run *run)
{
	struct sockaddr_storage peer;
	uv_buf_t buf;
	int err;

	uv_udp_init(loop, &run->io.udp);
	run->io.handle.data = run;
	run->waiting_for = "RST";
	run->message_id = probe_random();
	probe_coap_ping(run->message_id, run->tx);
	buf = uv_buf_init((char *)run->tx, PROBE_COAP_LEN);
	addr_sockaddr(&run->target.addr, run->target.port, &peer);

	/* Connected, the socket hears its peer alone, and of a closed port at once. */
	err = uv_udp_connect(&run->io.udp, (const struct sockaddr *)&peer);
	if (!err)
		err = uv_udp_recv_start(&run->io.udp, on_alloc, on_datagram);
	if (!err)
		err = uv_udp_try_send(&run->io.udp, &buf, 1, NULL);
	if (err == UV_EAGAIN)
		err = UV_ENOBUFS; /* a new socket's buffer cannot be full */
	return err < 0 ? err : 0;
}
