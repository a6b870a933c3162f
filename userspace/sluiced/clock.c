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
