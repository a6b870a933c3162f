/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Run a scaling hook: EXEC SERVICE up|down INSTANCE. No shell, a minimal
 * environment, bounded output, bounded time. Hooks run beside the loop; libuv
 * reaps them.
 */
#ifndef SL_HOOK_H
#define SL_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "../plan/hook_line.h"

#define HOOK_ENV_MAX	16    /* entries, PATH and the three words' among them */
#define HOOK_TIMEOUT_MS 60000 /* then SIGTERM to its process group */
#define HOOK_KILL_MS	5000  /* and after that SIGKILL */

struct hook_spec {
	const char *exec; /* absolute path */
	const char *service, *action, *instance;
	const char *const *env; /* further "NAME=value", ended by NULL; may be NULL */
	uint64_t timeout_ms;	/* 0: HOOK_TIMEOUT_MS */
};

struct hook_result {
	bool ok;		  /* ended by itself with status 0 */
	char why[HOOK_ERROR_MAX]; /* else: "exited with status 3", "did not end within 60s" */
	const char *out;	  /* the first HOOK_OUTPUT_MAX bytes of its standard output */
	size_t len;
	bool timed_out; /* it was killed: what it began may be half done */
};

struct hook_run;
typedef void (*hook_done)(void *arg, const struct hook_result *result);

/* Start. @fn is called exactly once, later, from the loop, unless the hook is
 * abandoned; *@ret is not to be used from then on. On failure (a negative
 * errno: there is no such file, it is no program, ...) @fn is not called.
 */
int hook_start(uv_loop_t *loop, const struct hook_spec *spec, hook_done fn, void *arg,
	       struct hook_run **ret);

/* The child's pid, which is its process group too; 0: it has ended. NULL is fine. */
int hook_pid(const struct hook_run *run);

/* Leave the child to itself: it is neither stopped nor waited for, and @fn will
 * not be called. NULL is fine.
 */
void hook_abandon(struct hook_run *run);

#endif /* SL_HOOK_H */
