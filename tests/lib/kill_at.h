/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Puts itself between the program (libbpf included) and the kernel's bpf() and
 * membarrier(): counts them, and ends the process by SIGKILL before the n-th, as
 * if it had been killed there. What glibc does by itself does not come this way.
 */
#ifndef TEST_KILL_AT_H
#define TEST_KILL_AT_H

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long kill_calls; /* so far */
static long kill_at;	/* 0: never */
static int kill_errno;	/* with kill_at: fail with it instead of dying */

static long raw_syscall(long n, const long a[6])
{
	register long r10 asm("r10") = a[3];
	register long r8 asm("r8") = a[4];
	register long r9 asm("r9") = a[5];
	long ret;

	asm volatile("syscall"
		     : "=a"(ret)
		     : "a"(n), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	return ret;
}

long syscall(long number, ...)
{
	long a[6], ret;
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_bpf || number == SYS_membarrier) {
		if (++kill_calls == kill_at && !kill_errno)
			kill(getpid(), SIGKILL);
		if (kill_at && kill_calls >= kill_at && kill_errno) {
			errno = kill_errno;
			return -1;
		}
	}
	ret = raw_syscall(number, a);
	if (ret < 0 && ret > -4096) {
		errno = (int)-ret;
		return -1;
	}
	return ret;
}

/* Run @fn in a child that is killed before its @n-th call. Did it live? */
static inline bool kill_child_lives(void (*fn)(void *arg), void *arg, long n)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		kill_calls = 0;
		kill_at = n;
		fn(arg);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

#endif /* TEST_KILL_AT_H */
