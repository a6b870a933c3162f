// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A link that takes its time: a TUN device in each of two namespaces, packets from the near one
 * to the far one at once, those the other way late, each by a time of its own, so that they may
 * overtake. For kernels without netem.
 */
#include "tool.h"
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#define PACKET_MAX 2048
#define QUEUE_MAX  65536

static const char help[] =
	"delayline --near NETNS --far NETNS [options]\n"
	"  --near, --far NETNS  paths of namespaces; each gets the device\n"
	"  --device NAME        (default tun0)\n"
	"  --delay A-B          from far to near, microseconds, evenly between (default 0-0)\n"
	"  --tail A-B           the same of one packet in 10 (default: as the others)\n"
	"JSON on stdout at the end: forth, back, lost (no room).\n";

struct span {
	uint64_t from_ns, to_ns;
};

struct packet {
	uint64_t due_ns;
	uint16_t len;
	uint8_t bytes[PACKET_MAX];
};

struct line {
	int near, far; /* devices */
	struct span delay, tail;
	struct packet **heap; /* the first due on top */
	size_t n;
	uint64_t forth, back, lost, random;
};

static uint64_t next_random(struct line *l)
{
	l->random = l->random * 6364136223846793005ull + 1442695040888963407ull;
	return l->random >> 32;
}

static uint64_t draw_ns(struct line *l)
{
	bool is_tail = l->tail.to_ns && next_random(l) % 10 == 0;
	const struct span *s = is_tail ? &l->tail : &l->delay;

	return s->from_ns + (s->to_ns - s->from_ns) * next_random(l) / UINT32_MAX;
}

/* -- the heap -- */

static void swap(struct line *l, size_t a, size_t b)
{
	struct packet *was = l->heap[a];

	l->heap[a] = l->heap[b];
	l->heap[b] = was;
}

static void push(struct line *l, struct packet *p)
{
	size_t i = l->n++;

	l->heap[i] = p;
	for (; i && l->heap[(i - 1) / 2]->due_ns > l->heap[i]->due_ns; i = (i - 1) / 2)
		swap(l, i, (i - 1) / 2);
}

static struct packet *pop(struct line *l)
{
	struct packet *top = l->heap[0];
	size_t i = 0;

	l->heap[0] = l->heap[--l->n];
	for (size_t child; (child = 2 * i + 1) < l->n; i = child) {
		if (child + 1 < l->n && l->heap[child + 1]->due_ns < l->heap[child]->due_ns)
			child++;
		if (l->heap[i]->due_ns <= l->heap[child]->due_ns)
			break;
		swap(l, i, child);
	}
	return top;
}

/* -- packets -- */

static void go_forth(struct line *l)
{
	uint8_t buf[PACKET_MAX];

	for (ssize_t n; (n = read(l->near, buf, sizeof(buf))) > 0;) {
		if (write(l->far, buf, n) == n)
			l->forth++;
		else
			l->lost++;
	}
}

static void take_back(struct line *l)
{
	for (;;) {
		struct packet *p = tool_alloc(1, sizeof(*p));
		ssize_t n = read(l->far, p->bytes, sizeof(p->bytes));

		if (n <= 0 || l->n == QUEUE_MAX) {
			l->lost += n > 0;
			free(p);
			return;
		}
		p->len = n;
		p->due_ns = tool_now() + draw_ns(l);
		push(l, p);
	}
}

static void give_back(struct line *l)
{
	while (l->n && l->heap[0]->due_ns <= tool_now()) {
		struct packet *p = pop(l);

		if (write(l->near, p->bytes, p->len) == p->len)
			l->back++;
		else
			l->lost++;
		free(p);
	}
}

static void run(struct line *l)
{
	while (!tool_stop) {
		struct pollfd fds[] = { { .fd = l->near, .events = POLLIN },
					{ .fd = l->far, .events = POLLIN } };
		uint64_t now = tool_now(), left = NSEC / 2;
		struct timespec ts;

		if (l->n)
			left = l->heap[0]->due_ns > now ? l->heap[0]->due_ns - now : 0;
		ts = (struct timespec){ .tv_sec = left / NSEC, .tv_nsec = left % NSEC };
		if (ppoll(fds, 2, &ts, NULL) < 0 && errno != EINTR)
			tool_die("poll: %s", strerror(errno));
		give_back(l);
		go_forth(l);
		take_back(l);
	}
}

/* -- the beginning -- */

/* A TUN device in the namespace at @path, up or not as it is there. */
static int device_in(const char *path, const char *name)
{
	struct ifreq req = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int ns = open(path, O_RDONLY | O_CLOEXEC), fd;

	if (ns < 0 || setns(ns, CLONE_NEWNET))
		tool_die("%s: %s", path, strerror(errno));
	close(ns);
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &req))
		tool_die("/dev/net/tun: %s", strerror(errno));
	return fd;
}

static struct span span_of(const char *what, const char *text)
{
	unsigned long long from, to;

	if (sscanf(text, "%llu-%llu", &from, &to) != 2 || from > to || to > 10000000)
		tool_die("--%s %s: want microseconds such as 5000-7000", what, text);
	return (struct span){ from * 1000, to * 1000 };
}

/* clang-format off */
static const struct option longopts[] = {
	{ "near", 1, NULL, 'n' }, { "far", 1, NULL, 'f' }, { "device", 1, NULL, 'i' },
	{ "delay", 1, NULL, 'd' }, { "tail", 1, NULL, 't' }, { "help", 0, NULL, 'h' }, { 0 },
};
/* clang-format on */

int main(int argc, char **argv)
{
	const char *near = NULL, *far = NULL, *device = "tun0";
	struct line l = { .random = getpid() };

	for (int c; (c = getopt_long(argc, argv, "", longopts, NULL)) != -1;) {
		switch (c) {
		case 'n':
			near = optarg;
			break;
		case 'f':
			far = optarg;
			break;
		case 'i':
			device = optarg;
			break;
		case 'd':
			l.delay = span_of("delay", optarg);
			break;
		case 't':
			l.tail = span_of("tail", optarg);
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return 2;
		}
	}
	if (!near || !far)
		tool_die("want --near and --far; --help lists the options");
	l.heap = tool_alloc(QUEUE_MAX, sizeof(*l.heap));
	l.near = device_in(near, device);
	l.far = device_in(far, device);
	prctl(PR_SET_TIMERSLACK, 1ul);
	tool_signals();
	tool_ready();
	run(&l);
	printf("{\"forth\":%" PRIu64 ",\"back\":%" PRIu64 ",\"lost\":%" PRIu64 "}\n", l.forth,
	       l.back, l.lost);
	return 0;
}
