// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A TLS 1.2 device with mbedtls, for captures: connects, asks a line at a time, reads what
 * comes back, and closes in order. The key is dtls.h's.
 *
 * usage: tlsclient ADDR:PORT N
 */
#include "dtls.h"

static int connected(const char *to)
{
	struct tool_addr a = tool_endpoint("to", to, 8883);
	int fd = socket(a.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a.ss, a.len))
		tool_die("%s: %s", to, strerror(errno));
	return fd;
}

static int stream_recv(void *ctx, unsigned char *buf, size_t len)
{
	ssize_t n = recv(*(const int *)ctx, buf, len, 0);

	return n < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)n;
}

int main(int argc, char **argv)
{
	struct dtls tls;
	struct dtls_end end = {};
	unsigned char answer[256];
	int fd, rc = 0;
	uint64_t n;

	if (argc != 3)
		tool_die("want ADDR:PORT N");
	n = tool_number("N", argv[2], 1, 1000);
	tool_signals();
	dtls_init(&tls, MBEDTLS_SSL_IS_CLIENT, 0);
	mbedtls_ssl_conf_transport(&tls.conf, MBEDTLS_SSL_TRANSPORT_STREAM);
	fd = connected(argv[1]);
	dtls_end_init(&end, &tls, &fd, dtls_send, stream_recv);
	rc = mbedtls_ssl_handshake(&end.ssl);
	for (uint64_t i = 0; i < n && rc >= 0; i++) {
		rc = mbedtls_ssl_write(&end.ssl, (const unsigned char *)"question\n", 9);
		if (rc >= 0)
			rc = mbedtls_ssl_read(&end.ssl, answer, sizeof(answer));
	}
	if (rc < 0)
		dtls_die("TLS", rc);
	mbedtls_ssl_close_notify(&end.ssl);
	close(fd);
	return 0;
}
