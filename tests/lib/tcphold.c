// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hold many TCP connections open and use each a little, so that one that was
 * moved, reset or lost is seen: broken connections, missing answers, and the
 * retransmissions that the kernel made on our side (TCP_INFO). Never reconnects.
 */
#include "tool.h"
#include <netinet/tcp.h>
#include <sys/epoll.h>

#define EVENTS 256

static const char help[] =
	"tcphold --to ADDR:PORT [options]: hold connections, count what breaks\n"
	"  --to ADDR:PORT   server\n"
	"  --connections N  (default 100)\n"
	"  --connect-rate N new connections a second (default 500)\n"
	"  --from A[,B...]  source addresses, used in turn\n"
	"  --port-base P    first source port (default 0: the kernel's choice)\n"
	"  --speak WHAT     mqtt: CONNECT, then PINGREQ and PINGRESP; echo: 8 bytes that come "
	"back;\n"
	"                   none: silence (default mqtt)\n"
	"  --interval S     seconds between two messages of one connection (default 1)\n"
	"  --timeout S      no connection, or no answer, for so long is a failure (default 5)\n"
	"  --duration S     end after this time (default: at SIGTERM)\n"
	"  --close-list F   at SIGUSR2 end the connections whose own \"ADDRESS PORT\" is a line of "
	"F\n"
	"\"ready\" on stderr when all are open. JSON on stdout at the end and at SIGUSR1: wanted,\n"
	"connected, open, failed (never opened), broken, closed (by us, in order), late (answers\n"
	"over the timeout), asked, answered, retransmits. Exit code 1 if anything failed, broke or "
	"was late.\n";

enum state {
	CONN_NEW,
	CONN_CONNECTING,
	CONN_GREETING,
	CONN_OPEN,
	CONN_GONE
};

struct conn {
	int fd;
	enum state state;
	bool waiting, was_late;
	uint64_t since_ns; /* of the connection attempt or the question */
	uint64_t next_ns;  /* when to ask again */
	unsigned int have; /* bytes of the answer */
	uint32_t retransmits;
};

enum speak {
	SPEAK_NONE,
	SPEAK_ECHO,
	SPEAK_MQTT
};

struct hold {
	struct tool_addr to;
	struct tool_sources from;
	uint64_t n, connect_rate, interval_ns, timeout_ns, duration_ns;
	enum speak speak;
	const char *close_list;
	int epoll;
	struct conn *conns;
	uint64_t started, connected, open, failed, broken, closed, late, asked, answered,
		retransmits;
};

static volatile sig_atomic_t close_asked;

static void on_close_asked(int sig)
{
	(void)sig;
	close_asked = 1;
}

static uint32_t retransmits_of(const struct conn *c)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (c->fd < 0 || getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return c->retransmits;
	return info.tcpi_total_retrans;
}

/* Count and forget a connection that ended; @why says how, once a kind. */
static void gone(struct hold *h, struct conn *c, const char *why)
{
	bool was_open = c->state == CONN_OPEN;

	c->retransmits = retransmits_of(c);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->state = CONN_GONE;
	h->open -= was_open;
	*(was_open ? &h->broken : &h->failed) += 1;
	if (h->broken + h->failed <= 5)
		fprintf(stderr, "tcphold: connection %td %s: %s\n", c - h->conns,
			was_open ? "broke" : "failed", why);
}

static void ask(struct hold *h, struct conn *c, uint64_t now)
{
	static const uint8_t pingreq[2] = { 0xc0, 0 }, echo[8] = "sluice.\n";
	const uint8_t *msg = h->speak == SPEAK_MQTT ? pingreq : echo;
	size_t len = h->speak == SPEAK_MQTT ? sizeof(pingreq) : sizeof(echo);

	c->next_ns = now + h->interval_ns;
	if (h->speak == SPEAK_NONE)
		return;
	if (send(c->fd, msg, len, 0) != (ssize_t)len) {
		gone(h, c, strerror(errno));
		return;
	}
	h->asked++;
	c->waiting = true;
	c->was_late = false;
	c->have = 0;
	c->since_ns = now;
}

static void opened(struct hold *h, struct conn *c, uint64_t now)
{
	c->state = CONN_OPEN;
	h->open++;
	h->connected++;
	/* Spread the questions over the interval. */
	c->next_ns = now + h->interval_ns * (c - h->conns) / h->n;
}

