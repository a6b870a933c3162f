// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Many DTLS 1.2 sessions with mbedtls, each a device with a socket of its own that asks
 * dtlsserver numbered questions and expects all answers from one session of one
 * server. A session may change its address and port and go on without a handshake, by
 * its connection id (RFC 9146). What is not answered is asked again, as an
 * application would; when that does not help, the device begins anew, and both count.
 */
#include "dtls.h"
#include "names.h"
#include <sys/epoll.h>

#define EVENTS	256
#define TICK_NS (NSEC / 100)

static const char help[] =
	"dtlsclient --to ADDR[:PORT] [options]: DTLS 1.2 sessions that ask dtlsserver\n"
	"  --to ADDR:PORT    server (port 5684)\n"
	"  --sessions N      (default 10)\n"
	"  --connect-rate N  handshakes begun a second (default 100)\n"
	"  --from A[,B...]   source addresses, used in turn\n"
	"  --port-base P     first source port (default 0: the kernel's choice)\n"
	"  --no-cid          without connection ids\n"
	"  --rebind-every N  after N answers: another port, the next source address, the same "
	"session\n"
	"  --interval S      between two questions of one session (default 1)\n"
	"  --retry S         a question without an answer is asked again (default 1)\n"
	"  --retries N       and given up after so many times (default 4)\n"
	"  --duration S      end after this time (default: at SIGTERM)\n"
	"\"ready\" on stderr when all sessions had their first answer or failed. JSON on stdout at "
	"the\n"
	"end and at SIGUSR1: sessions, open, with_cid, handshakes, failed (no first handshake), "
	"asked,\n"
	"answered, again (retries), lost (given up), moved (answered by another server or "
	"session),\n"
	"rehandshakes, rebinds, rebound (answered after one), broken (ended by the server or an "
	"error),\n"
	"late, by_instance (sessions). Exit code 1 if any failed, broke, was lost, moved or made "
	"another\nhandshake.\n";

enum state {
	SES_NEW,
	SES_SHAKING,
	SES_OPEN,
	SES_GONE
};

struct session {
	struct dtls_end end;
	int fd;
	enum state state;
	bool waiting, known, renewed, shaken, fresh_address;
	uint64_t next_ns, seq, tries, answers, rebinds;
	char name[NAME_LEN]; /* of the server, and its number for the session: known */
	uint64_t number, shakes;
};

struct client {
	struct tool_addr to;
	struct tool_sources from;
	uint64_t n, connect_rate, rebind_every, interval_ns, retry_ns, retries, duration_ns;
	bool no_cid;
	struct dtls dtls;
	int epoll;
	struct session *sessions;
	uint64_t started, handshakes, failed, asked, answered, again, lost, moved, rehandshakes,
		rebinds, rebound, broken, late;
	bool ending;
};

/* The socket of session @k: flow @flow of @from. Keeps the old one if that fails. */
static bool socket_open(struct client *c, struct session *s, const struct tool_sources *from,
			uint64_t flow)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = s - c->sessions };
	int fd = tool_flow_socket(from, flow, SOCK_DGRAM, &c->to);

	if (fd < 0 || epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		fprintf(stderr, "dtlsclient: session %td: %s\n", s - c->sessions,
			strerror(fd < 0 ? -fd : errno));
		return false;
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = fd;
	return true;
}

static void rebind(struct client *c, struct session *s)
{
	struct tool_sources from = c->from;

	from.port_base = 0; /* any port but the old one, which is still ours */
	s->rebinds++;
	if (!socket_open(c, s, &from, s - c->sessions + s->rebinds))
		return;
	c->rebinds++;
	s->fresh_address = true;
}

/* -- a session's life -- */

static void complain(const struct client *c, const struct session *s, const char *what, int err)
{
	char text[128] = "";

	if (c->failed + c->broken + c->lost + c->moved > 10)
		return;
	if (err)
		mbedtls_strerror(err, text, sizeof(text));
	fprintf(stderr, "dtlsclient: session %td (%s %" PRIu64 "): %s %s\n", s - c->sessions,
		s->name, s->number, what, text);
}

static void begin(struct client *c, struct session *s)
{
	int err;

	dtls_end_init(&s->end, &c->dtls, &s->fd, dtls_send, dtls_recv);
	if (!c->no_cid) { /* we have no use for one in our direction */
		err = mbedtls_ssl_set_cid(&s->end.ssl, MBEDTLS_SSL_CID_ENABLED, NULL, 0);
		if (err)
			dtls_die("connection id", err);
	}
	s->state = SES_SHAKING;
	if (!socket_open(c, s, &c->from, s - c->sessions)) {
		c->failed++;
		s->state = SES_GONE;
	}
}

/* As a device does that hears nothing more or was told that its session is over. */
static void begin_anew(struct client *c, struct session *s)
{
	int err = mbedtls_ssl_session_reset(&s->end.ssl);

	if (err)
		dtls_die("mbedtls_ssl_session_reset", err);
	c->rehandshakes++;
	s->waiting = false;
	s->renewed = true;
	s->state = c->ending ? SES_GONE : SES_SHAKING;
}

