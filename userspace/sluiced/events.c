// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The last EVENTS_KEPT events, and who wants to hear of new ones. Sampled packets
 * have a smaller ring of their own, or they would soon displace everything else.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include "events.h"

struct listener {
	struct listener *next;
	event_fn fn;
	void *arg;
	bool gone; /* unlistened while events are being told */
};

#define PACKETS_KEPT 512

struct kept {
	uint64_t n; /* ever added; the i-th is at i % size */
	uint32_t size;
	struct event *ring;
};

struct events {
	uint64_t last; /* sequence number of the newest; 0: none yet */
	struct listener *listeners;
	unsigned int telling; /* depth of event_tell() */
	struct kept events, packets;
	struct event event_ring[EVENTS_KEPT - PACKETS_KEPT], packet_ring[PACKETS_KEPT];
};

int events_open(struct events **ret)
{
	struct events *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->events = (struct kept){ .size = EVENTS_KEPT - PACKETS_KEPT, .ring = e->event_ring };
	e->packets = (struct kept){ .size = PACKETS_KEPT, .ring = e->packet_ring };
	*ret = e;
	return 0;
}

void events_close(struct events *e)
{
	struct listener *l, *next;

	for (l = e ? e->listeners : NULL; l; l = next) {
		next = l->next;
		free(l);
	}
	free(e);
}

static void listeners_reap(struct events *e)
{
	struct listener **at = &e->listeners;

	while (*at) {
		struct listener *l = *at;

		if (!l->gone) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		free(l);
	}
}

/* A listener may unlisten itself or another, and emit events, from its call. */
static void event_tell(struct events *e, const struct event *ev)
{
	e->telling++;
	for (struct listener *l = e->listeners; l; l = l->next) {
		if (!l->gone)
			l->fn(l->arg, ev);
	}
	if (--e->telling == 0)
		listeners_reap(e);
}

static bool is_packet(const char *type)
{
	return type && !strcmp(type, "packet");
}

static void event_log(const struct event *ev)
{
	const char *object = ev->instance[0]  ? ev->instance
			     : ev->service[0] ? ev->service
					      : ev->tenant;
	const char *of = ev->instance[0] ? ev->service : "";

	/* Sampled packets are for those who ask for them, not for the log. */
	log_print(is_packet(ev->type) ? LOG_DEBUG : ev->level, "%s%s%s%s%s: %s", ev->type,
		  object[0] ? " " : "", of, of[0] ? "/" : "", object, ev->text);
}

static void text_set(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

void event_emit(struct events *e, enum log_level level, struct event_about about, const char *fmt,
		...)
{
	struct kept *k = is_packet(about.type) ? &e->packets : &e->events;
	struct event copy, *ev = &k->ring[k->n++ % k->size];
	va_list ap;

	*ev = (struct event){ .seq = ++e->last, .level = level };
	clock_gettime(CLOCK_REALTIME, &ev->time);
	text_set(ev->type, sizeof(ev->type), about.type);
	text_set(ev->service, sizeof(ev->service), about.service);
	text_set(ev->instance, sizeof(ev->instance), about.instance);
	text_set(ev->tenant, sizeof(ev->tenant), about.tenant);
	va_start(ap, fmt);
	vsnprintf(ev->text, sizeof(ev->text), fmt, ap);
	va_end(ap);

	event_log(ev);
	copy = *ev; /* a listener that emits many events could overwrite the slot */
	event_tell(e, &copy);
}

static const struct event *kept_after(const struct kept *k, uint64_t seq)
{
	uint64_t lo = k->n > k->size ? k->n - k->size : 0, hi = k->n;

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (k->ring[mid % k->size].seq > seq)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < k->n ? &k->ring[lo % k->size] : NULL;
}

const struct event *events_after(const struct events *e, uint64_t seq)
{
	const struct event *ev = kept_after(&e->events, seq);
	const struct event *packet = kept_after(&e->packets, seq);

	if (!ev || !packet)
		return ev ? ev : packet;
	return ev->seq < packet->seq ? ev : packet;
}

int events_listen(struct events *e, event_fn fn, void *arg)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	*l = (struct listener){ .next = e->listeners, .fn = fn, .arg = arg };
	e->listeners = l;
	return 0;
}

void events_unlisten(struct events *e, event_fn fn, void *arg)
{
	for (struct listener *l = e->listeners; l; l = l->next) {
		if (l->fn == fn && l->arg == arg)
			l->gone = true;
	}
	if (!e->telling)
		listeners_reap(e);
}
