// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A pass reads both tables of pins, that of exchanges and those of tracked connections, a
 * batch at a time, then settles service after service. It yields to the loop whenever its time
 * is up, so that no step blocks for longer than a batch and SWEEP_STEP_NS.
 *
 * What may change while a pass is under way is safe: a slot is settled only if it
 * was past its deadline when the pass began, since from then on no device's packet
 * makes a pin in it; and a ring that has grown since is left to the next pass, because
 * its slots have other numbers. An instance's answer that is later than the deadline
 * may: one that comes behind the reader's back is not seen by this pass.
 */
#include <errno.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include "../dataplane/scan.h"
#include "lib/hash.h"
#include "registry_own.h"
#include "rings.h"
#include "sweep.h"
#include "sweep_end.h"
#include "sweep_flows.h"

#define SWEEP_STEP_NS  (8 * 1000000ull)
#define SWEEP_YIELD_MS 2
#define SWEEP_DRAIN_MS 1000 /* between passes while something drains */
#define SWEEP_IDLE_MS  5000
#define SWEEP_RETRY_MS 1000 /* after a pass that failed */
#define TELL_EVERY_S   30   /* that pins or exchanges found no room */

enum sweep_phase {
	SWEEP_BETWEEN,
	SWEEP_PINS,
	SWEEP_HALF_OPEN,
	SWEEP_EXCHANGES,
	SWEEP_FLOWS,
	SWEEP_SERVICES,
};

/* Openers and requests in transition that went to the instance before for want of a pin
 * or an exchange: sums of all services, as packets note them.
 */
struct no_room {
	bool read;
	uint32_t told_s; /* 0: never */
	uint64_t openers, requests;
};

struct sweep {
	struct daemon *d;
	uv_timer_t timer;
	enum sweep_phase phase;
	struct scan pins, half_open, exchanges;
	struct no_room no_room; /* at the last pass, or when it was told */
	bool failed;		/* the last pass: told once */
	struct sweep_pass pass;
	struct sweep_flows *flows;
};

static void step(uv_timer_t *timer);

static void again_in(struct sweep *s, uint64_t ms)
{
	uv_timer_start(&s->timer, step, ms, 0);
}

/* -- beginning -- */

static int pass_begin(struct sweep *s)
{
	struct sweep_pass *p = &s->pass;
	struct daemon *d = s->d;

	p->start_s = daemon_now_s();
	p->service = 0;
	memset(p->pins, 0, d->dp->cap.instances * sizeof(*p->pins));
	for (struct live_service *svc = d->registry->services; svc; svc = svc->next) {
		struct sweep_ring *r = &p->rings[svc->id];

		svc->sweep_seen = svc->leaving;
		for (struct live_instance *i = svc->instances; i; i = i->next)
			i->sweep_seen = i->drain_since_s;
		r->size = svc->ring_size;
		free(r->pinned);
		r->pinned = r->size ? calloc(r->size / 64, sizeof(uint64_t)) : NULL;
		if (r->size && !r->pinned)
			return -ENOMEM;
	}
	scan_rewind(&s->pins);
	scan_rewind(&s->half_open);
	scan_rewind(&s->exchanges);
	sweep_flows_begin(s->flows);
	return 0;
}

/* -- pins and exchanges -- */

/* Is it still the one, and not given up? */
static bool instance_has_it(const struct dataplane *dp, uint16_t id, uint16_t generation,
			    uint16_t service)
{
	const struct sl_instance *i;

	if (id >= dp->cap.instances)
		return false;
	i = &dp->instances[id];
	return i->service == service && i->generation == generation && !(i->flags & SL_I_DOWN);
}

/* Where an entry of one of the tables belongs; NULL: nowhere any more. */
static struct live_service *place(struct sweep *s, const struct sl_pin_key *of, uint32_t *ret_slot)
{
	struct daemon *d = s->d;
	struct live_service *svc = registry_service_by_id(d->registry, of->service);

	if (!svc || svc->leaving || !svc->ring_size)
		return NULL;
	*ret_slot =
		ring_slot(flow_hash((const __u64 *)d->dp->control->flow_key, &of->addr, of->port),
			  svc->ring_size);
	return svc;
}

/* Worth keeping: its slot has a pin, and its instance a flow. */
static void hold(struct sweep *s, const struct live_service *svc, uint32_t slot, uint16_t instance)
{
	struct sweep_ring *r = &s->pass.rings[svc->id];

	if (r->pinned && r->size == svc->ring_size)
		r->pinned[slot / 64] |= 1ull << (slot % 64);
	s->pass.pins[instance]++;
}

