// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sluiced: opens the parts in their order, puts the configuration in force, and
 * leaves the rest to the loop. The program and its maps outlive it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "../common/cleanup.h"
#include "../dataplane/forget.h"
#include "links.h"
#include "options.h"
#include "packet_events.h"
#include "process.h"
#include "registry_own.h"
#include "reload.h"
#include "sweep.h"
#include "top.h"

enum exit_code {
	EXIT_RUNTIME = 1,
	EXIT_CONFIG = 2,
};

#define REFRESH_MS 5000 /* of routes and neighbours, besides what netlink tells; of the time */

struct sluiced {
	struct daemon d;
	uv_signal_t hup, term, intr;
	uv_timer_t refresh;
	uv_poll_t netlink;
	bool netlink_open;
};

static uint64_t coarse_tick_ns(void)
{
	struct timespec ts;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &ts))
		return 10 * 1000000; /* the longest there is: HZ=100 */
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* -- what the loop brings -- */

static void on_hup(uv_signal_t *signal, int number)
{
	struct config_error why = {};

	(void)number;
	daemon_reload(signal->data, &why); /* tells by itself */
}

static void on_end(uv_signal_t *signal, int number)
{
	struct daemon *d = signal->data;

	event_emit(d->events, LOG_INFO, (struct event_about){ .type = "stop" },
		   "%s: the program stays attached", strsignal(number));
	process_notify("STOPPING=1");
	uv_stop(&d->loop);
}

static void tell_netlink(int err)
{
	if (err)
		log_warn("next hops: %s; tried again in %d s", strerror(-err), REFRESH_MS / 1000);
}

static void on_refresh(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	daemon_tell_wall(d);
	tell_netlink(neigh_refresh(d->neigh));
}

static void on_netlink(uv_poll_t *poll, int status, int events)
{
	struct daemon *d = poll->data;

	(void)status;
	(void)events;
	tell_netlink(neigh_read(d->neigh));
}

static int loop_open(struct sluiced *s)
{
	const struct {
		uv_signal_t *handle;
		uv_signal_cb fn;
		int number;
	} signals[] = {
		{ &s->hup, on_hup, SIGHUP },
		{ &s->term, on_end, SIGTERM },
		{ &s->intr, on_end, SIGINT },
	};
	int err = 0;

	for (size_t i = 0; i < SL_ARRAY_SIZE(signals) && !err; i++) {
		signals[i].handle->data = &s->d;
		err = uv_signal_init(&s->d.loop, signals[i].handle);
		if (!err)
			err = uv_signal_start(signals[i].handle, signals[i].fn, signals[i].number);
	}
	if (!err)
		err = uv_timer_init(&s->d.loop, &s->refresh);
	s->refresh.data = &s->d;
	return err;
}

static int netlink_poll(struct sluiced *s)
{
	int err = uv_poll_init(&s->d.loop, &s->netlink, neigh_fd(s->d.neigh));

	if (err)
		return err;
	s->netlink.data = &s->d;
	s->netlink_open = true;
	err = uv_poll_start(&s->netlink, UV_READABLE, on_netlink);
	return err ? err : uv_timer_start(&s->refresh, on_refresh, REFRESH_MS, REFRESH_MS);
}

/* -- opening -- */

static int dataplane_make(struct daemon *d, const struct model *m, struct config_error *reterr)
{
	const struct dataplane_opts opts = { .pin_root = d->pin_root, .capacity = m->capacity };
	struct dataplane_error why = {};
	int err = dataplane_open(&opts, &d->dp, &why);

	if (err)
		snprintf(reterr->text, sizeof(reterr->text), "%s", why.text);
	else
		err = process_lock_pins(d->pin_root, reterr);
	if (err)
		return err;
	/* Where the table is too small for them, they are what is left out. */
	err = forget_make_others(d->dp);
	daemon_tell_wall(d);
	if (err)
		log_warn("capacity.tallies: no room for the sums of what finds no room: %s",
			 strerror(-err));
	return registry_open(d->dp, &d->registry, reterr);
}

