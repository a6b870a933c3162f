// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A DTLS 1.2 server for many sessions on one UDP port, with mbedtls: cookies, connection
 * ids in a layout that a load balancer can read, and answers that say which server
 * and which session gave them. A record with a connection id belongs to its session
 * wherever it comes from; if it is authentic and newer than all before, the session's
 * answers go there from now on (RFC 9146 section 6).
 */
#include "dtls.h"
#include <mbedtls/ssl_cookie.h>
#include <poll.h>

#define SESSIONS_MAX 4096
#define TICK_NS	     (NSEC / 50)
#define CID_MAX	     20

static const char help[] =
	"dtlsserver --listen ADDR[:PORT] --name NAME [options]: DTLS 1.2, pre-shared key\n"
	"  --listen ADDR:PORT    (port 5684)\n"
	"  --name NAME           in each answer\n"
	"  --cid-length N        of our connection ids, 1 to 20 (default 0: none)\n"
	"  --cid-layout L        first-byte or quic-lb (default first-byte)\n"
	"  --rotation R          quic-lb: 0 to 6 (default 0)\n"
	"  --server-id-length L  quic-lb: bytes of the server id (default 1)\n"
	"  --server-id ID        (default 1)\n"
	"The key is " DTLS_PSK_HEX ", the identity " DTLS_WHO ".\n"
	"A question is a datagram of text, its answer \"NAME SESSION HANDSHAKES QUESTION\".\n"
	"JSON on stdout at the end and at SIGUSR1: sessions (ever), open, handshakes, cookies,\n"
	"answered, rebinds (a session's new address), unknown (records of no session), closed\n"
	"(by the peer, in order), errors.\n";

struct session {
	struct dtls_end end;
	struct server *server;
	struct tool_addr peer, from; /* from: of the datagram at hand */
	const uint8_t *in;	     /* the datagram, until mbedtls has taken it */
	size_t in_len;
	uint8_t cid[CID_MAX];
	uint64_t number, handshakes;
	bool open;
};

struct server {
	struct tool_addr listen;
	const char *name;
	uint32_t cid_len, rotation, id_len, id;
	bool quic_lb;
	struct dtls dtls;
	mbedtls_ssl_cookie_ctx cookie;
	int fd;
	struct session *sessions[SESSIONS_MAX], *spare;
	unsigned int n;
	uint64_t next_number;
	uint64_t started, handshakes, cookies, answered, rebinds, unknown, closed, errors;
};

static bool same_addr(const struct tool_addr *a, const struct tool_addr *b)
{
	return a->len == b->len && memcmp(&a->ss, &b->ss, a->len) == 0;
}

/* -- transport -- */

static int bio_send(void *ctx, const unsigned char *buf, size_t len)
{
	struct session *s = ctx;

	if (sendto(s->server->fd, buf, len, 0, (struct sockaddr *)&s->peer.ss, s->peer.len) < 0)
		return errno == EAGAIN ? MBEDTLS_ERR_SSL_WANT_WRITE : (int)len; /* lost */
	return len;
}

static int bio_recv(void *ctx, unsigned char *buf, size_t len)
{
	struct session *s = ctx;

	if (!s->in)
		return MBEDTLS_ERR_SSL_WANT_READ;
	len = s->in_len < len ? s->in_len : len;
	memcpy(buf, s->in, len);
	s->in = NULL;
	return len;
}

/* -- sessions -- */

static struct session *find_cid(struct server *v, const uint8_t *cid)
{
	for (unsigned int i = 0; i < v->n; i++)
		if (!memcmp(v->sessions[i]->cid, cid, v->cid_len))
			return v->sessions[i];
	return NULL;
}

static struct session *find_addr(struct server *v, const struct tool_addr *from)
{
	for (unsigned int i = 0; i < v->n; i++)
		if (same_addr(&v->sessions[i]->peer, from))
			return v->sessions[i];
	return NULL;
}

/* The server id where the layout wants it, the rest at random. */
static void make_cid(struct server *v, uint8_t *cid)
{
	uint8_t *id = cid + v->quic_lb;

	do {
		for (uint32_t i = 0; i < v->cid_len; i++)
			cid[i] = dtls_random(&v->dtls);
		if (v->quic_lb)
			cid[0] = v->rotation << 5 | (cid[0] & 0x1f);
		for (uint32_t i = 0; i < v->id_len; i++)
			id[i] = v->id >> 8 * (v->id_len - 1 - i);
	} while (find_cid(v, cid));
}

static struct session *session_new(struct server *v)
{
	struct session *s = tool_alloc(1, sizeof(*s));
	int err;

	s->server = v;
	dtls_end_init(&s->end, &v->dtls, s, bio_send, bio_recv);
	if (v->cid_len) {
		make_cid(v, s->cid);
		err = mbedtls_ssl_set_cid(&s->end.ssl, MBEDTLS_SSL_CID_ENABLED, s->cid, v->cid_len);
		if (err)
			dtls_die("connection id", err);
	}
	return s;
}

