// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include "../common/cleanup.h"
#include "registry_own.h"
#include "rings.h"

static size_t candidates_of(const struct live_service *s, struct ring_candidate **ret)
{
	struct ring_candidate *c;
	size_t n = 0;

	for (const struct live_instance *i = s->instances; i; i = i->next)
		n++;
	c = calloc(n + 1, sizeof(*c));
	*ret = c;
	if (!c)
		return 0;
	n = 0;
	for (const struct live_instance *i = s->instances; i; i = i->next)
		c[n++] = (struct ring_candidate){
			.id = i->id,
			.weight = i->weight,
			.hash = ring_name_hash(s->name, i->name),
			.wanted = i->admin == ADMIN_UP && !i->leaving && !i->gone,
			.healthy = instance_is_well(i),
			.out = i->moved,
		};
	return n;
}

void registry_tell_min_healthy(struct daemon *d, struct live_service *s,
			       const struct ring_choice *c)
{
	struct event_about about = { .type = "min_healthy", .service = s->name };

	if (s->below_min_healthy == c->below_min_healthy)
		return;
	s->below_min_healthy = c->below_min_healthy;
	if (c->below_min_healthy)
		event_emit(d->events, LOG_WARN, about,
			   "%u of %u instances are healthy, fewer than min_healthy: the probes are "
			   "not believed, all of them take new flows",
			   c->healthy, c->wanted);
	else
		event_emit(d->events, LOG_INFO, about,
			   "%u of %u instances are healthy: the probes are believed again",
			   c->healthy, c->wanted);
}

void registry_ring_count(struct daemon *d, struct live_service *s, uint32_t since_s)
{
	const struct sl_slot *slots = d->dp->slots + s->ring_first;
	bool under_way = false; /* pins alone hold a slot as long as their flows live */

	for (struct live_instance *i = s->instances; i; i = i->next)
		i->slots_cur = i->slots_prev = 0;
	s->slots_in_transition = 0;
	for (uint32_t n = 0; n < s->ring_size; n++) {
		struct live_instance *cur = registry_instance_by_id(d->registry, slots[n].cur);
		struct live_instance *prev;

		if (cur && cur->service == s)
			cur->slots_cur++;
		if (!slots[n].deadline || ring_slot_is_watched(&slots[n]))
			continue;
		s->slots_in_transition++;
		under_way |= slots[n].deadline >= since_s;
		prev = registry_instance_by_id(d->registry, slots[n].prev);
		if (prev && prev->service == s && slots[n].deadline >= since_s)
			prev->slots_prev++;
	}
	if (!under_way)
		s->transition_since_s = 0;
	else if (!s->transition_since_s)
		s->transition_since_s = since_s;
}

static void set_unsettled(struct dataplane *dp, uint16_t id, enum sl_unsettled why, bool on)
{
	__u32 *word = &dp->service_states[id].unsettled;

	/* A slot that is stored afterwards is not seen before it. */
	__atomic_store_n(word, on ? *word | why : *word & ~why, __ATOMIC_SEQ_CST);
}

void registry_set_unsettled(struct dataplane *dp, uint16_t id, bool unsettled)
{
	set_unsettled(dp, id, SL_U_SLOTS, unsettled);
}

void registry_set_pool(struct dataplane *dp, uint16_t id, bool pool)
{
	set_unsettled(dp, id, SL_U_POOL, pool);
}

bool registry_wants_watch(const struct live_service *s)
{
	for (const struct live_instance *i = s->instances; i; i = i->next) {
		if (i->has_server_id && i->drain_since_s && !i->drained && !instance_is_cut(i))
			return s->affinity && !s->leaving;
	}
	return false;
}

void registry_watch(struct daemon *d, struct live_service *s)
{
	registry_set_unsettled(d->dp, s->id, true);
	ring_watch(d->dp->slots + s->ring_first, s->ring_size);
}

int registry_ring_update(struct daemon *d, struct live_service *s)
{
	struct sl_slot *slots = d->dp->slots + s->ring_first;
	sl_autofree struct ring_candidate *c = NULL;
	sl_autofree void *table = NULL;
	struct ring_choice choice;
	size_t n;
	int err;

	if (!s->ring_size || s->leaving || !s->model)
		return 0;
	n = candidates_of(s, &c);
	if (!c)
		return -ENOMEM;
	err = ring_choose(c, n, s->model->health.min_healthy, slots, s->ring_size, &choice);
	if (err)
		return err;
	table = choice.table;
	registry_tell_min_healthy(d, s, &choice);
	if (choice.table && s->affinity && ring_differs(slots, choice.table, s->ring_size))
		registry_set_unsettled(d->dp, s->id, true);
	if (choice.table)
		ring_update(slots, choice.table, s->ring_size, daemon_now_s(), s->keep_s,
			    s->affinity);
	registry_ring_count(d, s, daemon_now_s());
	return 0;
}
