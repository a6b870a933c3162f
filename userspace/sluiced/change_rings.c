// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A service whose ring changes gets its slots, changed, in a region of their own,
 * so that the store that flips the banks switches its ring as well. Packets do
 * not write slots, so nothing is lost between the copy and the flip.
 */
#include <errno.h>
#include <stdlib.h>
#include "../common/cleanup.h"
#include "change.h"
#include "registry_own.h"
#include "rings.h"

uint32_t change_weight(const struct live_instance *live, const struct model_instance *want)
{
	bool on_its_way = live && live->ramp.over_ns && live->ramp.to == want->weight;

	return on_its_way ? live->weight : want->weight;
}

static size_t candidates_from(struct change *c, const struct change_service *cs,
			      struct ring_candidate *ret)
{
	const struct model_service *want = cs->want;

	for (size_t i = 0; i < want->n_instances; i++) {
		const struct change_instance *ci = &cs->instances[i];
		const struct live_instance *live =
			registry_instance_by_id(c->d->registry, ci->name.id);

		ret[i] = (struct ring_candidate){
			.id = ci->name.id,
			.weight = change_weight(live, ci->want),
			.hash = ring_name_hash(want->name, ci->want->name),
			.wanted = ci->want->admin == ADMIN_UP && !(live && live->gone),
			.healthy = !live || instance_is_well(live),
			.out = live && live->moved,
		};
	}
	return want->n_instances;
}

/* Rings never shrink: a slot's state could not be told by half of its flows. */
static uint32_t size_for(const struct change_service *cs)
{
	const struct model_service *want = cs->want;
	size_t most = want->n_instances;
	uint32_t size;

	if (want->scaling.present && want->scaling.max > most)
		most = want->scaling.max;
	size = most ? ring_size_for(most) : 0;
	return size > cs->old_size ? size : cs->old_size;
}

/* The slots as they are, spread over @size. */
static void slots_copy(struct change *c, const struct change_service *cs, struct sl_slot *to,
		       uint32_t size)
{
	if (cs->old_size)
		ring_grow(c->d->dp->slots + cs->old_first, cs->old_size, to, size);
	else
		memset(to, 0, size * sizeof(*to));
}

static int region_move(struct change *c, struct change_service *cs, const struct sl_slot *slots,
		       uint32_t size)
{
	uint32_t first;
	int err = regions_take(&c->d->registry->regions, size, &first);

	if (err)
		return change_fail(c, err,
				   "capacity.slots: no room for the ring of service %s (%u slots, "
				   "and as many while it changes): want a larger capacity",
				   cs->want->name, size);
	/* If the change is undone, the next sweep takes it back. */
	if (ring_is_unsettled(slots, size))
		registry_set_unsettled(c->d->dp, cs->value.id, true);
	memcpy(c->d->dp->slots + first, slots, size * sizeof(*slots));
	cs->value.ring_first = first;
	cs->value.ring_size = size;
	cs->moved = true;
	return 0;
}

static int ring_of(struct change *c, struct change_service *cs)
{
	struct live_service *live = registry_service_by_id(c->d->registry, cs->value.id);
	uint32_t size = size_for(cs), now = daemon_now_s(), keep = cs->value.keep_s;
	sl_autofree struct ring_candidate *candidates = NULL;
	sl_autofree struct sl_slot *slots = NULL;
	sl_autofree uint16_t *table = NULL;
	struct ring_choice choice;
	int err;

	if (!size)
		return 0;
	candidates = calloc(cs->want->n_instances + 1, sizeof(*candidates));
	slots = malloc(size * sizeof(*slots));
	if (!candidates || !slots)
		return change_fail(c, -ENOMEM, "no memory");
	slots_copy(c, cs, slots, size);
	err = ring_choose(candidates, candidates_from(c, cs, candidates),
			  cs->want->health.min_healthy, cs->old_size ? slots : NULL, size, &choice);
	if (err)
		return change_fail(c, err, "no memory");
	table = choice.table;
	cs->chosen = true;
	cs->below_min_healthy = choice.below_min_healthy;
	cs->wanted = choice.wanted;
	cs->healthy = choice.healthy;

	/* Pins made by the longer keep must find their transition; a shorter one begins
	 * with the change in force, see service_fill().
	 */
	if (live && keep > live->keep_s) {
		ring_prolong(c->d->dp->slots + cs->old_first, cs->old_size, now, keep);
		ring_prolong(slots, size, now, keep);
	}
	ring_clamp(slots, size, now, keep);
	if (size == cs->old_size && (!table || !ring_differs(slots, table, size)))
		return 0;
	if (table)
		ring_update(slots, table, size, now, keep, cs->value.flags & SL_SVC_AFFINITY);
	return region_move(c, cs, slots, size);
}

int change_rings(struct change *c)
{
	int err = 0;

	for (size_t i = 0; i < c->n_services && !err; i++) {
		struct change_service *cs = &c->services[i];

		cs->value.ring_first = cs->old_first;
		cs->value.ring_size = cs->old_size;
		if (!c->services_only || !strcmp(c->service, cs->want->name))
			err = ring_of(c, cs);
	}
	return err;
}

void change_rings_undo(struct change *c)
{
	for (size_t i = 0; i < c->n_services; i++) {
		struct change_service *cs = &c->services[i];

		if (cs->moved)
			regions_free(&c->d->registry->regions, cs->value.ring_first,
				     cs->value.ring_size);
	}
}