static bool pin_keep(struct sweep *s, const struct sl_pin_key *key, const struct sl_pin *pin,
		     bool half_open)
{
	struct dataplane *dp = s->d->dp;
	uint32_t slot;
	struct live_service *svc = place(s, key, &slot);

	if (!svc || !instance_has_it(dp, pin->instance, pin->generation, svc->id) ||
	    ring_pin_is_stale(pin, &dp->slots[svc->ring_first + slot], half_open, daemon_now_s(),
			      svc->keep_s))
		return false;
	hold(s, svc, slot, pin->instance);
	return true;
}

/* Is it one of those in force? */
static bool service_lasts(struct sweep *s, uint16_t id)
{
	const struct live_service *svc = registry_service_by_id(s->d->registry, id);

	return svc && !svc->leaving;
}

/* Whose instance is @id? NULL: nobody's any more. */
static struct live_service *service_of(struct sweep *s, uint16_t id)
{
	struct live_instance *i = registry_instance_by_id(s->d->registry, id);

	return i ? i->service : NULL;
}

static bool exchange_keep(struct sweep *s, const struct sl_exchange_key *key,
			  const struct sl_exchange *x)
{
	struct live_service *owner = service_of(s, x->instance), *svc;
	/* A front remembers the instances of its pools, whatever their slots are. */
	bool by_front = owner && owner->pool && owner->id != key->service;
	const struct sl_pin_key of = { .addr = key->addr,
				       .port = key->port,
				       .service = by_front ? owner->id : key->service };
	struct dataplane *dp = s->d->dp;
	uint32_t slot, now = daemon_now_s();
	bool stale;

	svc = place(s, &of, &slot);
	/* A front that leaves takes what it has counted with it: its id may soon be another's. */
	if (!svc || !service_lasts(s, key->service) ||
	    !instance_has_it(dp, x->instance, x->generation, svc->id))
		return false;
	stale = ring_exchange_is_stale(x, &dp->slots[svc->ring_first + slot], now);
	if (!stale)
		hold(s, svc, slot, x->instance);
	return !stale || (by_front && !ring_side_is_stale(x, key->by_server == SL_SIDE_ASKED, now));
}

/* Delete an entry, and take it off its service's count, if it has one. */
static void entry_delete(struct sweep *s, const struct scan *table, const void *key,
			 uint16_t service)
{
	struct sl_service_state *state;

	if (bpf_map_delete_elem(table->fd, key) || service >= s->d->dp->cap.services)
		return; /* a packet was faster: then it has counted, too */
	state = &s->d->dp->service_states[service];
	if (table == &s->half_open)
		__atomic_fetch_sub(&state->half_open, 1, __ATOMIC_RELAXED);
	else if (table == &s->exchanges)
		__atomic_fetch_sub(&state->exchanges, 1, __ATOMIC_RELAXED);
}

/* One batch of @table. */
static int pins_step(struct sweep *s, struct scan *table)
{
	const struct sl_pin_key *keys;
	const struct sl_pin *pins;
	uint32_t n;
	int err = scan_next(table, &n);

	keys = (const void *)table->keys;
	pins = (const void *)table->values;
	for (uint32_t i = 0; i < n; i++) {
		if (!pin_keep(s, &keys[i], &pins[i], table == &s->half_open))
			entry_delete(s, table, &keys[i], keys[i].service);
	}
	return err;
}

static int exchanges_step(struct sweep *s)
{
	const struct sl_exchange_key *keys;
	const struct sl_exchange *x;
	uint32_t n;
	int err = scan_next(&s->exchanges, &n);

	keys = (const void *)s->exchanges.keys;
	x = (const void *)s->exchanges.values;
	for (uint32_t i = 0; i < n; i++) {
		if (!exchange_keep(s, &keys[i], &x[i]))
			entry_delete(s, &s->exchanges, &keys[i], keys[i].service);
	}
	return err;
}

/* -- in steps -- */

static int phase_step(struct sweep *s)
{
	bool done = false;
	int err = 0;

	switch (s->phase) {
	case SWEEP_BETWEEN:
		err = pass_begin(s);
		s->phase = SWEEP_PINS;
		break;
	case SWEEP_PINS:
		err = pins_step(s, &s->pins);
		if (s->pins.done)
			s->phase = SWEEP_HALF_OPEN;
		break;
	case SWEEP_HALF_OPEN:
		err = pins_step(s, &s->half_open);
		if (s->half_open.done)
			s->phase = SWEEP_EXCHANGES;
		break;
	case SWEEP_EXCHANGES:
		err = exchanges_step(s);
		if (s->exchanges.done)
			s->phase = SWEEP_FLOWS;
		break;
	case SWEEP_FLOWS:
		err = sweep_flows_step(s->flows, &done);
		if (done)
			s->phase = SWEEP_SERVICES;
		break;
	case SWEEP_SERVICES:
		if (!sweep_end_service(s->d, &s->pass))
			s->phase = SWEEP_BETWEEN;
		break;
	}
	return err;
}