/* MQTT 3.1.1 CONNECT, clean session, keep alive 600 s, client id "hold-PID-N". */
static void greet(struct hold *h, struct conn *c, uint64_t now)
{
	uint8_t msg[64] = { 0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 600 >> 8, 600 & 0xff };
	int n = snprintf((char *)msg + 14, sizeof(msg) - 14, "hold-%d-%td", getpid(), c - h->conns);

	if (h->speak != SPEAK_MQTT) {
		opened(h, c, now);
		return;
	}
	msg[13] = n;
	msg[1] = 12 + n;
	c->state = CONN_GREETING;
	if (send(c->fd, msg, 14 + n, 0) != 14 + n)
		gone(h, c, strerror(errno));
}

static void start(struct hold *h, struct conn *c, uint64_t now)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT, .data.u32 = c - h->conns };
	int one = 1;

	c->since_ns = now;
	c->state = CONN_CONNECTING;
	c->fd = tool_flow_socket(&h->from, c - h->conns, SOCK_STREAM, &h->to);
	if (c->fd < 0) {
		gone(h, c, strerror(-c->fd));
		return;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(h->epoll, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		gone(h, c, strerror(errno));
}

static void receive(struct hold *h, struct conn *c, uint64_t now)
{
	size_t want = c->state == CONN_GREETING ? 4 : h->speak == SPEAK_MQTT ? 2 : 8;
	uint8_t buf[256];
	ssize_t n = recv(c->fd, buf, sizeof(buf), 0);

	if (n == 0) {
		gone(h, c, "closed by the server");
		return;
	}
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			gone(h, c, strerror(errno));
		return;
	}
	c->have += n;
	if (c->have < want)
		return;
	if (c->state == CONN_GREETING) {
		c->have = 0;
		if (n >= 4 && (buf[0] != 0x20 || buf[3])) /* CONNACK with a code */
			gone(h, c, "refused by the broker");
		else
			opened(h, c, now);
	} else if (c->waiting) {
		c->waiting = false;
		h->answered++;
	}
}

static void on_event(struct hold *h, const struct epoll_event *ev, uint64_t now)
{
	struct conn *c = &h->conns[ev->data.u32];
	struct epoll_event in = { .events = EPOLLIN, .data = ev->data };

	if (c->state == CONN_CONNECTING && ev->events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
		int err = 0;
		socklen_t len = sizeof(err);

		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len);
		if (err) {
			gone(h, c, strerror(err));
			return;
		}
		epoll_ctl(h->epoll, EPOLL_CTL_MOD, c->fd, &in);
		greet(h, c, now);
	}
	if (c->fd >= 0 && ev->events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		receive(h, c, now);
}

static void on_time(struct hold *h, uint64_t now)
{
	for (uint64_t i = 0; i < h->started; i++) {
		struct conn *c = &h->conns[i];

		if (c->state == CONN_CONNECTING || c->state == CONN_GREETING) {
			if (now - c->since_ns > h->timeout_ns)
				gone(h, c, "no answer");
		} else if (c->state == CONN_OPEN && c->waiting) {
			if (!c->was_late && now - c->since_ns > h->timeout_ns) {
				c->was_late = true;
				h->late++;
			}
		} else if (c->state == CONN_OPEN && now >= c->next_ns) {
			ask(h, c, now);
		}
	}
}

/* -- ending some of them, as devices do that have finished -- */

static void leave(struct hold *h, struct conn *c)
{
	static const uint8_t disconnect[2] = { 0xe0, 0 };

	if (h->speak == SPEAK_MQTT && send(c->fd, disconnect, sizeof(disconnect), 0) < 0) {
		gone(h, c, strerror(errno));
		return;
	}
	c->retransmits = retransmits_of(c);
	close(c->fd);
	c->fd = -1;
	c->state = CONN_GONE;
	h->open--;
	h->closed++;
}

/* "ADDRESS PORT" of our end. */
static bool is_named(const struct conn *c, const char *line)
{
	struct tool_addr own = { .len = sizeof(own.ss) };
	char host[INET6_ADDRSTRLEN], name[INET6_ADDRSTRLEN + 8];
	const void *raw;

	if (getsockname(c->fd, (struct sockaddr *)&own.ss, &own.len) < 0)
		return false;
	raw = own.ss.ss_family == AF_INET
		      ? (const void *)&((struct sockaddr_in *)&own.ss)->sin_addr
		      : (const void *)&((struct sockaddr_in6 *)&own.ss)->sin6_addr;
	if (!inet_ntop(own.ss.ss_family, raw, host, sizeof(host)))
		return false;
	snprintf(name, sizeof(name), "%s %u", host, tool_port(&own));
	return !strcmp(name, line);
}

static void close_listed(struct hold *h)
{
	char line[128];
	FILE *f = h->close_list ? fopen(h->close_list, "re") : NULL;

	if (!f)
		tool_die("--close-list: %s", strerror(h->close_list ? errno : EINVAL));
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		for (uint64_t i = 0; i < h->started; i++) {
			if (h->conns[i].state == CONN_OPEN && is_named(&h->conns[i], line))
				leave(h, &h->conns[i]);
		}
	}
	fclose(f);
}

