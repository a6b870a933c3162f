// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* explain: each frame of a capture through the real program, apart from the network
 * and from any data plane of this node.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <sluice/names.h>
#include "../common/cleanup.h"
#include "../config/config.h"
#include "../explain/capture.h"
#include "../explain/ground.h"
#include "../explain/tell.h"
#include "ctl.h"

/* Times are told from the capture's first frame on, plus this: buckets that have
 * been idle, and no deadline in the past.
 */
#define BEGIN_NS (3600 * 1000000000ull)

struct explain {
	const struct ctl *c;
	struct ground *ground;
	struct capture *in;
	struct capture_out *out;
	uint64_t first_ns, last_ns;
};

/* Does not go back where the capture's clock does: neither does the kernel's. */
static uint64_t clock_of(struct explain *x, const struct capture_frame *f)
{
	uint64_t now;

	if (f->n == 1)
		x->first_ns = f->time_ns;
	now = f->time_ns > x->first_ns ? f->time_ns - x->first_ns + BEGIN_NS : BEGIN_NS;
	if (now > x->last_ns)
		x->last_ns = now;
	return x->last_ns;
}

static enum ctl_result explain_frame(struct explain *x, const struct capture_frame *f)
{
	struct verdict v;
	int err = ground_run(x->ground, f->bytes, f->len, clock_of(x, f), &v);

	if (err == -EMSGSIZE) {
		ctl_error(x->c, "frame %llu: %u bytes are no Ethernet frame: left out",
			  (unsigned long long)f->n, f->len);
		return CTL_OK;
	}
	if (err) {
		ctl_error(x->c, "frame %llu: the kernel does not run it: %s",
			  (unsigned long long)f->n, strerror(-err));
		return CTL_FAILED;
	}
	if (!x->c->json) {
		tell_text(stdout, x->c->color, x->ground, f, &v);
	} else if (!tell_json(stdout, x->ground, f, &v)) {
		ctl_error(x->c, "no memory");
		return CTL_FAILED;
	}
	if (x->out && tell_leaves(&v))
		capture_write(x->out, f->time_ns, v.bytes, v.len);
	return CTL_OK;
}

static enum ctl_result explain_all(struct explain *x)
{
	enum ctl_result rc = CTL_OK;
	struct capture_error why = {};
	struct capture_frame f;
	int n = 0;

	if (!x->c->json)
		tell_head(stdout, x->c->color);
	while (!rc && (n = capture_next(x->in, &f, &why)) > 0)
		rc = explain_frame(x, &f);
	if (n < 0) {
		ctl_error(x->c, "%s: %s", x->c->argv[0], why.text);
		rc = CTL_FAILED;
	}
	if (fflush(stdout) || ferror(stdout)) {
		ctl_error(x->c, "standard output: %s", strerror(errno));
		rc = CTL_FAILED;
	}
	return rc;
}

/* Files are opened before the namespaces are left: names are meant as they are here. */
static enum ctl_result explain_open(struct explain *x, const struct model *m)
{
	const struct ctl *c = x->c;
	const char *write = ctl_option(c, "--write");
	struct capture_error why = {};
	struct dataplane_error error = {};

	if (capture_open(c->argv[0], &x->in, &why) ||
	    (write && capture_create(write, &x->out, &why))) {
		ctl_error(c, "%s", why.text);
		return CTL_FAILED;
	}
	if (ground_enter(ctl_option(c, "--fib"), &error) || ground_open(m, &x->ground, &error)) {
		ctl_error(c, "%s", error.text);
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
	enum ctl_result rc;

	if (!config || !*config)
		return ctl_usage(c, "--config: want a configuration file, such as " SL_CONFIG);
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
	return rc;
}
