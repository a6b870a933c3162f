// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* libmicrohttpd polls with an epoll descriptor of its own; the loop polls that
 * one, and a timer covers what libmicrohttpd wants to do without input.
 */
#include <errno.h>
#include <libgen.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "../common/cleanup.h"
#include "../common/log.h"
#include "http.h"

#define HTTP_BACKLOG	 64
#define HTTP_CONN_MEMORY (32 << 10) /* of libmicrohttpd for one connection's headers */

struct http {
	struct MHD_Daemon *mhd;
	uv_poll_t poll;
	uv_timer_t timer;
	int handles; /* that the loop has not closed yet */
};

/* -- sockets -- */

static int fail(char reterr[HTTP_ERROR_LEN], int err, const char *where, const char *what)
{
	snprintf(reterr, HTTP_ERROR_LEN, "%s: %s: %s", where, what, strerror(-err));
	return err;
}

/* Does a process answer on @addr? A socket file that nobody listens on refuses. */
static int unix_is_alive(const struct sockaddr_un *addr, bool *ret)
{
	sl_autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) || errno == EAGAIN)
		*ret = true; /* EAGAIN: its queue is full */
	else if (errno == ECONNREFUSED)
		*ret = false;
	else
		return -errno;
	return 0;
}

static int unix_bind(int fd, const struct sockaddr_un *addr)
{
	/* The mode must be right from birth: no moment in which others may connect. */
	mode_t old = umask(0117);
	int err = bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? -errno : 0;

	umask(old);
	return err;
}

static int unix_replace_stale(int fd, const struct sockaddr_un *addr, char reterr[HTTP_ERROR_LEN])
{
	const char *path = addr->sun_path;
	struct stat st;
	bool alive;
	int err;

	if (lstat(path, &st))
		return fail(reterr, -errno, path, "stat");
	if (!S_ISSOCK(st.st_mode))
		return fail(reterr, -EEXIST, path, "not a socket");
	err = unix_is_alive(addr, &alive);
	if (err)
		return fail(reterr, err, path, "connect");
	if (alive)
		return fail(reterr, -EADDRINUSE, path, "another daemon answers here");
	if (unlink(path) && errno != ENOENT)
		return fail(reterr, -errno, path, "remove the socket of a dead daemon");
	err = unix_bind(fd, addr);
	return err ? fail(reterr, err, path, "bind") : 0;
}

int http_listen_unix(const char *path, char reterr[HTTP_ERROR_LEN])
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	sl_autofree char *copy = strdup(path);
	sl_autoclose int fd = -1;
	int ret, err;

	if (!copy)
		return fail(reterr, -ENOMEM, path, "socket");
	if (strlen(path) >= sizeof(addr.sun_path))
		return fail(reterr, -ENAMETOOLONG, path, "want a socket path under 108 bytes");
	strcpy(addr.sun_path, path);

	if (mkdir(dirname(copy), 0755) && errno != EEXIST)
		return fail(reterr, -errno, path, "make its directory");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(reterr, -errno, path, "socket");

	err = unix_bind(fd, &addr);
	if (err == -EADDRINUSE)
		err = unix_replace_stale(fd, &addr, reterr);
	else if (err)
		fail(reterr, err, path, "bind");
	if (err)
		return err;
	if (listen(fd, HTTP_BACKLOG))
		return fail(reterr, -errno, path, "listen");
	ret = fd;
	fd = -1;
	return ret;
}

/* Split "host:port" in place. */
static int split_where(char *where, char **ret_host, char **ret_port)
{
	char *colon = strrchr(where, ':');

	if (!colon || !colon[1])
		return -EINVAL;
	*colon = '\0';
	*ret_port = colon + 1;
	*ret_host = where;
	if (where[0] == '[') {
		if (colon == where + 1 || colon[-1] != ']')
			return -EINVAL;
		colon[-1] = '\0';
		*ret_host = where + 1;
	}
	return 0;
}

int http_listen_tcp(const char *where, char reterr[HTTP_ERROR_LEN])
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				  .ai_socktype = SOCK_STREAM };
	sl_autofree char *copy = strdup(where);
	sl_autoclose int fd = -1;
	struct addrinfo *ai;
	char *host, *port;
	int one = 1, ret;

	if (!copy || split_where(copy, &host, &port) ||
	    getaddrinfo(*host ? host : NULL, port, &hints, &ai)) {
		snprintf(reterr, HTTP_ERROR_LEN,
			 "%s: want an address and a port such as \"127.0.0.1:9464\"", where);
		return -EINVAL;
	}
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	ret = fd < 0 || bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, HTTP_BACKLOG) ? -errno
											  : 0;
	freeaddrinfo(ai);
	if (ret)
		return fail(reterr, ret, where, "listen");
	ret = fd;
	fd = -1;
	return ret;
}

/* -- the loop -- */

static void on_timer(uv_timer_t *timer);

static void run(struct http *h)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	MHD_run(h->mhd);
	if (MHD_get_timeout(h->mhd, &wait_ms) == MHD_YES)
		uv_timer_start(&h->timer, on_timer, wait_ms, 0);
	else
		uv_timer_stop(&h->timer);
}

static void on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	run(poll->data);
}

static void on_closed(uv_handle_t *handle)
{
	struct http *h = handle->data;

	if (!--h->handles)
		free(h);
}

static void __attribute__((format(printf, 2, 0))) on_log(void *arg, const char *fmt, va_list ap)
{
	char text[256];
	int len = vsnprintf(text, sizeof(text), fmt, ap);

	(void)arg;
	if (len > 0 && (size_t)len < sizeof(text) && text[len - 1] == '\n')
		text[len - 1] = '\0';
	log_debug("http: %s", text);
}

int http_open(const struct http_opts *opts, int fd, struct http **ret)
{
	struct http *h = calloc(1, sizeof(*h));
	const union MHD_DaemonInfo *info;

	if (!h) {
		close(fd);
		return -ENOMEM;
	}
	h->mhd = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		opts->handler, opts->arg, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, opts->connections,
		MHD_OPTION_CONNECTION_TIMEOUT, opts->timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)HTTP_CONN_MEMORY, MHD_OPTION_NOTIFY_COMPLETED, opts->done, opts->arg,
		MHD_OPTION_END);
	if (!h->mhd) {
		close(fd);
		free(h);
		return -EIO;
	}
	info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || uv_poll_init(opts->loop, &h->poll, info->epoll_fd)) {
		MHD_stop_daemon(h->mhd);
		free(h);
		return -EIO;
	}
	uv_timer_init(opts->loop, &h->timer);
	h->poll.data = h->timer.data = h;
	h->handles = 2;
	uv_poll_start(&h->poll, UV_READABLE, on_readable);
	*ret = h;
	return 0;
}

void http_wake(struct http *h)
{
	uv_timer_start(&h->timer, on_timer, 0, 0);
}

void http_close(struct http *h)
{
	if (!h)
		return;
	uv_close((uv_handle_t *)&h->poll, on_closed);
	uv_close((uv_handle_t *)&h->timer, on_closed);
	MHD_stop_daemon(h->mhd);
}
