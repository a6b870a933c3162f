// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A probe's life: start, deadline, verdict, end. See probe.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include "probe_run.h"
#include "../common/num.h"
#include "../common/str.h"

static const struct {
	int err;
	enum probe_outcome outcome;
	const char *text;
} evidence[] = {
	{ UV_ECONNREFUSED, PROBE_FAILED, "connection refused" },
	{ UV_ECONNRESET, PROBE_FAILED, "connection reset" },
	{ UV_ENETUNREACH, PROBE_FAILED, "network unreachable" },
	{ UV_EHOSTUNREACH, PROBE_FAILED, "host unreachable" },
	{ UV_EPIPE, PROBE_FAILED, "connection closed" },
	{ UV_ETIMEDOUT, PROBE_FAILED, "connection timed out" },
	/* what this node lacks is no evidence against the instance */
	{ UV_EMFILE, PROBE_UNDECIDED, "this process has too many open files" },
	{ UV_ENFILE, PROBE_UNDECIDED, "this node has too many open files" },
	{ UV_ENOMEM, PROBE_UNDECIDED, "out of memory" },
	{ UV_ENOBUFS, PROBE_UNDECIDED, "out of socket buffers" },
	{ UV_EADDRNOTAVAIL, PROBE_UNDECIDED, "no local address or port is left" },
	{ UV_EADDRINUSE, PROBE_UNDECIDED, "no local address or port is left" },
	{ UV_EACCES, PROBE_UNDECIDED, "this node's own rules forbid it" },
	{ UV_EPERM, PROBE_UNDECIDED, "this node's own rules forbid it" },
	{ UV_EAFNOSUPPORT, PROBE_UNDECIDED, "this node has no such address family" },
};

uint64_t probe_random(void)
{
	uint64_t value;

	/* Never blocks once the node has booted; the clock is good enough before. */
	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != sizeof(value))
		value = uv_hrtime();
	return value;
}

static void on_closed(uv_handle_t *handle)
{
	struct probe_run *run = handle->data;

	if (--run->handles == 0)
		free(run);
}

static void close_all(struct probe_run *run)
{
	run->fn = NULL;
	uv_close(&run->io.handle, on_closed);
	uv_close((uv_handle_t *)&run->timer, on_closed);
}

void probe_cancel(struct probe_run *run)
{
	if (run && run->fn)
		close_all(run);
}

void probe_finish(struct probe_run *run, enum probe_outcome outcome, const char *fmt, ...)
{
	struct probe_result result = {
		.outcome = outcome,
		.latency_ns = uv_hrtime() - run->start_ns,
		.nobody = run->nobody,
	};
	struct str s = str_over(result.why, sizeof(result.why));
	probe_done fn = run->fn;
	void *arg = run->arg;
	va_list ap;

	if (!fn)
		return;

	va_start(ap, fmt);
	str_addv(&s, fmt, ap);
	va_end(ap);
	close_all(run);
	fn(arg, &result);
}

void probe_finish_error(struct probe_run *run, int uv_err)
{
	run->nobody = uv_err == UV_ECONNREFUSED;
	if (run->target.kind == PROBE_COAP && uv_err == UV_ECONNREFUSED) {
		probe_finish(run, PROBE_FAILED, "port unreachable");
		return;
	}
	for (size_t i = 0; i < SL_ARRAY_SIZE(evidence); i++) {
		if (evidence[i].err == uv_err) {
			probe_finish(run, evidence[i].outcome, "%s", evidence[i].text);
			return;
		}
	}
	probe_finish(run, PROBE_FAILED, "%s", uv_strerror(uv_err));
}

static void on_timer(uv_timer_t *timer);

/* libuv counts in milliseconds; a probe is never judged early. */
static void arm(struct probe_run *run, uint64_t ns)
{
	uv_timer_start(&run->timer, on_timer, ns / NUM_NS_PER_MS + 1, 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct probe_run *run = timer->data;
	uint64_t now = uv_hrtime(), late;
	char text[NUM_TEXT];

	if (run->early_err) {
		probe_finish_error(run, run->early_err);
		return;
	}
	if (now < run->deadline_ns) {
		arm(run, run->deadline_ns - now);
		return;
	}

	/* Timers run before sockets are looked at. If the loop was busy elsewhere,
	 * the answer may have been lying here for long: give back the time that the
	 * loop took, once, and look.
	 */
	if (!run->extended) {
		late = now - run->deadline_ns;
		if (late > run->target.timeout_ns)
			late = run->target.timeout_ns;
		run->extended = true;
		run->deadline_ns = now + late;
		arm(run, late);
		return;
	}

	probe_finish(run, PROBE_FAILED, "no %s within %s", run->waiting_for,
		     num_duration_text(run->target.timeout_ns, text));
}

int probe_start(uv_loop_t *loop, const struct probe_target *target, probe_done fn, void *arg,
		struct probe_run **ret)
{
	struct probe_run *run = calloc(1, sizeof(*run));
	int err;

	if (!run)
		return -ENOMEM;

	run->target = *target;
	run->fn = fn;
	run->arg = arg;
	run->handles = 2;
	run->start_ns = uv_hrtime();
	run->deadline_ns = run->start_ns + target->timeout_ns;
	uv_timer_init(loop, &run->timer);
	run->timer.data = run;

	if (target->kind == PROBE_COAP)
		err = probe_coap_begin(loop, run);
	else
		err = probe_tcp_begin(loop, run);

	/* What fails at once is told from the loop all the same, so that an owner
	 * never hears of a probe before it knows it.
	 */
	run->early_err = err;
	if (err)
		uv_timer_start(&run->timer, on_timer, 0, 0);
	else
		arm(run, target->timeout_ns);
	*ret = run;
	return 0;
}
