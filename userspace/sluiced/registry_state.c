// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a change of an instance's state means: flags, drain, ring, events. */
#include <errno.h>
#include <string.h>
#include "registry_own.h"
#include "rings.h"
#include "sweep.h"

bool instance_is_well(const struct live_instance *i)
{
	return i->health != HEALTH_DOWN && !i->outlier.ejected;
}

bool instance_takes_flows(const struct live_instance *i)
{
	return i->admin == ADMIN_UP && !i->leaving && !i->gone && !i->moved &&
	       (instance_is_well(i) || i->service->below_min_healthy);
}

bool instance_is_cut(const struct live_instance *i)
{
	return i->given_up || i->gone || i->moved || i->admin == ADMIN_DOWN;
}

const char *instance_state(const struct live_instance *i)
{
	if (i->admin == ADMIN_DOWN && !i->leaving)
		return "down";
	if (i->leaving || i->admin == ADMIN_DRAINING)
		return i->drained ? "drained" : "draining";
	if (i->health == HEALTH_DOWN)
		return "down";
	return i->outlier.ejected ? "ejected" : "up";
}

/* -- flags and what outlives the daemon -- */

static enum model_on_down on_down_of(const struct live_service *s)
{
	return s->model ? s->model->health.on_down : ON_DOWN_KEEP;
}

/* TCP devices are told, of what an administrator or evidence or probes took down. */
static bool is_reset(const struct live_instance *i)
{
	bool down = i->gone || i->moved || (i->admin == ADMIN_DOWN && !i->leaving);

	return down && on_down_of(i->service) == ON_DOWN_RESET;
}

static const char *and_reset(const struct live_instance *i)
{
	return is_reset(i) ? ", and TCP devices are told by RST" : "";
}

static uint32_t state_bits(const struct live_instance *i)
{
	return (i->drain_since_s ? NAME_I_DRAINING : 0) | (i->leaving ? NAME_I_LEAVING : 0) |
	       (i->health == HEALTH_DOWN ? NAME_I_DOWN : 0) | (i->gone ? NAME_I_GONE : 0);
}

static void state_save(struct daemon *d, const struct live_instance *i)
{
	struct names *names = d->registry->names;
	const char *text = names_text(names, SL_NAME_INSTANCE, i->id);
	int err = text ? names_set_state(names, SL_NAME_INSTANCE, text, state_bits(i),
					 i->drain_since_s)
		       : -ENOENT;

	if (err)
		log_warn("instance %s/%s: its state is not kept over a restart: %s",
			 i->service->name, i->name, strerror(-err));
}

static void flags_store(struct daemon *d, struct live_instance *i)
{
	uint8_t *flags = &d->dp->instances[i->id].flags;
	uint8_t now = *flags & ~(SL_I_DOWN | SL_I_RESET);

	if (instance_is_cut(i))
		now |= SL_I_DOWN;
	if (is_reset(i))
		now |= SL_I_RESET;
	/* Only a whole pass from here on has seen every pin that was followed. */
	if (now & ~*flags & SL_I_DOWN)
		i->sweep_seen = false;
	__atomic_store_n(flags, now, __ATOMIC_RELEASE);
}

static void drain_begin(struct daemon *d, struct live_instance *i)
{
	i->drain_since_s = daemon_now_s() ?: 1;
	i->sweep_seen = false;
	i->drained = false;
	i->timeout_told = false;
	i->drain_told = (struct drain_told){};
	sweep_soon(d->sweep);
}

/* "drain": "move": nothing is waited for. */
static void give_up_at_once(struct daemon *d, struct live_instance *i)
{
	struct event_about about = { "instance_given_up", i->service->name, i->name, NULL };

	if (i->given_up || i->admin == ADMIN_DOWN || i->service->leaving)
		return;
	i->given_up = true;
	event_emit(d->events, LOG_INFO, about,
		   "it drains, and drain is move: its flows go to others");
}

void registry_settle(struct daemon *d, struct live_instance *i)
{
	bool draining = i->leaving || i->admin != ADMIN_UP;

	if (draining && !i->drain_since_s) {
		drain_begin(d, i);
	} else if (!draining) {
		i->drain_since_s = 0;
		i->drained = false;
		i->given_up = false;
	}
	if (i->admin == ADMIN_DOWN && !i->leaving)
		i->given_up = false; /* that it is down says the same, and may be taken back */
	if (draining && i->service->drain_moves)
		give_up_at_once(d, i);
	flags_store(d, i);
	state_save(d, i);
	if (registry_wants_watch(i->service)) /* what is answered from now on is known */
		registry_watch(d, i->service);
}

static void ring_follow(struct daemon *d, struct live_service *s, struct event_about about)
{
	int err = registry_ring_update(d, s);

	if (err)
		event_emit(d->events, LOG_ERR, about, "the ring was not updated: %s",
			   strerror(-err));
}