static void session_end(struct server *v, struct session *s)
{
	for (unsigned int i = 0; i < v->n; i++) {
		if (v->sessions[i] == s) {
			v->sessions[i] = v->sessions[--v->n];
			break;
		}
	}
	mbedtls_ssl_free(&s->end.ssl);
	free(s);
}

/* The spare session has seen a ClientHello with a good cookie: it becomes one of ours. */
static void promote(struct server *v)
{
	v->spare->number = v->next_number++;
	v->sessions[v->n++] = v->spare;
	v->started++;
	v->spare = NULL;
}

/* -- one session -- */

static void answer(struct session *s, const char *question)
{
	char text[DTLS_TEXT_MAX + 128];
	int len = snprintf(text, sizeof(text), "%s %" PRIu64 " %" PRIu64 " %s", s->server->name,
			   s->number, s->handshakes, question);

	if (mbedtls_ssl_write(&s->end.ssl, (unsigned char *)text, len) == len)
		s->server->answered++;
	else
		s->server->errors++;
}

/* After an authentic record: @newest is the highest sequence number before it. */
static void follow(struct session *s, uint64_t newest)
{
	if (same_addr(&s->peer, &s->from) || s->end.ssl.in_window_top <= newest)
		return;
	s->peer = s->from;
	s->server->rebinds++;
}

/* False: the session ended, in order or not, and is gone. */
static bool session_read(struct server *v, struct session *s)
{
	char text[DTLS_TEXT_MAX];
	uint64_t newest = s->end.ssl.in_window_top;
	int n;

	while ((n = mbedtls_ssl_read(&s->end.ssl, (unsigned char *)text, sizeof(text) - 1)) > 0) {
		text[n] = '\0';
		follow(s, newest);
		newest = s->end.ssl.in_window_top;
		answer(s, text);
	}
	if (n == MBEDTLS_ERR_SSL_CLIENT_RECONNECT) {
		s->open = false;
		return true;
	}
	if (dtls_wants_more(n))
		return true;
	if (n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || n == 0)
		v->closed++;
	else
		v->errors++;
	session_end(v, s);
	return false;
}

/* False: the handshake failed, and the session is gone. */
static bool session_shake(struct server *v, struct session *s)
{
	int ret = mbedtls_ssl_handshake(&s->end.ssl);

	if (!ret) {
		s->open = true;
		s->handshakes++;
		v->handshakes++;
		return true;
	}
	if (dtls_wants_more(ret))
		return true;
	v->errors++;
	session_end(v, s);
	return false;
}

/* A datagram of a peer we have no session with. */
static void greet(struct server *v, const struct tool_addr *from, const uint8_t *buf, size_t len)
{
	struct session *s;
	int ret;

	if (len < 13 || buf[0] != DTLS_TYPE_HANDSHAKE || buf[3] || buf[4] || v->n == SESSIONS_MAX) {
		v->unknown++;
		return;
	}
	if (!v->spare)
		v->spare = session_new(v);
	s = v->spare;
	s->peer = s->from = *from;
	s->in = buf;
	s->in_len = len;
	ret = mbedtls_ssl_set_client_transport_id(&s->end.ssl, (const unsigned char *)&from->ss,
						  from->len);
	if (!ret)
		ret = mbedtls_ssl_handshake(&s->end.ssl);
	if (dtls_wants_more(ret) && s->end.ssl.state > MBEDTLS_SSL_CLIENT_HELLO) {
		promote(v);
		return;
	}
	*(ret == MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED ? &v->cookies : &v->errors) += 1;
	s->in = NULL;
	ret = mbedtls_ssl_session_reset(&s->end.ssl);
	if (ret)
		dtls_die("mbedtls_ssl_session_reset", ret);
}

static void receive_one(struct server *v, const struct tool_addr *from, const uint8_t *buf,
			size_t len)
{
	struct session *s = NULL;

	if (v->cid_len && len >= DTLS_CID_OFFSET + v->cid_len && buf[0] == DTLS_TYPE_CID)
		s = find_cid(v, buf + DTLS_CID_OFFSET);
	else
		s = find_addr(v, from);
	if (!s) {
		greet(v, from, buf, len);
		return;
	}
	s->from = *from;
	s->in = buf;
	s->in_len = len;
	if (s->open && !session_read(v, s))
		return;
	if (!s->open && !session_shake(v, s))
		return;
	/* Data may have come along with the end of the handshake. */
	if (s->open && session_read(v, s))
		s->in = NULL;
}

