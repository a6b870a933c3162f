// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* /v1/trace: packets as they leave, a JSON object a line, for one reader at a time. An
 * empty line twice a second shows that both sides are there; the last line is the sum.
 * When the reader goes, and when its bounds are reached, nobody traces.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "api.h"
#include "http.h"
#include "packet_events.h"
#include "trace_line.h"

#define TRACE_BEAT_MS	  500
#define TRACE_HELD	  (256u << 10) /* bytes for a reader that does not keep up */
#define TRACE_BLOCK	  4096

#define TRACE_COUNT	  1000
#define TRACE_COUNT_MAX	  10000000
#define TRACE_SECONDS	  60
#define TRACE_SECONDS_MAX 3600
#define TRACE_RATE	  100
#define TRACE_RATE_MAX	  1000
#define TRACE_SAMPLE_MAX  (1 << 20)

struct api_trace {
	struct api *api;
	struct MHD_Connection *conn;
	struct trace_ask ask;
	bool addresses, suspended, closing;
	uint64_t count, until_ns;
	uint64_t told, slow; /* lines; those that found no room in @held */
	uv_timer_t beat;
	size_t sent, len; /* of @held */
	char held[TRACE_HELD];
};

/* -- what is told -- */

static void trace_resume(struct api_trace *t)
{
	if (!t->suspended)
		return;
	t->suspended = false;
	MHD_resume_connection(t->conn);
	http_wake(t->api->control);
}

/* All of the line, or nothing. */
static bool trace_hold(struct api_trace *t, const char *line)
{
	size_t len = strlen(line);

	memmove(t->held, t->held + t->sent, t->len - t->sent);
	t->len -= t->sent;
	t->sent = 0;
	if (len + 1 > sizeof(t->held) - t->len)
		return false;
	memcpy(t->held + t->len, line, len);
	t->held[t->len + len] = '\n';
	t->len += len + 1;
	trace_resume(t);
	return true;
}

/* Nobody traces any more; what is held is still sent, and the sum behind it. */
static void trace_end(struct api_trace *t, const char *why)
{
	struct api *a = t->api;
	struct trace_sums sum;
	char text[256];

	if (t->closing)
		return;
	sum = packet_events_sums(a->d->packet_events);
	packet_events_trace(a->d->packet_events, NULL, NULL, NULL);
	uv_timer_stop(&t->beat);
	a->trace = NULL;
	t->closing = true;
	snprintf(text, sizeof(text),
		 "{\"end\":\"%s\",\"told\":%" PRIu64 ",\"matched\":%" PRIu64 ",\"capped\":%" PRIu64
		 ",\"lost\":%" PRIu64 "}",
		 why, t->told, sum.matched, sum.capped, sum.lost + t->slow);
	if (!trace_hold(t, text)) { /* a reader that takes nothing */
		t->len = t->sent = 0;
		trace_hold(t, text);
	}
}

static void on_packet(void *arg, const struct sl_trace *packet)
{
	struct api_trace *t = arg;
	char *line;

	if (t->closing)
		return;
	line = trace_line(t->api->d, packet, t->told + 1, t->addresses);
	if (line && trace_hold(t, line))
		t->told++;
	else
		t->slow++;
	free(line);
	if (t->told >= t->count)
		trace_end(t, "count");
}

static void on_beat(uv_timer_t *timer)
{
	struct api_trace *t = timer->data;

	if (daemon_now_ns() >= t->until_ns) {
		trace_end(t, "seconds");
		return;
	}
	packet_events_renew(t->api->d->packet_events);
	if (t->sent == t->len)
		trace_hold(t, "");
}

/* -- the stream -- */

static ssize_t trace_read(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct api_trace *t = arg;
	size_t len = t->len - t->sent < max ? t->len - t->sent : max;

	(void)pos;
	if (!len) {
		if (t->closing)
			return MHD_CONTENT_READER_END_OF_STREAM;
		t->suspended = true;
		MHD_suspend_connection(t->conn);
		return 0;
	}
	memcpy(buf, t->held + t->sent, len);
	t->sent += len;
	return len;
}

static void on_closed(uv_handle_t *beat)
{
	free(beat->data);
}

/* However the connection ended. */
static void trace_free(void *arg)
{
	struct api_trace *t = arg;

	t->suspended = false;
	trace_end(t, "gone");
	uv_close((uv_handle_t *)&t->beat, on_closed);
}

/* -- the request -- */

static bool wants_text(struct api_request *r, const char *name, char *to, size_t size)
{
	const char *text = api_query(r, name);
	int len = snprintf(to, size, "%s", text ? text : "");

	if (len >= 0 && (size_t)len < size)
		return true;
	api_fail(r, MHD_HTTP_BAD_REQUEST, "%s: too long", name);
	return false;
}