static bool anything_drains(struct daemon *d)
{
	for (struct live_service *s = d->registry->services; s; s = s->next) {
		if (s->leaving)
			return true;
		for (struct live_instance *i = s->instances; i; i = i->next) {
			if (i->drain_since_s && !i->drained)
				return true;
		}
	}
	return false;
}

static void pass_failed(struct sweep *s, int err)
{
	if (!s->failed)
		event_emit(s->d->events, LOG_ERR, (struct event_about){ .type = "sweep" },
			   "cannot read the pins: %s; it is tried again each second",
			   strerror(-err));
	s->failed = true;
	s->phase = SWEEP_BETWEEN;
	again_in(s, SWEEP_RETRY_MS);
}

static void tell_no_room(struct sweep *s)
{
	struct event_about about = { .type = "pin_budget" };
	struct no_room now = { .read = true, .told_s = daemon_now_s() }, *was = &s->no_room;
	const struct dataplane *dp = s->d->dp;

	for (uint32_t cpu = 0; cpu < dp->n_cpus; cpu++) {
		now.openers += dp->counters[cpu].note[SL_N_HALF_OPEN_FULL];
		now.requests += dp->counters[cpu].note[SL_N_EXCHANGE_FULL];
	}
	if (!was->read) {
		now.told_s = 0;
		*was = now;
	}
	if ((now.openers == was->openers && now.requests == was->requests) ||
	    (was->told_s && now.told_s - was->told_s < TELL_EVERY_S))
		return;
	event_emit(
		s->d->events, LOG_WARN, about,
		"%llu openers and %llu CoAP requests in transition found no room and went to the "
		"instance before (see pin_budget, capacity.half_open, capacity.exchanges)",
		(unsigned long long)(now.openers - was->openers),
		(unsigned long long)(now.requests - was->requests));
	*was = now;
}

static void step(uv_timer_t *timer)
{
	struct sweep *s = timer->data;
	uint64_t until = daemon_now_ns() + SWEEP_STEP_NS;
	int err;

	do {
		err = phase_step(s);
		if (err) {
			pass_failed(s, err);
			return;
		}
	} while (s->phase != SWEEP_BETWEEN && daemon_now_ns() < until);
	if (s->phase != SWEEP_BETWEEN) {
		again_in(s, SWEEP_YIELD_MS);
		return;
	}
	s->failed = false;
	tell_no_room(s);
	again_in(s, anything_drains(s->d) ? SWEEP_DRAIN_MS : SWEEP_IDLE_MS);
}

void sweep_soon(struct sweep *s)
{
	if (s && s->phase == SWEEP_BETWEEN && uv_timer_get_due_in(&s->timer) > SWEEP_DRAIN_MS)
		again_in(s, SWEEP_DRAIN_MS);
}

/* -- opening -- */

static void free_sweep(struct sweep *s)
{
	for (uint32_t id = 0; s->pass.rings && id < s->d->dp->cap.services; id++)
		free(s->pass.rings[id].pinned);
	free(s->pass.rings);
	free(s->pass.pins);
	scan_close(&s->pins);
	scan_close(&s->half_open);
	scan_close(&s->exchanges);
	sweep_flows_close(s->flows);
}

int sweep_open(struct daemon *d, struct sweep **ret)
{
	struct sweep *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->d = d;
	s->pass.rings = calloc(d->dp->cap.services, sizeof(*s->pass.rings));
	s->pass.pins = calloc(d->dp->cap.instances, sizeof(*s->pass.pins));
	err = s->pass.rings && s->pass.pins ? 0 : -ENOMEM;
	if (!err)
		err = scan_open(d->dp->pins_fd, sizeof(struct sl_pin_key), sizeof(struct sl_pin),
				&s->pins);
	if (!err)
		err = scan_open(d->dp->half_open_fd, sizeof(struct sl_pin_key),
				sizeof(struct sl_pin), &s->half_open);
	if (!err)
		err = scan_open(d->dp->exchanges_fd, sizeof(struct sl_exchange_key),
				sizeof(struct sl_exchange), &s->exchanges);
	if (!err)
		err = sweep_flows_open(d, &s->flows);
	if (!err)
		err = uv_timer_init(&d->loop, &s->timer);
	if (err) {
		free_sweep(s);
		free(s);
		return err;
	}
	s->timer.data = s;
	again_in(s, SWEEP_DRAIN_MS);
	*ret = s;
	return 0;
}

static void on_closed(uv_handle_t *timer)
{
	free(timer->data);
}

void sweep_close(struct sweep *s)
{
	if (!s)
		return;
	free_sweep(s);
	uv_close((uv_handle_t *)&s->timer, on_closed);
}
