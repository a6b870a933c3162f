/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the DTLS server and the DTLS devices share: mbedtls' configuration for DTLS
 * 1.2 (RFC 6347) with a pre-shared key, retransmission timers, and a socket's
 * datagrams as mbedtls' transport. Built by scripts/mbedtls with connection ids, as
 * draft-ietf-tls-dtls-connection-id-05 has them: negotiated by another extension
 * number than RFC 9146, its records look the same.
 */
#ifndef SL_TEST_DTLS_H
#define SL_TEST_DTLS_H

#include "tool.h"
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/timing.h>

#define DTLS_DATAGRAM_MAX 2048
#define DTLS_TEXT_MAX	  256 /* of a question and of an answer, with its NUL */

/* DTLSPlaintext, RFC 6347 section 4.1: type, version, epoch, sequence number, then the
 * length or, in a record of type tls12_cid, the connection id and the length.
 */
#define DTLS_TYPE_HANDSHAKE 22
#define DTLS_TYPE_CID	    25
#define DTLS_CID_OFFSET	    11

/* One key for all; `openssl s_client -psk` takes it in this form. */
#define DTLS_PSK_HEX "736c756963652d70736b2d736c756963"
#define DTLS_PSK     "sluice-psk-sluic"
#define DTLS_PSK_LEN (sizeof(DTLS_PSK) - 1)
#define DTLS_WHO     "device"

struct dtls {
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context random;
	mbedtls_ssl_config conf;
};

static inline void __attribute__((noreturn)) dtls_die(const char *what, int err)
{
	char text[128];

	mbedtls_strerror(err, text, sizeof(text));
	tool_die("%s: %s", what, text);
}

/* @endpoint is MBEDTLS_SSL_IS_CLIENT or MBEDTLS_SSL_IS_SERVER. Connection ids of our own
 * have @cid_len bytes. Does not return on failure.
 */
static inline void dtls_init(struct dtls *d, int endpoint, size_t cid_len)
{
	/* AES-128-CCM-8 is what constrained devices use (RFC 7252 section 9.1.3.1). */
	static const int suites[] = { MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8,
				      MBEDTLS_TLS_PSK_WITH_AES_128_GCM_SHA256, 0 };
	int err;

	mbedtls_entropy_init(&d->entropy);
	mbedtls_ctr_drbg_init(&d->random);
	mbedtls_ssl_config_init(&d->conf);
	err = mbedtls_ctr_drbg_seed(&d->random, mbedtls_entropy_func, &d->entropy, NULL, 0);
	if (!err)
		err = mbedtls_ssl_config_defaults(&d->conf, endpoint,
						  MBEDTLS_SSL_TRANSPORT_DATAGRAM,
						  MBEDTLS_SSL_PRESET_DEFAULT);
	if (!err)
		err = mbedtls_ssl_conf_psk(&d->conf, (const unsigned char *)DTLS_PSK, DTLS_PSK_LEN,
					   (const unsigned char *)DTLS_WHO, strlen(DTLS_WHO));
	if (!err)
		err = mbedtls_ssl_conf_cid(&d->conf, cid_len, MBEDTLS_SSL_UNEXPECTED_CID_IGNORE);
	if (err)
		dtls_die("mbedtls", err);
	mbedtls_ssl_conf_rng(&d->conf, mbedtls_ctr_drbg_random, &d->random);
	mbedtls_ssl_conf_ciphersuites(&d->conf, suites);
	mbedtls_ssl_conf_min_version(&d->conf, MBEDTLS_SSL_MAJOR_VERSION_3,
				     MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_handshake_timeout(&d->conf, 1000, 60000); /* RFC 6347 section 4.2.4.1 */
}

static inline uint64_t dtls_random(struct dtls *d)
{
	uint64_t v = 0;
	int err = mbedtls_ctr_drbg_random(&d->random, (unsigned char *)&v, sizeof(v));

	if (err)
		dtls_die("random numbers", err);
	return v;
}

/* An end of a session: what mbedtls keeps of it and its timer. Does not return on failure. */
struct dtls_end {
	mbedtls_ssl_context ssl;
	mbedtls_timing_delay_context timer;
};

static inline void dtls_end_init(struct dtls_end *e, struct dtls *d, void *bio,
				 mbedtls_ssl_send_t *send_fn, mbedtls_ssl_recv_t *recv_fn)
{
	int err;

	mbedtls_ssl_init(&e->ssl);
	err = mbedtls_ssl_setup(&e->ssl, &d->conf);
	if (err)
		dtls_die("mbedtls_ssl_setup", err);
	mbedtls_ssl_set_bio(&e->ssl, bio, send_fn, recv_fn, NULL);
	mbedtls_ssl_set_timer_cb(&e->ssl, &e->timer, mbedtls_timing_set_delay,
				 mbedtls_timing_get_delay);
}

/* mbedtls' transport over a connected, non-blocking socket, whose descriptor @ctx points to:
 * it may be another one at any time. What a router refuses is lost.
 */
static inline int dtls_send(void *ctx, const unsigned char *buf, size_t len)
{
	if (send(*(const int *)ctx, buf, len, 0) < 0 && errno == EAGAIN)
		return MBEDTLS_ERR_SSL_WANT_WRITE;
	return len;
}

static inline int dtls_recv(void *ctx, unsigned char *buf, size_t len)
{
	ssize_t n = recv(*(const int *)ctx, buf, len, 0);

	return n > 0 ? (int)n : MBEDTLS_ERR_SSL_WANT_READ;
}

static inline bool dtls_wants_more(int ret)
{
	return ret == MBEDTLS_ERR_SSL_WANT_READ || ret == MBEDTLS_ERR_SSL_WANT_WRITE;
}

/* Is a connection id in use in either direction? */
static inline bool dtls_has_cid(struct dtls_end *e)
{
	unsigned char peer[MBEDTLS_SSL_CID_OUT_LEN_MAX];
	size_t len = 0;
	int enabled = MBEDTLS_SSL_CID_DISABLED;

	return mbedtls_ssl_get_peer_cid(&e->ssl, &enabled, peer, &len) == 0 &&
	       enabled == MBEDTLS_SSL_CID_ENABLED;
}

#endif /* SL_TEST_DTLS_H */