static void shake(struct client *c, struct session *s, uint64_t now)
{
	int ret = mbedtls_ssl_handshake(&s->end.ssl);

	if (dtls_wants_more(ret))
		return;
	if (ret) {
		*(s->shaken ? &c->broken : &c->failed) += 1;
		complain(c, s, "handshake:", ret);
		s->state = SES_GONE;
		return;
	}
	c->handshakes++;
	s->shaken = true;
	s->state = SES_OPEN;
	s->next_ns = now;
}

static void say(struct client *c, struct session *s, uint64_t now)
{
	char text[DTLS_TEXT_MAX];
	int len = snprintf(text, sizeof(text), "%" PRIu64 " device %td", s->seq, s - c->sessions);
	int ret = mbedtls_ssl_write(&s->end.ssl, (unsigned char *)text, len);

	s->next_ns = now + c->retry_ns;
	if (ret != len && !dtls_wants_more(ret)) {
		c->broken++;
		complain(c, s, "write:", ret);
		begin_anew(c, s);
	}
}

static void ask(struct client *c, struct session *s, uint64_t now)
{
	s->seq++;
	s->tries = 0;
	s->waiting = true;
	c->asked++;
	say(c, s, now);
}

static void ask_again(struct client *c, struct session *s, uint64_t now)
{
	if (s->tries++ < c->retries) {
		c->again++;
		say(c, s, now);
		return;
	}
	c->lost++;
	complain(c, s, "no answer", 0);
	begin_anew(c, s);
}

/* -- an answer -- */

static void take_answer(struct client *c, struct session *s, const char *text, uint64_t now)
{
	char name[NAME_LEN];
	uint64_t number, handshakes, seq;

	if (sscanf(text, "%64s %" SCNu64 " %" SCNu64 " %" SCNu64, name, &number, &handshakes,
		   &seq) != 4 ||
	    !s->waiting || seq != s->seq) {
		c->late++; /* the second answer to what was asked twice */
		return;
	}
	/* A session that we began anew may have another number, not another server. */
	if (s->known && (strcmp(name, s->name) || (number != s->number && !s->renewed))) {
		c->moved++;
		complain(c, s, "moved to", 0);
		fprintf(stderr, "dtlsclient: ... %s\n", text);
	} else if (s->known && handshakes != s->shakes) {
		c->rehandshakes++; /* the server knows better */
	}
	s->shakes = handshakes; /* the first may have needed two, if its packets were late */
	memcpy(s->name, name, sizeof(name));
	s->number = number;
	s->known = true;
	s->renewed = s->waiting = false;
	c->answered++;
	s->answers++;
	c->rebound += s->fresh_address;
	s->fresh_address = false;
	/* The first time spread over the interval. */
	s->next_ns = now +
		     (s->answers == 1 ? c->interval_ns * (s - c->sessions) / c->n : c->interval_ns);
	if (c->rebind_every && s->answers % c->rebind_every == 0)
		rebind(c, s);
}

static void receive(struct client *c, struct session *s, uint64_t now)
{
	char text[DTLS_TEXT_MAX + 128];
	int n;

	if (s->state == SES_SHAKING)
		shake(c, s, now);
	if (s->state != SES_OPEN) {
		if (s->state == SES_GONE) /* nobody is interested */
			recv(s->fd, text, sizeof(text), 0);
		return;
	}
	while ((n = mbedtls_ssl_read(&s->end.ssl, (unsigned char *)text, sizeof(text) - 1)) > 0) {
		text[n] = '\0';
		take_answer(c, s, text, now);
	}
	if (dtls_wants_more(n))
		return;
	c->broken++;
	complain(c, s, "ended:", n);
	begin_anew(c, s);
}

/* -- the loop -- */

static void on_time(struct client *c, uint64_t now)
{
	for (uint64_t i = 0; i < c->started; i++) {
		struct session *s = &c->sessions[i];

		if (s->state == SES_SHAKING)
			shake(c, s, now);
		if (s->state != SES_OPEN || now < s->next_ns)
			continue;
		if (s->waiting)
			ask_again(c, s, now);
		else if (!c->ending)
			ask(c, s, now);
	}
}

/* All sessions had an answer, or failed. */
static bool is_settled(const struct client *c)
{
	for (uint64_t i = 0; i < c->n; i++)
		if (c->sessions[i].state != SES_GONE && !c->sessions[i].known)
			return false;
	return true;
}

static bool is_waiting(const struct client *c)
{
	for (uint64_t i = 0; i < c->started; i++)
		if (c->sessions[i].state == SES_OPEN && c->sessions[i].waiting)
			return true;
	return false;
}