/* -- evidence and probes -- */

/* Are as many well as min_healthy wants, so that what is said of the others is
 * believed? That a neighbour does not answer may be a switch's fault, which all share,
 * and so may be that probes fail.
 */
static bool others_are_well(const struct live_service *s)
{
	uint32_t wanted = 0, well = 0;

	for (const struct live_instance *i = s->instances; i; i = i->next) {
		if (i->admin != ADMIN_UP || i->leaving)
			continue;
		wanted++;
		well += instance_is_well(i);
	}
	return s->model && well && well >= s->model->health.min_healthy * wanted;
}

void registry_set_gone(struct daemon *d, struct live_instance *i, const char *why)
{
	struct event_about about = { "instance_gone", i->service->name, i->name, NULL };

	if (i->gone)
		return;
	i->gone = true;
	registry_settle(d, i);
	event_emit(d->events, LOG_WARN, about, "%s: its flows move to others%s", why, and_reset(i));
	ring_follow(d, i->service, about);
}

bool registry_move_by_probes(struct daemon *d, struct live_service *s)
{
	enum model_on_down on_down = on_down_of(s);
	bool any = false;

	if (on_down == ON_DOWN_KEEP || !others_are_well(s))
		return false;
	for (struct live_instance *i = s->instances; i; i = i->next) {
		struct event_about about = { "instance_moved", s->name, i->name, NULL };

		if (i->health != HEALTH_DOWN || instance_is_cut(i))
			continue;
		any = i->moved = true;
		registry_settle(d, i);
		event_emit(d->events, LOG_WARN, about,
			   "its probes fail and on_down is %s: its flows move to others%s",
			   on_down == ON_DOWN_RESET ? "reset" : "move", and_reset(i));
	}
	return any;
}

static void tell_kept(struct daemon *d, const struct live_instance *i)
{
	struct event_about about = { "instance_kept", i->service->name, i->name, NULL };

	if (on_down_of(i->service) == ON_DOWN_KEEP || i->health != HEALTH_DOWN ||
	    instance_is_cut(i))
		return;
	event_emit(d->events, LOG_WARN, about,
		   "fewer than min_healthy are healthy: the probes are not believed, and its flows "
		   "stay");
}

void registry_set_health(struct daemon *d, struct live_instance *i, enum live_health health,
			 const char *why)
{
	struct event_about about = { .service = i->service->name, .instance = i->name };
	enum live_health before = i->health;

	if (health == before)
		return;
	i->health = health;
	i->gone &= health == HEALTH_DOWN;
	i->moved &= health == HEALTH_DOWN;
	registry_settle(d, i);
	if (health == HEALTH_DOWN) {
		about.type = "instance_down";
		event_emit(d->events, LOG_WARN, about, "its probes fail (%s): no new flows%s", why,
			   i->gone				    ? ", it has lost those it had"
			   : on_down_of(i->service) == ON_DOWN_KEEP ? ", it keeps those it has"
								    : "");
	} else if (health == HEALTH_UP) {
		about.type = "instance_up";
		event_emit(d->events, LOG_INFO, about, "its probes succeed (%s)", why);
	}
	if (health == HEALTH_DOWN && i->hop == HOP_FAILED && others_are_well(i->service))
		registry_set_gone(d, i, "its neighbour does not answer either");
	registry_move_by_probes(d, i->service);
	tell_kept(d, i);
	ring_follow(d, i->service, about);
}

/* -- next hops -- */

void registry_on_hop(void *arg, uint16_t instance, enum neigh_hop_state state, const char *ifname)
{
	static const char *const text[] = {
		[HOP_UNKNOWN] = "no route to it: its packets are left to the kernel, and lost",
		[HOP_PENDING] = "its neighbour is being resolved: the kernel forwards meanwhile",
		[HOP_READY] = "packets are redirected",
		[HOP_STACK] = "the link is no redirect target, the kernel forwards (see doctor)",
		[HOP_FAILED] = "its neighbour does not answer",
	};
	struct daemon *d = arg;
	struct live_instance *i = registry_instance_by_id(d->registry, instance);
	struct event_about about = { .type = "next_hop" };
	bool bad = state == HOP_UNKNOWN || state == HOP_FAILED || state == HOP_STACK;

	if (!i || i->hop == state)
		return;
	i->hop = state;
	if (state == HOP_PENDING)
		return; /* on the way to one of the others */
	about.service = i->service->name;
	about.instance = i->name;
	event_emit(d->events, bad ? LOG_WARN : LOG_INFO, about, "%s%s%s", text[state],
		   ifname && *ifname ? ", by " : "", ifname ? ifname : "");
	if (state == HOP_FAILED && i->health == HEALTH_DOWN && others_are_well(i->service))
		registry_set_gone(d, i, text[state]);
}
