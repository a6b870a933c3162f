/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* libmicrohttpd on the libuv loop, without threads, and the sockets it listens
 * on. Knows nothing of what is served.
 */
#ifndef SL_HTTP_H
#define SL_HTTP_H

#include <stddef.h>
#include <microhttpd.h>
#include <uv.h>

#define HTTP_ERROR_LEN 256

struct http;

struct http_opts {
	uv_loop_t *loop;
	unsigned int connections; /* at most; more wait in the kernel's queue or are closed */
	unsigned int timeout_s;	  /* of a connection on which nothing happens */
	MHD_AccessHandlerCallback handler;
	MHD_RequestCompletedCallback done;
	void *arg; /* of both */
};

/* A listening, non-blocking socket, or a negative errno with the reason in
 * @reterr. A Unix socket's directory is made if missing (0755), the socket has
 * mode 0660; one that a dead process left is replaced, a living one never.
 */
int http_listen_unix(const char *path, char reterr[HTTP_ERROR_LEN]);

/* @where: "127.0.0.1:9464", "[::1]:9464" or ":9464"; numbers only. */
int http_listen_tcp(const char *where, char reterr[HTTP_ERROR_LEN]);

/* Serve what connects to @fd, which belongs to the server from now on, also
 * when this fails.
 */
int http_open(const struct http_opts *opts, int fd, struct http **ret);

/* A connection has been resumed, by other than libmicrohttpd's own calls: look after it in
 * the loop's next turn.
 */
void http_wake(struct http *h);

/* Every suspended connection must have been resumed. Frees @h once the loop has
 * closed its handles. NULL is fine.
 */
void http_close(struct http *h);

#endif /* SL_HTTP_H */
