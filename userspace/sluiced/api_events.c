// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* /v1/events: a page of kept events, or a stream of server-sent events (HTML
 * Living Standard 9.2). A stream reads from the kept events when its client
 * takes data, so that a slow client holds no memory; one that falls far behind
 * is told so and dropped.
 */
#include <errno.h>
#include <stdio.h>
#include "../common/cleanup.h"
#include "../common/num.h"
#include "api.h"

#define HEARTBEAT_MS   15000
#define STREAM_BLOCK   2048 /* must hold one event's text */
#define STREAM_PENDING 4096
#define STREAM_BEHIND  2048 /* events at most; far less than are kept */

struct api_stream {
	struct api_stream *next;
	struct api *api;
	struct MHD_Connection *conn;
	uint64_t seq; /* the last one sent */
	bool packets; /* sampled packets, too */
	bool suspended, closing, beat;
	uint64_t joined;	      /* the newest event when it began */
	uint32_t behind;	      /* events since then that were not sent, without packets */
	char pending[STREAM_PENDING]; /* formatted, not sent yet */
	size_t len, sent;
};

/* -- a page -- */

static bool is_packet(const struct event *ev)
{
	return !strcmp(ev->type, "packet");
}

/* The next kept event after *@io that is wanted; *@io moves to it, or to the end. */
static const struct event *next_wanted(const struct api *a, bool packets, uint64_t *io)
{
	const struct event *ev;

	while ((ev = events_after(a->d->events, *io))) {
		*io = ev->seq;
		if (packets || !is_packet(ev))
			return ev;
	}
	return NULL;
}

/* The sequence number before the last @n wanted events. */
static uint64_t before_last(const struct api *a, bool packets, uint64_t n)
{
	uint64_t seq = 0, have = 0;

	while (next_wanted(a, packets, &seq))
		have++;
	seq = 0;
	while (have > n && next_wanted(a, packets, &seq))
		have--;
	return n ? seq : a->last_seq;
}

/* A number from a daemon that is no more would wait for ever: begin anew. */
static uint64_t sane_after(const struct api *a, uint64_t after)
{
	return after > a->last_seq ? 0 : after;
}

static void reply_page(struct api_request *r, bool packets, uint64_t after, uint64_t limit)
{
	const struct api *a = r->api;
	cJSON *out = cJSON_CreateObject(), *list = json_arr(out, "events");
	const struct event *ev;

	after = sane_after(a, after);
	while (limit-- && (ev = next_wanted(a, packets, &after))) {
		cJSON *o = cJSON_CreateObject();

		json_event(o, ev);
		cJSON_AddItemToArray(list, o);
	}
	json_u64(out, "next", after);
	json_u64(out, "last", a->last_seq);
	api_reply(r, MHD_HTTP_OK, out);
}

/* -- a stream -- */

static void stream_resume(struct api_stream *s)
{
	if (!s->suspended)
		return;
	s->suspended = false;
	MHD_resume_connection(s->conn);
}

static void on_event(void *arg, const struct event *ev)
{
	struct api *a = arg;

	for (struct api_stream *s = a->streams; s; s = s->next) {
		s->behind += !is_packet(ev);
		if (s->packets || !is_packet(ev))
			stream_resume(s);
	}
}

/* A comment now and then: the only way to learn that a silent client is gone. */
static void on_heartbeat(uv_timer_t *timer)
{
	struct api *a = timer->data;

	for (struct api_stream *s = a->streams; s; s = s->next) {
		s->beat = true;
		stream_resume(s);
	}
}

static void stream_text(struct api_stream *s, const char *text)
{
	int len = snprintf(s->pending, sizeof(s->pending), "%s", text);

	s->len = len;
	s->sent = 0;
}

static void stream_event(struct api_stream *s, const struct event *ev)
{
	cJSON *o = cJSON_CreateObject();
	sl_autofree char *text = NULL;
	int len;

	json_event(o, ev);
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	s->sent = 0;
	/* event.text is bounded far below; \u00xx for each byte of it is not. */
	len = snprintf(s->pending, sizeof(s->pending), "id: %llu\nevent: %s\ndata: %s\n\n",
		       (unsigned long long)ev->seq, ev->type, text ? text : "{}");
	s->len = len > 0 && (size_t)len < sizeof(s->pending) ? len : 0;
}

