// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fault injection by LD_PRELOAD: kill this process at a chosen point of its work.
 * Once the file $KILL_ARM exists, the $KILL_AT-th system call that goes through
 * syscall() (libbpf's bpf(), and membarrier) is not made: SIGKILL comes instead.
 * Each such call lies between two changes of the kernel's maps. What was counted
 * is written to $KILL_ARM.count, so that a run without a kill tells how many
 * points there are.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef long (*syscall_fn)(long nr, ...);

static void count(void)
{
	static long calls;
	const char *arm = getenv("KILL_ARM"), *at = getenv("KILL_AT");
	char path[4096], text[32];
	int fd;

	if (!arm || access(arm, F_OK))
		return;
	calls++;
	if (at && calls == atol(at))
		kill(getpid(), SIGKILL);
	snprintf(path, sizeof(path), "%s.count", arm);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, text, snprintf(text, sizeof(text), "%ld\n", calls)) < 0)
		perror(path);
	close(fd);
}

long syscall(long nr, ...)
{
	static syscall_fn real;
	long a[6];
	va_list ap;

	if (!real)
		real = (syscall_fn)dlsym(RTLD_NEXT, "syscall");
	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == SYS_bpf || nr == SYS_membarrier)
		count();
	return real(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}