static void report(struct client *c)
{
	uint64_t open = 0, with_cid = 0;
	struct names names = { 0 };

	for (uint64_t i = 0; i < c->started; i++) {
		open += c->sessions[i].state == SES_OPEN;
		with_cid += c->sessions[i].state == SES_OPEN && dtls_has_cid(&c->sessions[i].end);
		if (c->sessions[i].known)
			names_count(&names, c->sessions[i].name);
	}
	printf("{\"sessions\":%" PRIu64 ",\"open\":%" PRIu64 ",\"with_cid\":%" PRIu64
	       ",\"handshakes\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"asked\":%" PRIu64
	       ",\"answered\":%" PRIu64 ",\"again\":%" PRIu64 ",\"lost\":%" PRIu64
	       ",\"moved\":%" PRIu64 ",\"rehandshakes\":%" PRIu64 ",\"rebinds\":%" PRIu64
	       ",\"rebound\":%" PRIu64 ",\"broken\":%" PRIu64 ",\"late\":%" PRIu64
	       ",\"by_instance\":{",
	       c->n, open, with_cid, c->handshakes, c->failed, c->asked, c->answered, c->again,
	       c->lost, c->moved, c->rehandshakes, c->rebinds, c->rebound, c->broken, c->late);
	names_print(&names);
	puts("}}");
	fflush(stdout);
}

static void run(struct client *c)
{
	uint64_t begun = tool_now(), ticked = 0;
	bool announced = false;

	while (!c->ending || is_waiting(c)) {
		struct epoll_event ev[EVENTS];
		int n = epoll_wait(c->epoll, ev, EVENTS, 5);
		uint64_t now = tool_now();

		while (!c->ending && c->started < c->n &&
		       c->started * NSEC / c->connect_rate <= now - begun)
			begin(c, &c->sessions[c->started++]);
		for (int i = 0; i < n; i++)
			receive(c, &c->sessions[ev[i].data.u32], now);
		if (now - ticked >= TICK_NS) {
			ticked = now;
			on_time(c, now);
		}
		if (!announced && is_settled(c)) {
			announced = true;
			tool_ready();
		}
		if (tool_report) {
			tool_report = 0;
			report(c);
		}
		c->ending = tool_stop || (c->duration_ns && now - begun >= c->duration_ns);
	}
}

/* clang-format off */
static const struct option longopts[] = {
	{ "to", 1, NULL, 't' }, { "sessions", 1, NULL, 'n' }, { "connect-rate", 1, NULL, 'r' },
	{ "from", 1, NULL, 'f' }, { "port-base", 1, NULL, 'p' }, { "no-cid", 0, NULL, 'N' },
	{ "rebind-every", 1, NULL, 'b' }, { "interval", 1, NULL, 'i' }, { "retry", 1, NULL, 'y' },
	{ "retries", 1, NULL, 'm' }, { "duration", 1, NULL, 'd' }, { "help", 0, NULL, 'h' }, { 0 },
};

static void parse(struct client *c, int argc, char **argv)
{
	for (int o; (o = getopt_long(argc, argv, "", longopts, NULL)) != -1;) {
		switch (o) {
		case 't': c->to = tool_endpoint("to", optarg, 5684); break;
		case 'n': c->n = tool_number("sessions", optarg, 1, 100000); break;
		case 'r': c->connect_rate = tool_number("connect-rate", optarg, 1, 100000); break;
		case 'f': tool_add_sources(&c->from, optarg); break;
		case 'p': c->from.port_base = tool_number("port-base", optarg, 0, 65535); break;
		case 'N': c->no_cid = true; break;
		case 'b': c->rebind_every = tool_number("rebind-every", optarg, 1, 1000000); break;
		case 'i': c->interval_ns = tool_seconds("interval", optarg); break;
		case 'y': c->retry_ns = tool_seconds("retry", optarg); break;
		case 'm': c->retries = tool_number("retries", optarg, 0, 1000); break;
		case 'd': c->duration_ns = tool_seconds("duration", optarg); break;
		case 'h': fputs(help, stdout); exit(0);
		default: exit(2);
		}
	}
	if (!c->to.len)
		tool_die("want --to; --help lists the options");
	tool_check_sources(&c->from, &c->to, c->n);
}
/* clang-format on */

int main(int argc, char **argv)
{
	struct client c = {
		.n = 10, .connect_rate = 100, .interval_ns = NSEC, .retry_ns = NSEC, .retries = 4
	};

	parse(&c, argc, argv);
	tool_raise_nofile();
	tool_signals();
	dtls_init(&c.dtls, MBEDTLS_SSL_IS_CLIENT, 0);
	c.epoll = epoll_create1(EPOLL_CLOEXEC);
	c.sessions = tool_alloc(c.n, sizeof(*c.sessions));
	for (uint64_t i = 0; i < c.n; i++)
		c.sessions[i].fd = -1;
	run(&c);
	report(&c);
	for (uint64_t i = 0; i < c.started; i++)
		if (c.sessions[i].state == SES_OPEN)
			mbedtls_ssl_close_notify(&c.sessions[i].end.ssl);
	return c.failed || c.broken || c.lost || c.moved || c.rehandshakes || c.handshakes < c.n;
}