static void stream_next(struct api_stream *s)
{
	const struct event *ev;
	char text[96];

	if (s->behind > STREAM_BEHIND) {
		snprintf(text, sizeof(text), "event: lost\ndata: {\"lost\":%u}\n\n", s->behind);
		stream_text(s, text);
		s->closing = true;
		return;
	}
	ev = next_wanted(s->api, s->packets, &s->seq);
	if (ev) {
		stream_event(s, ev);
		s->behind -= s->behind && ev->seq > s->joined && !is_packet(ev);
	} else if (s->beat) {
		stream_text(s, ":\n\n");
		s->beat = false;
	}
}

static ssize_t stream_read(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct api_stream *s = arg;
	size_t len;

	(void)pos;
	if (s->sent == s->len && !s->closing) {
		s->sent = s->len = 0;
		stream_next(s);
	}
	if (s->sent == s->len) {
		if (s->closing)
			return MHD_CONTENT_READER_END_OF_STREAM;
		s->suspended = true;
		MHD_suspend_connection(s->conn);
		return 0;
	}
	len = s->len - s->sent < max ? s->len - s->sent : max;
	memcpy(buf, s->pending + s->sent, len);
	s->sent += len;
	return len;
}

static void stream_free(void *arg)
{
	struct api_stream *s = arg;

	for (struct api_stream **at = &s->api->streams; *at; at = &(*at)->next) {
		if (*at != s)
			continue;
		*at = s->next;
		s->api->n_streams--;
		break;
	}
	free(s);
}

static void reply_stream(struct api_request *r, bool packets, uint64_t after)
{
	struct api *a = r->api;
	struct api_stream *s;

	if (a->n_streams >= API_STREAMS) {
		api_fail(r, MHD_HTTP_SERVICE_UNAVAILABLE, "%u streams are open, which is the limit",
			 a->n_streams);
		return;
	}
	s = calloc(1, sizeof(*s));
	if (s)
		r->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
								stream_read, s, stream_free);
	if (!r->response) {
		free(s);
		api_reply(r, 0, NULL);
		return;
	}
	*s = (struct api_stream){ .next = a->streams,
				  .api = a,
				  .conn = r->conn,
				  .seq = sane_after(a, after),
				  .packets = packets,
				  .joined = a->last_seq,
				  .beat = true };
	a->streams = s;
	a->n_streams++;
	r->status = MHD_HTTP_OK;
	MHD_add_response_header(r->response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
	MHD_add_response_header(r->response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
}

/* -- the request -- */

static bool wants_stream(struct api_request *r)
{
	const char *accept =
		MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);

	return accept && strstr(accept, "text/event-stream");
}

void api_get_events(struct api_request *r)
{
	bool stream = wants_stream(r);
	uint64_t after = stream ? r->api->last_seq : 0, limit = API_EVENTS_LIMIT;
	uint64_t tail = UINT64_MAX, packets = 1;
	const char *last_id;

	if (!api_query_u64(r, "after", 0, UINT64_MAX, &after) ||
	    !api_query_u64(r, "limit", 1, EVENTS_KEPT, &limit) ||
	    !api_query_u64(r, "tail", 0, EVENTS_KEPT, &tail) ||
	    !api_query_u64(r, "packets", 0, 1, &packets))
		return;
	if (tail != UINT64_MAX)
		after = before_last(r->api, packets, tail);
	last_id = MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, "Last-Event-ID");
	if (last_id && num_count(last_id, 0, UINT64_MAX, &after)) {
		api_fail(r, MHD_HTTP_BAD_REQUEST, "Last-Event-ID: want an integer");
		return;
	}
	if (stream)
		reply_stream(r, packets, after);
	else
		reply_page(r, packets, after, limit);
}

/* -- life -- */

int api_events_open(struct api *a)
{
	int err = uv_timer_init(&a->d->loop, &a->heartbeat);

	if (err)
		return err;
	a->heartbeat.data = a;
	uv_timer_start(&a->heartbeat, on_heartbeat, HEARTBEAT_MS, HEARTBEAT_MS);
	return events_listen(a->d->events, on_event, a);
}

void api_events_close(struct api *a)
{
	events_unlisten(a->d->events, on_event, a);
	uv_timer_stop(&a->heartbeat);
	for (struct api_stream *s = a->streams; s; s = s->next) {
		s->closing = true;
		stream_resume(s);
	}
}