/* Instances that were there before: the kernel has their records already. */
static void watch_adopted(struct daemon *d)
{
	for (struct live_service *s = d->registry->services; s; s = s->next) {
		for (struct live_instance *i = s->instances; i; i = i->next) {
			int err = neigh_watch(d->neigh, i->id, &i->addr);

			if (err)
				log_warn("instance %s/%s: its next hop is not known: %s", s->name,
					 i->name, strerror(-err));
		}
	}
}

/* The parts that look after what is in force. */
static int parts_open(struct sluiced *s, struct config_error *reterr)
{
	struct daemon *d = &s->d;
	int err = neigh_open(d->dp, registry_on_hop, d, &d->neigh);

	if (!err)
		err = netlink_poll(s);
	if (!err)
		err = sweep_open(d, &d->sweep);
	if (!err)
		err = packet_events_open(d, &d->packet_events);
	if (!err)
		err = top_open(d, &d->top);
	if (err)
		snprintf(reterr->text, sizeof(reterr->text), "cannot open netlink or the loop: %s",
			 strerror(-err));
	else
		watch_adopted(d);
	return err;
}

static int speakers_open(struct daemon *d, struct config_error *reterr)
{
	int err = health_open(d, &d->health);

	if (!err)
		err = outliers_open(d, &d->outliers);
	if (!err)
		err = ramps_open(d, &d->ramps);
	if (!err)
		err = scaling_open(d, &d->scaling);
	if (err) {
		snprintf(reterr->text, sizeof(reterr->text), "cannot open health or scaling: %s",
			 strerror(-err));
		return err;
	}
	health_update(d->health);
	scaling_update(d->scaling);
	return api_open(d, &d->api, reterr);
}

/* What was kept does not fit the file any more: it must not keep the node down. */
static int load_without_overlay(struct daemon *d, struct story *ret, struct config_error *reterr)
{
	struct config_error first = *reterr;
	struct overlay *kept = d->overlay;
	int err;

	if (overlay_is_empty(kept))
		return -EINVAL;
	d->overlay = NULL;
	err = overlay_make_empty(d->state_path, &d->overlay);
	if (!err)
		err = story_load(d, true, ret, reterr);
	if (err) {
		overlay_close(d->overlay);
		d->overlay = kept;
		return err;
	}
	overlay_close(kept);
	event_emit(d->events, LOG_ERR, (struct event_about){ .type = "overlay" },
		   "all run-time changes are dropped, they do not fit the file: %.180s",
		   first.text);
	return 0;
}

/* Everything up to "ready". Returns an exit code, 0 to go on. */
static int sluiced_open(struct sluiced *s, struct config_error *reterr)
{
	sl_cleanup(story_free) struct story story = {};
	struct daemon *d = &s->d;
	int err = process_make_parents(d->state_path, 0700, reterr);

	if (!err)
		err = process_make_parents(d->socket_path, 0755, reterr);
	if (!err)
		err = process_lock(d->state_path, reterr);
	if (!err)
		err = overlay_open(d->state_path, &d->overlay, reterr);
	if (err)
		return EXIT_RUNTIME;
	if (story_load(d, false, &story, reterr) && load_without_overlay(d, &story, reterr))
		return EXIT_CONFIG;

	err = dataplane_make(d, story.model, reterr);
	if (!err)
		err = parts_open(s, reterr);
	if (!err)
		err = story_enforce(d, &story, "start", reterr);
	if (!err)
		err = speakers_open(d, reterr);
	if (!err)
		err = links_attach(d, d->model, reterr);
	if (err)
		return EXIT_RUNTIME;
	links_keep(d);
	return 0;
}

/* -- closing -- */

