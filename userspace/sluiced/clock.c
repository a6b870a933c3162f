// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The daemon's clock, which is the packets' too. */
#include <time.h>
#include "daemon.h"

uint64_t daemon_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

uint32_t daemon_now_s(void)
{
	return daemon_now_ns() / 1000000000;
}

void daemon_tell_wall(struct daemon *d)
{
	struct timespec real, mono;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	__atomic_store_n(&d->dp->control->wall_s, real.tv_sec - mono.tv_sec, __ATOMIC_RELAXED);
}
