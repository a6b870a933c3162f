/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A private network and mount namespace for a test program, with a bpffs: all it
 * makes is gone when it ends, however it ends.
 */
#ifndef SL_TEST_PRIVATE_NET_H
#define SL_TEST_PRIVATE_NET_H

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PRIVATE_BPFFS "/run/netns/bpf" /* on a tmpfs of the test's own */
#define PRIVATE_ROOT  PRIVATE_BPFFS "/sluice"

/* In a chroot "/" is no mount point, which neither mount propagation nor `ip netns`
 * gets along with: make it one, by moving into a bind mount of it.
 */
static inline int private_mounts(void)
{
	char *cwd = getcwd(NULL, 0);
	int err = 0;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		err = errno != EINVAL || mount("/", "/run/netns", NULL, MS_BIND | MS_REC, NULL) ||
		      chroot("/run/netns") || chdir(cwd) ||
		      mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	free(cwd);
	return err;
}

/* Exits with 77, which is a skip, where it is not allowed. */
static inline void private_net_enter(void)
{
	if (geteuid()) {
		printf("SKIP: needs root\n");
		exit(77);
	}
	(void)mkdir("/run/netns", 0755);
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) || private_mounts() ||
	    mount("tmpfs", "/run/netns", "tmpfs", 0, NULL) || mkdir(PRIVATE_BPFFS, 0700) ||
	    mount("bpf", PRIVATE_BPFFS, "bpf", 0, NULL)) {
		perror("private namespaces");
		exit(1);
	}
}

/* Run a command; false, with a message, if it fails. */
static inline bool run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline bool run(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (n < 0 || n >= (int)sizeof(cmd) || system(cmd)) {
		fprintf(stderr, "failed: %s\n", cmd);
		return false;
	}
	return true;
}

static inline double private_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

#endif /* SL_TEST_PRIVATE_NET_H */
