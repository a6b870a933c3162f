/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the traffic tools share: checked options, addresses, clocks, signals and
 * the sequence numbers that sender and sink agree on. Each tool is one program
 * with one loop; a wrong option ends it with exit code 2 and a line that says
 * what would be right.
 */
#ifndef SL_TEST_TOOL_H
#define SL_TEST_TOOL_H

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NSEC	     1000000000ull

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline void __attribute__((format(printf, 1, 2), noreturn)) tool_die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

static inline void *tool_alloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		tool_die("out of memory");
	return p;
}

/* A decimal number with an optional k or M behind it, within [@min, @max]. */
static inline uint64_t tool_number(const char *what, const char *text, uint64_t min, uint64_t max)
{
	char *end = NULL;
	double v;

	errno = 0;
	v = strtod(text, &end);
	if (end != text && (*end == 'k' || *end == 'M'))
		v *= *end++ == 'k' ? 1e3 : 1e6;
	if (errno || end == text || *end || !(v >= (double)min && v <= (double)max))
		tool_die("--%s %s: want a number from %" PRIu64 " to %" PRIu64, what, text, min,
			 max);
	return (uint64_t)v;
}

/* Seconds, a decimal fraction allowed, as nanoseconds. */
static inline uint64_t tool_seconds(const char *what, const char *text)
{
	char *end = NULL;
	double v;

	errno = 0;
	v = strtod(text, &end);
	if (errno || end == text || *end || !(v >= 0 && v <= 86400))
		tool_die("--%s %s: want seconds from 0 to 86400", what, text);
	return (uint64_t)(v * 1e9);
}

/* -- addresses -- */

struct tool_addr {
	struct sockaddr_storage ss;
	socklen_t len;
};

static inline void tool_set_port(struct tool_addr *a, uint16_t port)
{
	if (a->ss.ss_family == AF_INET)
		((struct sockaddr_in *)&a->ss)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)&a->ss)->sin6_port = htons(port);
}

static inline uint16_t tool_port(const struct tool_addr *a)
{
	if (a->ss.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&a->ss)->sin_port);
	return ntohs(((const struct sockaddr_in6 *)&a->ss)->sin6_port);
}

/* An address without a port: "192.0.2.1" or "2001:db8::1". */
static inline bool tool_address(const char *text, struct tool_addr *ret)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)&ret->ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->ss;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		ret->len = sizeof(*in4);
		return true;
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		ret->len = sizeof(*in6);
		return true;
	}
	return false;
}

/* "192.0.2.1:5683", "[2001:db8::1]:5683", or either address alone for @port. */
static inline struct tool_addr tool_endpoint(const char *what, const char *text, uint16_t port)
{
	struct tool_addr a;
	char host[INET6_ADDRSTRLEN + 1];
	const char *from = text, *to = text + strlen(text), *colon = NULL;

	if (*text == '[') {
		from = text + 1;
		to = strchr(from, ']');
		if (!to)
			tool_die("--%s %s: want a ']' behind the address", what, text);
		colon = to[1] == ':' ? to + 1 : NULL;
	} else if (strchr(text, ':') == strrchr(text, ':')) { /* one: not IPv6 */
		colon = strchr(text, ':');
		to = colon ? colon : to;
	}
	if ((size_t)(to - from) >= sizeof(host))
		tool_die("--%s %s: want an address and a port", what, text);
	memcpy(host, from, to - from);
	host[to - from] = '\0';
	if (!tool_address(host, &a))
		tool_die("--%s %s: want ADDRESS:PORT or [ADDRESS]:PORT", what, text);
	if (colon)
		port = tool_number(what, colon + 1, 1, 65535);
	if (!port)
		tool_die("--%s %s: want a port behind the address", what, text);
	tool_set_port(&a, port);
	return a;
}

/* Where the traffic comes from: flow k leaves from address k % n and, unless
 * @port_base is 0, from port base + k / n: no two flows are alike.
 */
#define TOOL_MAX_SOURCES 256

struct tool_sources {
	struct tool_addr addr[TOOL_MAX_SOURCES];
	unsigned int n;
	uint32_t port_base;
};

/* Add one address or several with commas between them. */
static inline void tool_add_sources(struct tool_sources *s, const char *list)
{
	char *copy = strdup(list), *save = NULL;

	for (char *t = copy ? strtok_r(copy, ",", &save) : NULL; t;
	     t = strtok_r(NULL, ",", &save)) {
		if (s->n == TOOL_MAX_SOURCES)
			tool_die("--from: want at most %d addresses", TOOL_MAX_SOURCES);
		if (!tool_address(t, &s->addr[s->n]))
			tool_die("--from %s: want an address", t);
		s->n++;
	}
	free(copy);
}

/* All of one family, with enough ports for @flows. */
static inline void tool_check_sources(const struct tool_sources *s, const struct tool_addr *to,
				      uint64_t flows)
{
	uint64_t each = s->n ? (flows + s->n - 1) / s->n : flows;

	for (unsigned int i = 0; i < s->n; i++)
		if (s->addr[i].ss.ss_family != to->ss.ss_family)
			tool_die("--from and --to: want one address family");
	if (s->port_base && s->port_base + each > 65536)
		tool_die("%" PRIu64 " flows: want more --from addresses or a lower --port-base",
			 flows);
}

/* A non-blocking socket for flow @k, bound as above and connected to @to (TCP:
 * connecting). Returns the descriptor or a negative errno.
 */
static inline int tool_flow_socket(const struct tool_sources *s, uint64_t k, int type,
				   const struct tool_addr *to)
{
	int fd = socket(to->ss.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;
	struct tool_addr from = { .len = to->len };

	if (fd < 0)
		return -errno;
	from.ss.ss_family = to->ss.ss_family;
	if (s->n)
		from = s->addr[k % s->n];
	if (s->port_base)
		tool_set_port(&from, s->port_base + k / (s->n ? s->n : 1));
	if (bind(fd, (struct sockaddr *)&from.ss, from.len) < 0)
		goto fail;
	if (connect(fd, (const struct sockaddr *)&to->ss, to->len) < 0 && errno != EINPROGRESS)
		goto fail;
	return fd;
fail:
	err = -errno;
	close(fd);
	return err;
}

/* -- clocks, limits, signals -- */

static inline uint64_t tool_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

/* Seconds since the epoch, to be compared with bash's $EPOCHREALTIME. */
static inline double tool_epoch(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static inline void tool_raise_nofile(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

static inline void tool_pin_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		tool_die("--cpu %d: %s", cpu, strerror(errno));
}

/* SIGTERM and SIGINT end a tool, SIGUSR1 asks for a report in between. */
static volatile sig_atomic_t tool_stop, tool_report;

static inline void tool_on_signal(int sig)
{
	if (sig == SIGUSR1)
		tool_report = 1;
	else
		tool_stop = 1;
}

static inline void tool_signals(void)
{
	struct sigaction sa = { .sa_handler = tool_on_signal };

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* One line on stderr once the tool does what it was started for. */
static inline void tool_ready(void)
{
	fprintf(stderr, "%s: ready\n", program_invocation_short_name);
}

/* -- numbered datagrams: what udpflood sends and udpsink counts -- */

#define TOOL_SEQ_MAGIC 0x534c5351u /* "SLSQ" */

struct tool_seq {
	uint32_t magic;
	uint32_t stream;
	uint32_t seq;
} __attribute__((packed));

#endif /* SL_TEST_TOOL_H */