static void report(struct hold *h)
{
	h->retransmits = 0;
	for (uint64_t i = 0; i < h->started; i++)
		h->retransmits += retransmits_of(&h->conns[i]);
	printf("{\"wanted\":%" PRIu64 ",\"connected\":%" PRIu64 ",\"open\":%" PRIu64
	       ",\"failed\":%" PRIu64 ",\"broken\":%" PRIu64 ",\"closed\":%" PRIu64
	       ",\"late\":%" PRIu64 ",\"asked\":%" PRIu64 ",\"answered\":%" PRIu64
	       ",\"retransmits\":%" PRIu64 "}\n",
	       h->n, h->connected, h->open, h->failed, h->broken, h->closed, h->late, h->asked,
	       h->answered, h->retransmits);
	fflush(stdout);
}

static void run(struct hold *h)
{
	uint64_t begin = tool_now(), ticked = 0;
	bool announced = false;

	while (!tool_stop && (!h->duration_ns || tool_now() - begin < h->duration_ns)) {
		struct epoll_event ev[EVENTS];
		int n = epoll_wait(h->epoll, ev, EVENTS, 5);
		uint64_t now = tool_now();

		while (h->started < h->n && h->started * NSEC / h->connect_rate <= now - begin)
			start(h, &h->conns[h->started++], now);
		for (int i = 0; i < n; i++)
			on_event(h, &ev[i], now);
		if (now - ticked >= NSEC / 100) {
			ticked = now;
			on_time(h, now);
		}
		if (!announced && h->connected + h->failed == h->n) {
			announced = true;
			tool_ready();
		}
		if (close_asked) {
			close_asked = 0;
			close_listed(h);
		}
		if (tool_report) {
			tool_report = 0;
			report(h);
		}
	}
}

/* clang-format off */
static const struct option longopts[] = {
	{ "to", 1, NULL, 't' }, { "connections", 1, NULL, 'n' }, { "connect-rate", 1, NULL, 'r' },
	{ "from", 1, NULL, 'f' }, { "port-base", 1, NULL, 'p' }, { "speak", 1, NULL, 's' },
	{ "interval", 1, NULL, 'i' }, { "timeout", 1, NULL, 'o' }, { "duration", 1, NULL, 'd' },
	{ "close-list", 1, NULL, 'l' }, { "help", 0, NULL, 'h' }, { 0 },
};

static enum speak parse_speak(const char *text)
{
	static const char *const names[] = { "none", "echo", "mqtt" };

	for (unsigned int i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(text, names[i]))
			return i;
	tool_die("--speak %s: want mqtt, echo or none", text);
}

static void parse(struct hold *h, int argc, char **argv)
{
	for (int c; (c = getopt_long(argc, argv, "", longopts, NULL)) != -1;) {
		switch (c) {
		case 't': h->to = tool_endpoint("to", optarg, 1883); break;
		case 'n': h->n = tool_number("connections", optarg, 1, 100000); break;
		case 'r': h->connect_rate = tool_number("connect-rate", optarg, 1, 1000000); break;
		case 'f': tool_add_sources(&h->from, optarg); break;
		case 'p': h->from.port_base = tool_number("port-base", optarg, 0, 65535); break;
		case 's': h->speak = parse_speak(optarg); break;
		case 'i': h->interval_ns = tool_seconds("interval", optarg); break;
		case 'o': h->timeout_ns = tool_seconds("timeout", optarg); break;
		case 'd': h->duration_ns = tool_seconds("duration", optarg); break;
		case 'l': h->close_list = optarg; break;
		case 'h': fputs(help, stdout); exit(0);
		default: exit(2);
		}
	}
	if (!h->to.len)
		tool_die("want --to; --help lists the options");
	tool_check_sources(&h->from, &h->to, h->n);
}
/* clang-format on */

int main(int argc, char **argv)
{
	struct hold h = { .n = 100,
			  .connect_rate = 500,
			  .interval_ns = NSEC,
			  .speak = SPEAK_MQTT,
			  .timeout_ns = 5 * NSEC };

	parse(&h, argc, argv);
	tool_raise_nofile();
	tool_signals();
	signal(SIGUSR2, on_close_asked);
	h.epoll = epoll_create1(EPOLL_CLOEXEC);
	h.conns = tool_alloc(h.n, sizeof(*h.conns));
	for (uint64_t i = 0; i < h.n; i++)
		h.conns[i].fd = -1;
	run(&h);
	report(&h);
	return h.failed || h.broken || h.late || h.connected < h.n;
}
