// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How long a broker takes to greet, as a device sees it: from connect() to connected, and from
 * CONNECT to CONNACK; then the connection is reset. On a schedule that does not wait.
 */
#include "tool.h"
#include <sys/epoll.h>

#define EVENTS 256

static const char help[] = "mqttgreet --to ADDR[:PORT] [options]\n"
			   "  --to ADDR:PORT   broker (port 1883)\n"
			   "  --connections N  in all (default 1000)\n"
			   "  --rate N         a second (default 500)\n"
			   "  --from A[,B...]  source addresses, used in turn\n"
			   "  --port-base P    first source port (default 0: the kernel's choice)\n"
			   "  --timeout S      a step that takes longer failed (default 3)\n"
			   "JSON on stdout at the end: connections, greeted, failed, and p50 and "
			   "p99 of connect_us and\n"
			   "connack_us. Exit code 1 unless all were greeted.\n";

struct conn {
	int fd;
	bool connected;
	uint64_t since_ns; /* of the step in hand */
};

struct times {
	uint64_t *ns;
	size_t n;
};

struct greet {
	struct tool_addr to;
	struct tool_sources from;
	uint64_t n, rate, timeout_ns, started, ended, failed;
	int epoll;
	struct conn *conns;
	struct times connect, connack;
};

static void end(struct greet *g, struct conn *c, const char *failure)
{
	const struct linger reset = { .l_onoff = 1 };

	if (failure && g->failed++ < 5)
		fprintf(stderr, "mqttgreet: connection %td: %s\n", c - g->conns, failure);
	if (c->fd >= 0) {
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(c->fd);
	}
	c->fd = -1;
	g->ended++;
}

static void start(struct greet *g)
{
	struct conn *c = &g->conns[g->started];
	struct epoll_event ev = { .events = EPOLLOUT, .data.u32 = g->started };

	c->since_ns = tool_now();
	c->fd = tool_flow_socket(&g->from, g->started++, SOCK_STREAM, &g->to);
	if (c->fd < 0)
		end(g, c, strerror(-c->fd));
	else if (epoll_ctl(g->epoll, EPOLL_CTL_ADD, c->fd, &ev))
		end(g, c, strerror(errno));
}

/* MQTT 3.1.1, section 3.1. */
static void send_connect(struct greet *g, struct conn *c)
{
	char id[16];
	uint8_t buf[64] = { 0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0 };
	size_t len = snprintf(id, sizeof(id), "greet-%td", c - g->conns);
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = c - g->conns };

	buf[13] = len;
	memcpy(buf + 14, id, len);
	buf[1] = 12 + len;
	c->connected = true;
	c->since_ns = tool_now();
	if (send(c->fd, buf, 14 + len, 0) != (ssize_t)(14 + len) ||
	    epoll_ctl(g->epoll, EPOLL_CTL_MOD, c->fd, &ev))
		end(g, c, strerror(errno));
}

static void on_event(struct greet *g, struct conn *c)
{
	uint64_t took = tool_now() - c->since_ns;
	socklen_t len = sizeof(int);
	uint8_t buf[64];
	int err = 0;
	ssize_t n;

	if (c->fd < 0)
		return;
	if (!c->connected) {
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len);
		if (err) {
			end(g, c, strerror(err));
			return;
		}
		g->connect.ns[g->connect.n++] = took;
		send_connect(g, c);
		return;
	}
	n = recv(c->fd, buf, sizeof(buf), 0);
	if (n < 4 || buf[0] != 0x20 || buf[3]) {
		end(g, c, n < 0 ? strerror(errno) : "no CONNACK");
		return;
	}
	g->connack.ns[g->connack.n++] = took;
	end(g, c, NULL);
}

static void run(struct greet *g)
{
	uint64_t begin = tool_now(), oldest = 0;

	while (!tool_stop && g->ended < g->n) {
		struct epoll_event ev[EVENTS];
		int n = epoll_wait(g->epoll, ev, EVENTS, 1);
		uint64_t now;

		for (int i = 0; i < n; i++)
			on_event(g, &g->conns[ev[i].data.u32]);
		now = tool_now();
		for (int i = 0;
		     i < 16 && g->started < g->n && g->started * NSEC / g->rate <= now - begin; i++)
			start(g);
		now = tool_now();
		for (; oldest < g->started; oldest++) {
			struct conn *c = &g->conns[oldest];

			if (c->fd >= 0 && now - c->since_ns < g->timeout_ns)
				break;
			if (c->fd >= 0)
				end(g, c, "no answer");
		}
	}
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double quantile_us(struct times *t, double q)
{
	qsort(t->ns, t->n, sizeof(*t->ns), compare);
	return t->n ? t->ns[(size_t)(q * (t->n - 1))] / 1e3 : 0;
}

/* clang-format off */
static const struct option longopts[] = {
	{ "to", 1, NULL, 't' }, { "connections", 1, NULL, 'n' }, { "rate", 1, NULL, 'r' },
	{ "from", 1, NULL, 'f' }, { "port-base", 1, NULL, 'p' }, { "timeout", 1, NULL, 'o' },
	{ "help", 0, NULL, 'h' }, { 0 },
};

static void parse(struct greet *g, int argc, char **argv)
{
	for (int c; (c = getopt_long(argc, argv, "", longopts, NULL)) != -1;) {
		switch (c) {
		case 't': g->to = tool_endpoint("to", optarg, 1883); break;
		case 'n': g->n = tool_number("connections", optarg, 1, 1000000); break;
		case 'r': g->rate = tool_number("rate", optarg, 1, 100000); break;
		case 'f': tool_add_sources(&g->from, optarg); break;
		case 'p': g->from.port_base = tool_number("port-base", optarg, 0, 65535); break;
		case 'o': g->timeout_ns = tool_seconds("timeout", optarg); break;
		case 'h': fputs(help, stdout); exit(0);
		default: exit(2);
		}
	}
	if (!g->to.len)
		tool_die("want --to; --help lists the options");
	tool_check_sources(&g->from, &g->to, g->n);
}
/* clang-format on */

int main(int argc, char **argv)
{
	struct greet g = { .n = 1000, .rate = 500, .timeout_ns = 3 * NSEC };

	parse(&g, argc, argv);
	tool_raise_nofile();
	tool_signals();
	g.epoll = epoll_create1(EPOLL_CLOEXEC);
	g.conns = tool_alloc(g.n, sizeof(*g.conns));
	g.connect.ns = tool_alloc(g.n, sizeof(uint64_t));
	g.connack.ns = tool_alloc(g.n, sizeof(uint64_t));
	tool_ready();
	run(&g);
	printf("{\"connections\":%" PRIu64 ",\"greeted\":%zu,\"failed\":%" PRIu64, g.started,
	       g.connack.n, g.failed);
	printf(",\"connect_us\":{\"p50\":%.1f,\"p99\":%.1f}", quantile_us(&g.connect, 0.5),
	       quantile_us(&g.connect, 0.99));
	printf(",\"connack_us\":{\"p50\":%.1f,\"p99\":%.1f}}\n", quantile_us(&g.connack, 0.5),
	       quantile_us(&g.connack, 0.99));
	return g.connack.n != g.n;
}