static void receive(struct server *v)
{
	uint8_t buf[DTLS_DATAGRAM_MAX];

	for (int i = 0; i < 64; i++) {
		struct tool_addr from = { .len = sizeof(from.ss) };
		ssize_t n = recvfrom(v->fd, buf, sizeof(buf), MSG_DONTWAIT,
				     (struct sockaddr *)&from.ss, &from.len);

		if (n >= 0)
			receive_one(v, &from, buf, n);
		else if (errno == EAGAIN)
			return;
	}
}

/* Retransmissions of handshakes under way. */
static void on_time(struct server *v)
{
	for (unsigned int i = v->n; i-- > 0;)
		if (!v->sessions[i]->open)
			session_shake(v, v->sessions[i]);
}

static void report(const struct server *v)
{
	printf("{\"name\":\"%s\",\"sessions\":%" PRIu64 ",\"open\":%u,\"handshakes\":%" PRIu64
	       ",\"cookies\":%" PRIu64 ",\"answered\":%" PRIu64 ",\"rebinds\":%" PRIu64
	       ",\"unknown\":%" PRIu64 ",\"closed\":%" PRIu64 ",\"errors\":%" PRIu64 "}\n",
	       v->name, v->started, v->n, v->handshakes, v->cookies, v->answered, v->rebinds,
	       v->unknown, v->closed, v->errors);
	fflush(stdout);
}

static void start(struct server *v)
{
	int err, buffer = 4 << 20;

	dtls_init(&v->dtls, MBEDTLS_SSL_IS_SERVER, v->cid_len);
	mbedtls_ssl_cookie_init(&v->cookie);
	err = mbedtls_ssl_cookie_setup(&v->cookie, mbedtls_ctr_drbg_random, &v->dtls.random);
	if (err)
		dtls_die("cookies", err);
	mbedtls_ssl_conf_dtls_cookies(&v->dtls.conf, mbedtls_ssl_cookie_write,
				      mbedtls_ssl_cookie_check, &v->cookie);
	/* No session of another server, or of ours before a restart, has the same number. */
	v->next_number = dtls_random(&v->dtls) % 1000000 * 10000 + 1;
	v->fd = socket(v->listen.ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(v->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	if (v->fd < 0 || bind(v->fd, (struct sockaddr *)&v->listen.ss, v->listen.len) < 0)
		tool_die("--listen: %s", strerror(errno));
}

/* clang-format off */
static const struct option longopts[] = {
	{ "listen", 1, NULL, 'l' }, { "name", 1, NULL, 'n' }, { "cid-length", 1, NULL, 'c' },
	{ "cid-layout", 1, NULL, 'y' }, { "rotation", 1, NULL, 'r' },
	{ "server-id-length", 1, NULL, 'L' }, { "server-id", 1, NULL, 'i' },
	{ "help", 0, NULL, 'h' }, { 0 },
};

static void parse(struct server *v, int argc, char **argv)
{
	const char *layout = "first-byte";

	for (int c; (c = getopt_long(argc, argv, "", longopts, NULL)) != -1;) {
		switch (c) {
		case 'l': v->listen = tool_endpoint("listen", optarg, 5684); break;
		case 'n': v->name = optarg; break;
		case 'c': v->cid_len = tool_number("cid-length", optarg, 0, CID_MAX); break;
		case 'y': layout = optarg; break;
		case 'r': v->rotation = tool_number("rotation", optarg, 0, 6); break;
		case 'L': v->id_len = tool_number("server-id-length", optarg, 1, 4); break;
		case 'i': v->id = tool_number("server-id", optarg, 0, UINT32_MAX); break;
		case 'h': fputs(help, stdout); exit(0);
		default: exit(2);
		}
	}
	v->quic_lb = !strcmp(layout, "quic-lb");
	if (!v->quic_lb && strcmp(layout, "first-byte"))
		tool_die("--cid-layout %s: want first-byte or quic-lb", layout);
	if (!v->listen.len || !v->name || strlen(v->name) > 64)
		tool_die("want --listen and --name; --help lists the options");
	if (v->cid_len && v->quic_lb + v->id_len > v->cid_len)
		tool_die("--cid-length: want room for the server id");
	if (v->id_len < 4 && v->id >> 8 * v->id_len)
		tool_die("--server-id: want an id of %u bytes", v->id_len);
}
/* clang-format on */

int main(int argc, char **argv)
{
	static struct server v = { .id = 1, .id_len = 1 };
	uint64_t ticked = 0;

	parse(&v, argc, argv);
	tool_signals();
	start(&v);
	tool_ready();
	while (!tool_stop) {
		struct pollfd p = { .fd = v.fd, .events = POLLIN };

		if (poll(&p, 1, 10) > 0)
			receive(&v);
		if (tool_now() - ticked >= TICK_NS) {
			ticked = tool_now();
			on_time(&v);
		}
		if (tool_report) {
			tool_report = 0;
			report(&v);
		}
	}
	report(&v);
	return 0;
}
