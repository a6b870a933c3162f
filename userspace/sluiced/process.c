// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include <xdp/libxdp.h>
#include "../common/cleanup.h"
#include "../common/log.h"
#include "process.h"

int process_make_parents(const char *path, mode_t mode, struct config_error *reterr)
{
	sl_autofree char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, mode) && errno != EEXIST) {
			int err = -errno;

			snprintf(reterr->text, sizeof(reterr->text), "%.400s: cannot be made: %s",
				 copy, strerror(-err));
			return err;
		}
		*slash = '/';
	}
	return 0;
}

/* -- locks -- */

static int lock_fd(int fd, const char *what, struct config_error *reterr)
{
	int err;

	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
		return 0; /* kept open: the kernel lets go when the process ends */
	err = -errno;
	if (fd >= 0)
		close(fd);
	if (err == -EWOULDBLOCK) {
		snprintf(reterr->text, sizeof(reterr->text),
			 "%.400s is in use by another sluiced: end it first", what);
		return -EBUSY;
	}
	snprintf(reterr->text, sizeof(reterr->text), "%.400s: cannot be locked: %s", what,
		 strerror(-err));
	return err;
}

int process_lock(const char *state_path, struct config_error *reterr)
{
	sl_autofree char *path = NULL;

	if (asprintf(&path, "%s.lock", state_path) < 0)
		return -ENOMEM;
	return lock_fd(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), path, reterr);
}

int process_lock_pins(const char *pin_root, struct config_error *reterr)
{
	return lock_fd(open(pin_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), pin_root, reterr);
}

/* -- capabilities -- */

int process_drop_capabilities(void)
{
	/* NET_ADMIN, BPF and PERFMON to load and attach when a reload needs it, and for
	 * neighbours; DAC_READ_SEARCH to read a configuration or a secret again that
	 * belongs to another user.
	 */
	const uint64_t keep = 1ull << CAP_NET_ADMIN | 1ull << CAP_BPF | 1ull << CAP_PERFMON |
			      1ull << CAP_DAC_READ_SEARCH;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(keep >> (32 * i));
		data[i].effective &= data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/* -- systemd -- */

void process_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	sl_autoclose int fd = -1;

	if (!len || len >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, len);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0'; /* an abstract one */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
			     offsetof(struct sockaddr_un, sun_path) + len) < 0)
		log_warn("NOTIFY_SOCKET %s: %s", path, strerror(errno));
}

/* -- other libraries' logs -- */

static void log_line(enum log_level level, const char *library, const char *fmt, va_list ap)
{
	char line[1024];
	int len = vsnprintf(line, sizeof(line), fmt, ap);

	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	while (len > 0 && line[len - 1] == '\n')
		line[--len] = '\0';
	if (len > 0)
		log_print(level, "%s: %s", library, line);
}

static int from_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level != LIBBPF_DEBUG)
		log_line(level == LIBBPF_WARN ? LOG_INFO : LOG_DEBUG, "libbpf", fmt, ap);
	return 0;
}

static int from_libxdp(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	if (level != LIBXDP_DEBUG)
		log_line(level == LIBXDP_WARN ? LOG_INFO : LOG_DEBUG, "libxdp", fmt, ap);
	return 0;
}

void process_route_logs(void)
{
	libbpf_set_print(from_libbpf);
	libxdp_set_print(from_libxdp);
}
