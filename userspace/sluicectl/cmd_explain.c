// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* explain: each frame of a capture through the real program, apart from the network
 * and from any data plane of this node.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <sluice/names.h>
#include "../common/cleanup.h"
#include "../common/told.h"
#include "../config/config.h"
#include "../explain/capture.h"
#include "../explain/ground.h"
#include "../explain/tell.h"
#include "ctl.h"

/* Times are told from the capture's first frame on, plus this: buckets that have
 * been idle, and changes of instances that have just begun.
 */
#define BEGIN_NS (GROUND_BEGIN_S * 1000000000ull)

/* Ctrl-C: what has been explained is written, then the signal does what it does. */
static volatile sig_atomic_t stopped_by;

struct explain {
	const struct ctl *c;
	struct ground *ground;
	struct capture *in;
	struct capture_out *out;
	uint64_t first_ns, last_ns;
};

/* Does not go back where the capture's clock does: neither does the kernel's. The time of
 * day is the capture's.
 */
static uint64_t clock_of(struct explain *x, const struct capture_frame *f)
{
	uint64_t now;

	if (f->n == 1) {
		x->first_ns = f->time_ns;
		ground_wall(x->ground, (f->time_ns - BEGIN_NS) / 1000000000);
	}
	now = f->time_ns > x->first_ns ? f->time_ns - x->first_ns + BEGIN_NS : BEGIN_NS;
	if (now > x->last_ns)
		x->last_ns = now;
	return x->last_ns;
}

static enum ctl_result explain_frame(struct explain *x, const struct capture_frame *f)
{
	struct verdict v;
	int err = ground_run(x->ground, f->bytes, f->len, clock_of(x, f), &v);

	if (err) {
		fflush(stdout);
		ctl_error(x->c, "frame %llu: the kernel does not run it: %s",
			  (unsigned long long)f->n, strerror(-err));
		return CTL_FAILED;
	}
	if (!(x->c->json ? tell_json(stdout, x->ground, f, &v)
			 : tell_text(stdout, x->c->color, x->ground, f, &v))) {
		ctl_error(x->c, "no memory");
		return CTL_FAILED;
	}
	if (x->out && tell_leaves(&v))
		capture_write(x->out, f, v.bytes, v.len);
	return CTL_OK;
}

static void stop(int signal)
{
	stopped_by = signal;
}

/* Without SA_RESTART: who waits for standard input wakes up. */
static void catch_signals(void)
{
	static const struct sigaction act = { .sa_handler = stop };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

static void raise_again(void)
{
	if (!stopped_by)
		return;
	signal(stopped_by, SIG_DFL);
	raise(stopped_by);
}

static enum ctl_result explain_all(struct explain *x)
{
	enum ctl_result rc = CTL_OK;
	struct capture_error why = {};
	struct capture_frame f;
	int n;

	catch_signals();
	if (!strcmp(x->c->argv[0], "-")) /* whoever writes it may do so as frames come */
		setvbuf(stdout, NULL, _IOLBF, 0);
	if (!x->c->json)
		told_head(stdout, x->c->color);
	while (!rc && !stopped_by && (n = capture_next(x->in, &f, &why)) != 0) {
		if (n == 1) {
			rc = explain_frame(x, &f);
			continue;
		}
		if (stopped_by)
			break;
		fflush(stdout);
		ctl_error(x->c, "%s: %s%s", x->c->argv[0], why.text,
			  n == -EMSGSIZE ? ": left out" : "");
		if (n != -EMSGSIZE)
			rc = CTL_FAILED;
	}
	if (fflush(stdout) || ferror(stdout)) {
		ctl_error(x->c, "standard output: %s", strerror(errno));
		rc = CTL_FAILED;
	}
	return rc;
}

/* What is read is not to be written over. */
static bool is_input(const struct ctl *c, const char *path)
{
	const char *const inputs[] = { c->argv[0], ctl_option(c, "--config"),
				       ctl_option(c, "--fib") };
	struct stat to, from;

	if (stat(path, &to) || !S_ISREG(to.st_mode))
		return false;
	for (size_t i = 0; i < SL_ARRAY_SIZE(inputs); i++)
		if (inputs[i] && !stat(inputs[i], &from) && from.st_dev == to.st_dev &&
		    from.st_ino == to.st_ino)
			return true;
	return false;
}

/* The file to write last: what was there stays if nothing comes of all this. */
static enum ctl_result explain_open(struct explain *x, const struct model *m)
{
	const struct ctl *c = x->c;
	const char *write = ctl_option(c, "--write");
	struct capture_error why = {};
	struct dataplane_error error = {};

	if (capture_open(c->argv[0], &x->in, &why)) {
		ctl_error(c, "%s", why.text);
		return CTL_FAILED;
	}
	if (ground_enter(ctl_option(c, "--fib"), &error) || ground_open(m, &x->ground, &error)) {
		ctl_error(c, "%s", error.text);
		return CTL_FAILED;
	}
	if (write && capture_create(write, &x->out, &why)) {
		ctl_error(c, "%s", why.text);
		return CTL_FAILED;
	}
	return CTL_OK;
}

static enum ctl_result explain_check(const struct ctl *c)
{
	const char *config = ctl_option(c, "--config"), *write = ctl_option(c, "--write");
	const char *fib = ctl_option(c, "--fib");

	if (!config || !*config)
		return ctl_usage(c, "--config: want a configuration file, such as " SL_CONFIG);
	if (fib && !*fib)
		return ctl_usage(c, "--fib: want a file");
	if (write && (!*write || !strcmp(write, "-")))
		return ctl_usage(c, "--write: want a file");
	if (write && is_input(c, write)) {
		ctl_error(c, "--write: %s is read, too", write);
		return CTL_FAILED;
	}
	return CTL_OK;
}

static uint64_t tick_ns(void)
{
	struct timespec ts = {};

	clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

enum ctl_result cmd_explain(struct ctl *c)
{
	sl_cleanup(model_freep) struct model *m = NULL;
	const char *config = ctl_option(c, "--config");
	struct explain x = { .c = c };
	struct capture_error why = {};
	struct config_error error = {};
	enum ctl_result rc = explain_check(c);

	if (rc)
		return rc;
	if (config_load_file(config, tick_ns(), &m, &error)) {
		ctl_error(c, "%s", error.text);
		return CTL_FAILED;
	}
	rc = explain_open(&x, m);
	if (!rc)
		rc = explain_all(&x);
	if (capture_finish(x.out, &why)) {
		ctl_error(c, "%s: %s", ctl_option(c, "--write"), why.text);
		rc = CTL_FAILED;
	}
	capture_close(x.in);
	ground_close(x.ground);
	raise_again();
	return rc;
}
