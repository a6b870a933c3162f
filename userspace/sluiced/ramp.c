// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Weights on their way, see plan/drain.h. The document and the overlay have the weight
 * that is wanted from the beginning, so that a daemon that is restarted in between
 * goes on with that one; until then the registry's is the present one.
 */
#include <errno.h>
#include <stdlib.h>
#include "../common/num.h"
#include "registry_own.h"
#include "rings.h"

struct ramps {
	struct daemon *d;
	uv_timer_t timer;
};

static void on_due(uv_timer_t *timer);

static void arm(struct ramps *r, uint64_t next_ns, uint64_t now_ns)
{
	if (next_ns == UINT64_MAX)
		return;
	uv_timer_start(&r->timer, on_due,
		       next_ns > now_ns ? (next_ns - now_ns) / NUM_NS_PER_MS + 1 : 1, 0);
}

static void end(struct daemon *d, struct live_instance *i)
{
	struct event_about about = { "instance_changed", i->service->name, i->name, NULL };

	i->ramp = (struct ramp){};
	event_emit(d->events, LOG_INFO, about, "weight: %u, all of the way", i->weight);
}

/* True: its weight is another one now. */
static bool step(struct daemon *d, struct live_instance *i, uint64_t now, uint64_t *io_next)
{
	uint32_t before = i->weight;

	if (!i->ramp.over_ns)
		return false;
	i->weight = ramp_weight(&i->ramp, now);
	if (ramp_is_over(&i->ramp, now))
		end(d, i);
	else if (ramp_next_ns(&i->ramp, now) < *io_next)
		*io_next = ramp_next_ns(&i->ramp, now);
	return i->weight != before;
}

void ramps_update(struct ramps *r)
{
	uint64_t now = daemon_now_ns(), next = UINT64_MAX;
	struct daemon *d;

	if (!r)
		return;
	d = r->d;
	for (struct live_service *s = d->registry->services; s; s = s->next) {
		struct event_about about = { .type = "instance_changed", .service = s->name };
		bool changed = false;
		int err;

		for (struct live_instance *i = s->instances; i; i = i->next)
			changed |= step(d, i, now, &next);
		err = changed ? registry_ring_update(d, s) : 0;
		if (err)
			event_emit(d->events, LOG_ERR, about, "the ring was not updated: %s",
				   strerror(-err));
	}
	arm(r, next, now);
}

static void on_due(uv_timer_t *timer)
{
	ramps_update(timer->data);
}

int ramps_open(struct daemon *d, struct ramps **ret)
{
	struct ramps *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->d = d;
	uv_timer_init(&d->loop, &r->timer);
	r->timer.data = r;
	*ret = r;
	return 0;
}

static void on_closed(uv_handle_t *timer)
{
	free(timer->data);
}

void ramps_close(struct ramps *r)
{
	if (r)
		uv_close((uv_handle_t *)&r->timer, on_closed);
}
