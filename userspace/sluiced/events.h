/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The daemon's events: what changed and why, numbered, the last EVENTS_KEPT in
 * memory, each logged once. Sampled packets are events of their own sort.
 */
#ifndef SL_EVENTS_H
#define SL_EVENTS_H

#include <stdint.h>
#include <time.h>
#include "../common/log.h"

#define EVENTS_KEPT 4096

struct event {
	uint64_t seq;				    /* from 1 */
	struct timespec time;			    /* CLOCK_REALTIME */
	char type[32];				    /* "instance_down", "reload", "packet", ... */
	char service[64], instance[64], tenant[64]; /* "" where none */
	char text[256];
	enum log_level level;
};

struct events;

int events_open(struct events **ret);
void events_close(struct events *e);

struct event_about {
	const char *type, *service, *instance, *tenant;
};
void event_emit(struct events *e, enum log_level level, struct event_about about, const char *fmt,
		...) __attribute__((format(printf, 4, 5)));

/* The oldest kept event after @seq; NULL if there is none yet. */
const struct event *events_after(const struct events *e, uint64_t seq);

/* Called for each new event (server-sent events); one listener list. */
typedef void (*event_fn)(void *arg, const struct event *ev);
int events_listen(struct events *e, event_fn fn, void *arg);
void events_unlisten(struct events *e, event_fn fn, void *arg);

#endif /* SL_EVENTS_H */
