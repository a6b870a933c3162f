// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hooks, see hook.h. A hook is over when it has exited and its output has been
 * read. A server that it left behind may hold the pipe open, so the end of the
 * output is waited for only a moment.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hook.h"
#include "../common/num.h"
#include "../common/str.h"

#define HOOK_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum {
	DRAIN_MS = 100, /* for what is in the pipe when the exit is seen */
};

struct hook_run {
	hook_done fn; /* NULL: over or abandoned */
	void *arg;
	uv_process_t process;
	uv_pipe_t pipe;
	uv_timer_t timer;
	int handles;
	bool exited, eof, timed_out;
	int64_t status;
	int signal;
	uint64_t timeout_ms;
	size_t len;
	char out[HOOK_OUTPUT_MAX];
	char dropped[512]; /* what is read beyond it */
};

static void on_closed(uv_handle_t *handle)
{
	struct hook_run *run = handle->data;

	if (--run->handles == 0)
		free(run);
}

static void close_all(struct hook_run *run)
{
	run->fn = NULL;
	uv_close((uv_handle_t *)&run->process, on_closed);
	uv_close((uv_handle_t *)&run->pipe, on_closed);
	uv_close((uv_handle_t *)&run->timer, on_closed);
}

static void say_how_it_ended(const struct hook_run *run, struct hook_result *result)
{
	struct str s = str_over(result->why, sizeof(result->why));
	char text[NUM_TEXT];

	if (run->timed_out)
		str_add(&s, "did not end within %s",
			num_duration_text(run->timeout_ms * NUM_NS_PER_MS, text));
	else if (run->signal)
		str_add(&s, "was killed by signal %d", run->signal);
	else if (run->status)
		str_add(&s, "exited with status %lld", (long long)run->status);
}

static void finish(struct hook_run *run)
{
	struct hook_result result = {
		.ok = !run->timed_out && !run->signal && !run->status,
		.timed_out = run->timed_out,
		.out = run->out,
		.len = run->len,
	};
	hook_done fn = run->fn;

	if (!fn)
		return;
	say_how_it_ended(run, &result);
	close_all(run);
	fn(run->arg, &result); /* run lives until its handles are closed */
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct hook_run *run = handle->data;

	(void)suggested;
	if (run->len < sizeof(run->out))
		*buf = uv_buf_init(run->out + run->len, sizeof(run->out) - run->len);
	else
		*buf = uv_buf_init(run->dropped, sizeof(run->dropped));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct hook_run *run = stream->data;

	if (!run->fn)
		return;
	if (n < 0) {
		run->eof = true;
		uv_read_stop(stream);
		if (run->exited)
			finish(run);
		return;
	}
	if (buf->base != run->dropped)
		run->len += n;
}

static void on_drained(uv_timer_t *timer)
{
	finish(timer->data);
}

static void on_exit_seen(uv_process_t *process, int64_t status, int sig)
{
	struct hook_run *run = process->data;

	if (!run->fn)
		return;
	run->exited = true;
	run->status = status;
	run->signal = sig;
	if (run->eof)
		finish(run);
	else
		uv_timer_start(&run->timer, on_drained, DRAIN_MS, 0);
}

/* The hook's own process group: what it has started and not finished goes too. */
static void on_timeout(uv_timer_t *timer)
{
	struct hook_run *run = timer->data;

	kill(-run->process.pid, run->timed_out ? SIGKILL : SIGTERM);
	if (!run->timed_out)
		uv_timer_start(&run->timer, on_timeout, HOOK_KILL_MS, 0);
	run->timed_out = true;
}

/* Entries are ours or NULL; each is at most as long as its buffer, or -E2BIG. */
struct hook_env {
	char words[3][SL_NAME_LEN + 32];
	char *list[HOOK_ENV_MAX + 1];
};

static int make_env(const struct hook_spec *spec, struct hook_env *env)
{
	const char *const names[] = { "SLUICE_SERVICE", "SLUICE_ACTION", "SLUICE_INSTANCE" };
	const char *const values[] = { spec->service, spec->action, spec->instance };
	size_t n = 0;

	env->list[n++] = (char *)HOOK_PATH;
	for (size_t i = 0; i < SL_ARRAY_SIZE(names); i++) {
		struct str s = str_over(env->words[i], sizeof(env->words[i]));

		str_add(&s, "%s=%s", names[i], values[i]);
		if (s.cut)
			return -E2BIG;
		env->list[n++] = env->words[i];
	}
	for (const char *const *more = spec->env; more && *more; more++) {
		if (n == HOOK_ENV_MAX)
			return -E2BIG;
		env->list[n++] = (char *)*more;
	}
	env->list[n] = NULL;
	return 0;
}

static int spawn(uv_loop_t *loop, struct hook_run *run, const struct hook_spec *spec,
		 const struct hook_env *env)
{
	char *args[] = { (char *)spec->exec, (char *)spec->service, (char *)spec->action,
			 (char *)spec->instance, NULL };
	uv_stdio_container_t stdio[] = {
		{ .flags = UV_IGNORE },
		{ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		  .data.stream = (uv_stream_t *)&run->pipe },
		{ .flags = UV_INHERIT_FD, .data.fd = 2 }, /* its complaints go to our log */
	};
	const uv_process_options_t options = {
		.exit_cb = on_exit_seen,
		.file = spec->exec,
		.args = args,
		.env = (char **)env->list,
		.cwd = "/",
		.flags = UV_PROCESS_DETACHED, /* a group of its own, for on_timeout() */
		.stdio_count = SL_ARRAY_SIZE(stdio),
		.stdio = stdio,
	};

	return uv_spawn(loop, &run->process, &options);
}

int hook_start(uv_loop_t *loop, const struct hook_spec *spec, hook_done fn, void *arg,
	       struct hook_run **ret)
{
	struct hook_env env;
	struct hook_run *run;
	int err;

	err = make_env(spec, &env);
	if (err)
		return err;
	run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;

	run->fn = fn;
	run->arg = arg;
	run->timeout_ms = spec->timeout_ms ? spec->timeout_ms : HOOK_TIMEOUT_MS;
	run->handles = 3;
	uv_pipe_init(loop, &run->pipe, 0);
	uv_timer_init(loop, &run->timer);
	err = spawn(loop, run, spec, &env);
	run->process.data = run->pipe.data = run->timer.data = run;
	if (!err)
		err = uv_read_start((uv_stream_t *)&run->pipe, on_alloc, on_read);
	if (err) {
		close_all(run);
		return err;
	}
	uv_timer_start(&run->timer, on_timeout, run->timeout_ms, 0);
	*ret = run;
	return 0;
}

int hook_pid(const struct hook_run *run)
{
	return run && run->fn && !run->exited ? run->process.pid : 0;
}

void hook_abandon(struct hook_run *run)
{
	if (run && run->fn)
		close_all(run);
}