static void close_handle(uv_handle_t *handle)
{
	if (handle->data && !uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void sluiced_close(struct sluiced *s)
{
	struct daemon *d = &s->d;

	api_close(d->api);
	scaling_close(d->scaling);
	ramps_close(d->ramps);
	outliers_close(d->outliers);
	health_close(d->health);
	packet_events_close(d->packet_events);
	top_close(d->top);
	sweep_close(d->sweep);
	if (s->netlink_open)
		close_handle((uv_handle_t *)&s->netlink);
	close_handle((uv_handle_t *)&s->refresh);
	close_handle((uv_handle_t *)&s->hup);
	close_handle((uv_handle_t *)&s->term);
	close_handle((uv_handle_t *)&s->intr);
	/* Closed handles are the loop's until it has run. */
	uv_run(&d->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&d->loop))
		log_debug("a handle of the loop was left open");

	neigh_close(d->neigh);
	registry_close(d->registry);
	links_free(d);
	dataplane_close(d->dp);
	overlay_close(d->overlay);
	cJSON_Delete(d->document);
	model_free(d->model);
	events_close(d->events);
}

/* -- main -- */

static int check_only(const char *path)
{
	sl_cleanup(model_freep) struct model *m = NULL;
	struct config_error why = {};

	if (config_load_file(path, coarse_tick_ns(), &m, &why)) {
		fprintf(stderr, "%s: %s\n", path, why.text);
		return EXIT_CONFIG;
	}
	printf("%s: good: %zu services, %zu tenants, %zu interfaces\n", path, m->n_services,
	       m->n_tenants, m->n_interfaces);
	return EXIT_SUCCESS;
}

static int remove_only(const struct options *o)
{
	struct config_error why = {};
	int err;

	if (!access(o->pin_path, F_OK) && process_lock_pins(o->pin_path, &why)) {
		fprintf(stderr, "sluiced: %s\n", why.text);
		return EXIT_RUNTIME;
	}
	err = dataplane_remove(o->pin_path);
	if (err)
		fprintf(stderr, "sluiced: %s: cannot be removed: %s\n", o->pin_path,
			strerror(-err));
	return err ? EXIT_RUNTIME : EXIT_SUCCESS;
}

/* With a daemon alive this is the control API's business. */
static int detach_only(const struct options *o)
{
	struct config_error why = {};
	int err;

	if (!access(o->pin_path, F_OK) && process_lock_pins(o->pin_path, &why)) {
		fprintf(stderr, "sluiced: %s\n", why.text);
		return EXIT_RUNTIME;
	}
	err = dataplane_detach(o->pin_path, o->detach);
	if (err == -ENOENT)
		fprintf(stderr, "sluiced: %s: nothing of ours is attached (pins below %s)\n",
			o->detach, o->pin_path);
	else if (err)
		fprintf(stderr, "sluiced: %s: cannot be detached: %s\n", o->detach, strerror(-err));
	else
		printf("%s: detached\n", o->detach);
	return err ? EXIT_RUNTIME : EXIT_SUCCESS;
}

static int run(struct sluiced *s)
{
	struct config_error why = {};
	int err, code = sluiced_open(s, &why);

	if (code) {
		log_err("%s: %s", code == EXIT_CONFIG ? s->d.config_path : "cannot start",
			why.text);
		return code;
	}
	err = process_drop_capabilities();
	if (err)
		log_warn("capabilities are kept: %s", strerror(-err));
	s->d.ready = true;
	event_emit(s->d.events, LOG_INFO, (struct event_about){ .type = "start" },
		   "ready: sluiced %s, %s", SL_VERSION,
		   s->d.dp->adopted ? "went on from the maps it found" : "with new maps");
	process_notify("READY=1");
	uv_run(&s->d.loop, UV_RUN_DEFAULT);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options o;
	struct sluiced *s;
	int code = options_parse(argc, argv, &o);

	if (code >= 0)
		return code;
	log_set_level(o.level);
	process_route_logs();
	signal(SIGPIPE, SIG_IGN);
	if (o.check)
		return check_only(o.config);
	if (o.remove)
		return remove_only(&o);
	if (o.detach)
		return detach_only(&o);

	s = calloc(1, sizeof(*s));
	if (!s || uv_loop_init(&s->d.loop))
		return EXIT_RUNTIME;
	s->d.config_path = o.config;
	s->d.state_path = o.state;
	s->d.socket_path = o.socket;
	s->d.pin_root = o.pin_path;
	s->d.tick_ns = coarse_tick_ns();
	s->d.started_ns = daemon_now_ns();
	code = events_open(&s->d.events) || loop_open(s) ? EXIT_RUNTIME : run(s);
	sluiced_close(s);
	free(s);
	return code;
}
