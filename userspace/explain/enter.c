// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Namespaces of this process's own, and the network in them. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../common/cleanup.h"
#include "ground.h"

const uint8_t ground_mac[6] = { 0x02, 0, 0, 0, 0, 0x01 };
const uint8_t ground_other_mac[6] = { 0x02, 0, 0, 0, 0, 0x02 };

/* 192.0.0.8 and fe80::1 are nobody's: IPv4's dummy address (RFC 7600), a link-local one. */
static const char made_up[] =
	"link set lo up\n"
	"link add way0 address 02:00:00:00:00:01 mtu 1500 type veth peer name way1\n"
	"link set way0 up\n"
	"link set way1 up\n"
	"neigh add 192.0.0.8 lladdr 02:00:00:00:00:02 dev way0 nud permanent\n"
	"route add default via 192.0.0.8 dev way0 onlink\n"
	"neigh add fe80::1 lladdr 02:00:00:00:00:02 dev way0 nud permanent\n"
	"route add default via fe80::1 dev way0\n";

static int fail(struct dataplane_error *reterr, const char *what, int err)
{
	snprintf(reterr->text, sizeof(reterr->text), "%s: %s%s", what, strerror(err),
		 err == EPERM ? " (explain runs the program in the kernel: it needs root)" : "");
	return -err;
}

/* A bpffs in a mount namespace: pins that nobody else sees, and that end with us. */
static int mounts(struct dataplane_error *reterr)
{
	if (mount(NULL, "/sys", NULL, MS_REC | MS_PRIVATE, NULL))
		return fail(reterr, "sysfs at /sys", errno);
	if (mount("tmpfs", "/sys/fs", "tmpfs", 0, "size=64k") || mkdir("/sys/fs/bpf", 0700) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL))
		return fail(reterr, "private bpffs at /sys/fs/bpf", errno);
	return 0;
}

static int forward(struct dataplane_error *reterr)
{
	static const char *const files[] = { "/proc/sys/net/ipv4/ip_forward",
					     "/proc/sys/net/ipv6/conf/all/forwarding" };

	for (size_t i = 0; i < SL_ARRAY_SIZE(files); i++) {
		sl_autoclose int fd = open(files[i], O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "1", 1) != 1)
			return fail(reterr, files[i], errno);
	}
	return 0;
}

/* `ip` in a child, @text on its standard input; its words end up in @reterr. */
static void ip_child(int in, int out)
{
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execlp("ip", "ip", "-batch", "-", (char *)NULL);
	dprintf(STDERR_FILENO, "cannot run ip (package iproute2): %s", strerror(errno));
	_exit(127);
}

static int ip_batch(int in, const char *what, struct dataplane_error *reterr)
{
	size_t len = snprintf(reterr->text, sizeof(reterr->text), "%s: ", what);
	int said[2], status = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(said, O_CLOEXEC))
		return fail(reterr, "pipe", errno);
	pid = fork();
	if (!pid)
		ip_child(in, said[1]);
	close(said[1]);
	while (pid > 0 && len < sizeof(reterr->text) - 1 &&
	       (n = read(said[0], reterr->text + len, sizeof(reterr->text) - 1 - len)) > 0)
		len += n;
	close(said[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return fail(reterr, "ip", errno);
	reterr->text[len < sizeof(reterr->text) ? len : sizeof(reterr->text) - 1] = '\0';
	reterr->text[strcspn(reterr->text, "\n")] = '\0';
	if (WIFEXITED(status) && !WEXITSTATUS(status)) {
		reterr->text[0] = '\0';
		return 0;
	}
	return -EINVAL;
}

static int ip_made_up(struct dataplane_error *reterr)
{
	int in[2], err;

	if (pipe2(in, O_CLOEXEC))
		return fail(reterr, "pipe", errno);
	/* It is shorter than a pipe is long. */
	err = write(in[1], made_up, sizeof(made_up) - 1) < 0 ? -errno : 0;
	close(in[1]);
	if (!err)
		err = ip_batch(in[0], "the made-up network", reterr);
	close(in[0]);
	return err;
}

int ground_enter(const char *fib, struct dataplane_error *reterr)
{
	/* Before the namespaces: a relative path is meant as it is here. */
	sl_autoclose int fd = fib ? open(fib, O_RDONLY | O_CLOEXEC) : -1;
	int err;

	if (fib && fd < 0)
		return fail(reterr, fib, errno);
	if (unshare(CLONE_NEWNET | CLONE_NEWNS))
		return fail(reterr, "private namespaces", errno);
	err = mounts(reterr);
	if (!err)
		err = forward(reterr);
	if (!err)
		err = fib ? ip_batch(fd, fib, reterr) : ip_made_up(reterr);
	return err;
}
