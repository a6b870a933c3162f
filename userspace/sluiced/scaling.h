/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside scaling: servers that hooks started, and the services they scale.
 *
 *	scaling.c	when: figures, decisions
 *	scale_server.c	how: a server's life from its `up` hook to its `down` hook
 *	scale_hook.c	what a hook is told
 *	scale_state.c	what a restarted daemon must know of it
 *
 * A hook that was run for `up` is owed one for `down`, whatever becomes of the
 * daemon meanwhile. So each server is written to STATE.hooks, beside the
 * overlay, before its `up` hook runs, and taken out after its `down` hook has
 * succeeded. In between its instance lives in the registry, which drains it over
 * restarts like any other; when the registry no longer lists it, `down` is due.
 * An instance of scaling's origin that the file does not know is taken into it.
 */
#ifndef SL_SCALING_H
#define SL_SCALING_H

#include <sys/queue.h>
#include "../plan/load.h"
#include "../plan/scale.h"
#include "daemon.h"
#include "hook.h"
#include "probe.h"
#include "service_load.h"

enum server_state {
	SERVER_STARTING, /* its `up` hook runs, or waits to */
	SERVER_PROVING,	 /* its address is known; it takes no flows before it answers probes */
	SERVER_SERVING,	 /* it is an instance */
	SERVER_STOPPING, /* it is none any more: its `down` hook is due */
};

struct scale_server {
	TAILQ_ENTRY(scale_server) link; /* in the order of starting */
	struct scaling *scaling;
	/* kept in the state file */
	enum server_state state;
	char service[SL_NAME_LEN], name[SL_NAME_LEN];
	struct sl_addr addr; /* from PROVING on; zero: not known */
	uint16_t port;
	char *exec;	/* "": there is no hook to run */
	int orphan_pid; /* of a hook that another daemon left running; 0: none */
	/* of this process */
	struct hook_run *hook;
	struct probe_run *probe;
	uint64_t not_before_ns;	  /* of the next hook */
	uint64_t orphan_until_ns; /* is waited for; 0: not begun */
	uint64_t proving_since_ns;
	uint64_t down_since_ns; /* its probes fail since; 0: they do not */
	uint32_t answered;	/* probes in a row */
	uint32_t down_failures; /* of its `down` hook */
};

TAILQ_HEAD(scale_servers, scale_server);

/* One scaled service. Found by name: a service may come and go. */
struct scaler {
	struct scaler *next;
	char service[SL_NAME_LEN];
	bool seen;
	struct scale_state state;
	struct service_load *counters;
	struct load_average load, offered;
	struct scaling_figures figures;
	uint32_t up_failures; /* in a row */
	uint64_t backoff_until_ns;
	/* what was last told, so that no event repeats itself */
	const char *told_why;
	uint64_t told_ns;
	uint32_t told_desired, told_have;
};

struct scaling {
	struct daemon *d;
	uv_timer_t *timer; /* outlives this by the loop's turn that closes it */
	uint32_t ticks;
	struct scaler *scalers;
	struct scale_servers servers;
	uint32_t hooks; /* that run */
	bool accounts_changed;
	bool unsaved, save_failed;
	char *path; /* NULL: not kept */
};

/* -- scale_server.c -- */

/* A new server for @svc, to be started soon. NULL: out of memory. */
struct scale_server *server_new(struct scaling *s, const struct live_service *svc);
void server_free(struct scale_server *srv);
struct scale_server *server_find(const struct scaling *s, const char *service, const char *name);
/* Its instance; NULL: it is none. */
struct live_instance *server_instance(const struct scale_server *srv);
/* How many are on their way to serve @service. */
uint32_t servers_starting(const struct scaling *s, const char *service);
/* Move every server on; called a few times a second. */
void servers_tick(struct scaling *s, uint64_t now_ns);

/* -- scale_hook.c -- */

/* Run its hook for @action, "up" or "down"; as hook_start(). */
int server_run_hook(struct scale_server *srv, const char *action, hook_done fn);

/* -- scaling.c -- */

struct scaler *scaler_find(const struct scaling *s, const char *service);
void scaler_up_failed(struct scaling *s, const char *service);
void scaler_up_done(struct scaling *s, const char *service);

/* -- scale_state.c -- */

/* Read the file into s->servers. A missing file is none; another error is told
 * in the log, and the servers that the file would have named are lost.
 */
void scale_state_load(struct scaling *s);
/* Write it, whole or not at all. Failures are logged and tried again. */
void scale_state_save(struct scaling *s);

#endif /* SL_SCALING_H */