static bool wants_reason(struct api_request *r, uint16_t *ret)
{
	const char *text = api_query(r, "reason");

	*ret = SL_TRACE_ANY;
	if (!text || !*text)
		return true;
	for (uint16_t i = SL_R_NONE + 1; i < SL_R__MAX; i++) {
		if (strcmp(text, reason_labels[i]))
			continue;
		*ret = i;
		return true;
	}
	api_fail(r, MHD_HTTP_NOT_FOUND,
		 "no reason \"%s\"; reasons: see sluicectl reasons --all, such as %s or %s", text,
		 reason_labels[SL_R_STEERED], reason_labels[SL_R_NOT_OURS]);
	return false;
}

/* The names that are asked for must be there. */
static bool are_there(struct api_request *r, const struct trace_ask *ask)
{
	if (*ask->service) {
		snprintf(r->name[0], sizeof(r->name[0]), "%s", ask->service);
		if (!api_service(r))
			return false;
	}
	if (*ask->tenant) {
		snprintf(r->name[0], sizeof(r->name[0]), "%s", ask->tenant);
		if (!api_tenant(r))
			return false;
	}
	return true;
}

static bool wants_ask(struct api_request *r, struct trace_ask *ask)
{
	uint64_t rate = TRACE_RATE, sample = 1, payload = 0;

	if (!wants_text(r, "tenant", ask->tenant, sizeof(ask->tenant)) ||
	    !wants_text(r, "service", ask->service, sizeof(ask->service)) ||
	    !wants_reason(r, &ask->reason) || !api_query_u64(r, "payload", 0, 1, &payload) ||
	    !api_query_u64(r, "rate", 1, TRACE_RATE_MAX, &rate) ||
	    !api_query_u64(r, "sample", 1, TRACE_SAMPLE_MAX, &sample) || !are_there(r, ask))
		return false;
	if (sample & (sample - 1)) {
		api_fail(r, MHD_HTTP_BAD_REQUEST, "sample: want a power of two");
		return false;
	}
	ask->rate = rate;
	ask->sample = sample;
	ask->payload = payload;
	return true;
}

/* Root, or whoever the daemon runs as. Others of the socket's group may see what there
 * is, not who says what.
 */
static bool is_administrator(struct api_request *r)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);

	if (!info || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}

static void trace_begin(struct api_request *r, struct api_trace *t)
{
	struct api *a = r->api;

	r->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, TRACE_BLOCK, trace_read,
							t, trace_free);
	if (!r->response) {
		uv_close((uv_handle_t *)&t->beat, on_closed);
		api_reply(r, 0, NULL);
		return;
	}
	trace_hold(t, ""); /* the reader learns at once that it is in force */
	a->trace = t;
	packet_events_trace(a->d->packet_events, &t->ask, on_packet, t);
	uv_timer_start(&t->beat, on_beat, TRACE_BEAT_MS, TRACE_BEAT_MS);
	r->status = MHD_HTTP_OK;
	MHD_add_response_header(r->response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/x-ndjson");
	MHD_add_response_header(r->response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
}

void api_get_trace(struct api_request *r)
{
	struct api *a = r->api;
	struct trace_ask ask = {};
	struct api_trace *t;
	uint64_t count = TRACE_COUNT, seconds = TRACE_SECONDS, addresses = 0;

	if (!wants_ask(r, &ask) || !api_query_u64(r, "count", 1, TRACE_COUNT_MAX, &count) ||
	    !api_query_u64(r, "seconds", 1, TRACE_SECONDS_MAX, &seconds) ||
	    !api_query_u64(r, "addresses", 0, 1, &addresses))
		return;
	if ((ask.payload || addresses) && !is_administrator(r)) {
		api_fail(
			r, MHD_HTTP_FORBIDDEN,
			"payload and addresses are for root; without them a trace has headers, and "
			"pseudonyms for addresses");
		return;
	}
	if (a->trace) {
		api_fail(r, MHD_HTTP_CONFLICT,
			 "somebody traces already; that ends by itself, or by DELETE /v1/trace");
		return;
	}
	t = malloc(sizeof(*t));
	if (!t || uv_timer_init(&a->d->loop, &t->beat)) {
		free(t);
		api_reply(r, 0, NULL);
		return;
	}
	t->beat.data = t;
	t->api = a;
	t->conn = r->conn;
	t->ask = ask;
	t->addresses = addresses;
	t->suspended = t->closing = false;
	t->count = count;
	t->until_ns = daemon_now_ns() + seconds * 1000000000;
	t->told = t->slow = t->sent = t->len = 0;
	trace_begin(r, t);
}

void api_delete_trace(struct api_request *r)
{
	if (!r->api->trace) {
		api_fail(r, MHD_HTTP_NOT_FOUND, "nobody traces");
		return;
	}
	trace_end(r->api->trace, "stopped");
	api_reply(r, MHD_HTTP_OK, cJSON_CreateObject());
}

void api_trace_close(struct api *a)
{
	if (a->trace)
		trace_end(a->trace, "daemon");
}
