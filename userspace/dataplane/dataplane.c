// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Loading the program with its pinned maps. What it is attached to is link.c's. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <bpf/libbpf.h>
#include "../common/cleanup.h"
#include "dataplane.h"
#include "maps.h"
#include "pins.h"
#include "sluice.skel.h"

static uint64_t coarse_tick_ns(void)
{
	struct timespec ts = { 0 };

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &ts))
		return 10000000; /* the longest that Linux is built with: 100 Hz */
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Open and load once. @tracing: with the program that counts refused redirects. */
static int load(struct dataplane *dp, const struct dataplane_opts *opts, bool tracing,
		struct dataplane_error *reterr)
{
	int err;

	dp->skel = sluice_bpf__open();
	if (!dp->skel)
		return -errno;
	err = bpf_program__set_autoload(dp->skel->progs.sl_redirect_err, tracing);
	if (!err)
		err = maps_prepare(dp, &opts->capacity, &dp->adopted, reterr);
	if (err)
		return err;

	dp->skel->rodata->cfg_accounts = dp->accounts_per_cpu;
	dp->skel->rodata->cfg_services = dp->services_per_cpu;
	dp->skel->rodata->cfg_instances = dp->instances_per_cpu;
	dp->skel->rodata->cfg_device_lines = dp->cap.device_lines;
	dp->skel->rodata->cfg_tick_ns = dp->tick_ns;
	dp->skel->rodata->cfg_explain = opts->explain;
	return sluice_bpf__load(dp->skel);
}

static void unload(struct dataplane *dp)
{
	sluice_bpf__destroy(dp->skel);
	dp->skel = NULL;
}

/* Load; where the kernel or our rights refuse the tracing program, without it. */
static int load_what_is_allowed(struct dataplane *dp, const struct dataplane_opts *opts,
				struct dataplane_error *reterr)
{
	int err = load(dp, opts, !opts->explain, reterr);
	bool adopted = dp->adopted;

	if (!err || reterr->text[0])
		return err;
	unload(dp);
	err = load(dp, opts, false, reterr);
	/* The first try has made and pinned the maps that the second one found. */
	dp->adopted = adopted;
	if (!err)
		return 0;

	if (!adopted)
		(void)pins_clear(dp->pin_root, SL_PIN_MAPS);
	if (!reterr->text[0])
		snprintf(reterr->text, sizeof(reterr->text),
			 "the kernel refuses the program or a map: %s; needed are Linux 6.1, root "
			 "(or "
			 "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON), and memory for the capacity",
			 strerror(-err));
	return err;
}

int dataplane_open(const struct dataplane_opts *opts, struct dataplane **ret,
		   struct dataplane_error *reterr)
{
	sl_cleanup(dataplane_closep) struct dataplane *dp = calloc(1, sizeof(*dp));
	int err;

	if (!dp)
		return -ENOMEM;
	reterr->text[0] = '\0';
	dp->tick_ns = coarse_tick_ns();
	dp->pin_root = strdup(opts->pin_root ? opts->pin_root : SL_PIN_ROOT);
	if (!dp->pin_root)
		return -ENOMEM;
	err = libbpf_num_possible_cpus();
	if (err < 0)
		return err;
	if (err > SL_MAX_CPUS) {
		snprintf(reterr->text, sizeof(reterr->text), "%d CPUs, built for at most %d", err,
			 SL_MAX_CPUS);
		return -E2BIG;
	}
	dp->n_cpus = (uint32_t)err;

	err = pins_prepare(dp->pin_root, reterr);
	if (!err)
		err = load_what_is_allowed(dp, opts, reterr);
	if (!err)
		err = maps_map(dp, reterr);
	if (err) {
		if (!reterr->text[0])
			snprintf(reterr->text, sizeof(reterr->text), "%.200s: %s", dp->pin_root,
				 strerror(-err));
		return err;
	}
	*ret = sl_take(dp);
	return 0;
}

void dataplane_close(struct dataplane *dp)
{
	if (!dp)
		return;

	if (dp->skel)
		maps_unmap(dp);
	sluice_bpf__destroy(dp->skel);
	free(dp->pin_root);
	free(dp);
}
