// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Offer numbered UDP datagrams or CoAP requests at an exact rate. Each thread
 * has a share of the rate and of the flows and keeps to a schedule of its own:
 * what it could not send in time it sends late, so that the total is exact.
 */
#include "coapmsg.h"
#include <netinet/udp.h>
#include <pthread.h>
#include <sys/prctl.h>

#define BATCH_MAX    64
#define DATAGRAM_MAX 1400
#define TICK_NS	     200000ull /* the longest a thread gathers packets before it sends */

static const char help[] =
	"udpflood --to ADDR:PORT --rate N [options]: numbered datagrams at an exact rate\n"
	"  --to ADDR:PORT     destination\n"
	"  --rate N           datagrams a second of all threads together (k, M allowed)\n"
	"  --duration S       seconds (default 10)\n"
	"  --from A[,B...]    source addresses, used in turn\n"
	"  --flows N          source ports of all threads together (default: one a thread)\n"
	"  --port-base P      first source port (default 20000; 0: the kernel's choice)\n"
	"  --threads N        (default 1)\n"
	"  --cpu A[,B...]     CPUs for the threads, in turn (default: not pinned)\n"
	"  --coap METHOD      CoAP NON requests: get, post, put or delete (default: plain UDP)\n"
	"  --path /A/B        Uri-Path of the requests (default none)\n"
	"  --size N           bytes of a plain datagram, 12 to 1400 (default 64)\n"
	"  --batch N          datagrams of one flow sent at once, 1 to 64 (default 32)\n"
	"  --segment          let the kernel cut a batch into datagrams (UDP_SEGMENT): faster\n"
	"  --quota N          model a bucket of this rate: conforming is what it would let "
	"through\n"
	"  --burst S          and this burst, seconds (default 0.1)\n"
	"JSON on stdout at the end: offered, sent, errors, seconds, rate, late_max_ms, "
	"conforming.\n";

struct options {
	struct tool_addr to;
	struct tool_sources from;
	uint64_t rate, duration_ns, flows, quota, burst_ns;
	unsigned int threads, batch, size, n_cpus;
	int cpus[64];
	bool segment;
	uint8_t coap_code; /* 0: plain */
	const char *path;
};

struct worker {
	pthread_t thread;
	const struct options *o;
	unsigned int index;
	uint32_t stream;
	int *fds;
	uint64_t n_fds;
	uint64_t total, sent, errors, late_max_ns;
	uint64_t start_ns, end_ns;
};

/* What was sent within each tick of the coarse clock, which policers go by. */
static struct ticks {
	uint64_t start_ns, tick_ns, n;
	uint32_t *sent;
} ticks;

static uint64_t coarse_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

/* For twice the duration; what is sent later still is not modelled. */
static void ticks_open(uint64_t duration_ns)
{
	struct timespec ts;

	clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
	ticks.tick_ns = ts.tv_nsec;
	ticks.start_ns = coarse_now();
	ticks.n = 2 * duration_ns / ticks.tick_ns + 2;
	ticks.sent = tool_alloc(ticks.n, sizeof(*ticks.sent));
}

static void ticks_add(unsigned int sent)
{
	uint64_t i = (coarse_now() - ticks.start_ns + ticks.tick_ns / 2) / ticks.tick_ns;

	if (i < ticks.n)
		__atomic_fetch_add(&ticks.sent[i], sent, __ATOMIC_RELAXED);
}

/* How many of them a bucket lets through that is full at first. As a policer must whose clock ticks,
 * it lends a tick less than the burst, so as never to exceed it; but not less than a packet.
 */
static uint64_t ticks_conforming(uint64_t rate, uint64_t burst_ns)
{
	uint64_t cost = NSEC / rate, full = cost + ticks.tick_ns, credit, passed = 0;

	if (burst_ns > full + ticks.tick_ns)
		full = burst_ns - ticks.tick_ns;
	credit = full;
	for (uint64_t i = 0; i < ticks.n; i++) {
		uint64_t can = credit / cost, n = ticks.sent[i] < can ? ticks.sent[i] : can;

		passed += n;
		credit += ticks.tick_ns - n * cost;
		credit = credit < full ? credit : full;
	}
	return passed;
}

static size_t build(const struct options *o, uint32_t stream, uint32_t seq, uint8_t *buf)
{
	struct coap_seq coap = {
		.ver_type_tkl = COAP_NON_TKL8,
		.code = o->coap_code,
		.mid = htons(seq),
		.stream = htonl(stream),
		.seq = htonl(seq),
	};
	struct tool_seq plain = { htonl(TOOL_SEQ_MAGIC), htonl(stream), htonl(seq) };

	if (!o->coap_code) {
		memcpy(buf, &plain, sizeof(plain));
		return o->size;
	}
	memcpy(buf, &coap, sizeof(coap));
	return coap_path(buf, sizeof(coap), DATAGRAM_MAX, o->path);
}

/* Send @n datagrams of one flow, which lie behind one another. What the kernel has no room for is
 * tried again.
 */
static void send_batch(struct worker *w, int fd, unsigned int n)
{
	static __thread uint8_t buf[BATCH_MAX * DATAGRAM_MAX];
	struct mmsghdr msgs[BATCH_MAX] = { 0 };
	struct iovec iov[BATCH_MAX];
	unsigned int done = 0;
	size_t end = 0;

	for (unsigned int i = 0; i < n; i++) {
		iov[i].iov_base = buf + end;
		iov[i].iov_len = build(w->o, w->stream, w->sent + w->errors + i, buf + end);
		end += iov[i].iov_len;
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	while (done < n && !tool_stop) {
		int ret;

		if (w->o->segment)
			ret = send(fd, buf, end, 0) < 0 ? -1 : (int)n;
		else
			ret = sendmmsg(fd, msgs + done, n - done, 0);
		if (ret > 0) {
			done += ret;
			w->sent += ret;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			sched_yield();
		} else if (errno != EINTR && errno != ECONNREFUSED) {
			done++; /* the first one failed for good */
			w->errors++;
		}
	}
}

/* When datagram @k is due. */
static uint64_t due_ns(const struct worker *w, uint64_t k)
{
	return w->start_ns + (uint64_t)((double)k * w->o->threads * NSEC / w->o->rate);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	uint64_t flow = 0;

	prctl(PR_SET_TIMERSLACK, 1);
	if (w->o->n_cpus)
		tool_pin_cpu(w->o->cpus[w->index % w->o->n_cpus]);
	while (!tool_stop && w->sent + w->errors < w->total) {
		uint64_t k = w->sent + w->errors, now = tool_now(), due = due_ns(w, k);
		unsigned int n = 0;

		while (n < w->o->batch && k + n < w->total && due_ns(w, k + n) <= now)
			n++;
		if (n) {
			if (now - due > w->late_max_ns)
				w->late_max_ns = now - due;
			ticks_add(n);
			send_batch(w, w->fds[flow++ % w->n_fds], n);
			continue;
		}
		if (due < now + TICK_NS)
			due = now + TICK_NS;
		struct timespec ts = { due / NSEC, due % NSEC };

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	}
	w->end_ns = tool_now();
	return NULL;
}

static void open_worker(struct worker *w, const struct options *o, unsigned int index)
{
	uint64_t all = o->rate * (o->duration_ns / 1e9);
	uint8_t buf[DATAGRAM_MAX];
	int len = build(o, 0, 0, buf);

	w->o = o;
	w->index = index;
	w->stream = ((uint32_t)getpid() << 8) + index;
	w->total = all / o->threads + (index < all % o->threads);
	w->n_fds = (o->flows + o->threads - 1 - index) / o->threads;
	w->fds = tool_alloc(w->n_fds, sizeof(*w->fds));
	for (uint64_t i = 0; i < w->n_fds; i++) {
		w->fds[i] = tool_flow_socket(&o->from, index + i * o->threads, SOCK_DGRAM, &o->to);
		if (w->fds[i] < 0)
			tool_die("source of flow %" PRIu64 ": %s", i, strerror(-w->fds[i]));
		if (o->segment && setsockopt(w->fds[i], SOL_UDP, UDP_SEGMENT, &len, sizeof(len)))
			tool_die("--segment: %s", strerror(errno));
	}
}

static void parse_cpus(struct options *o, const char *list)
{
	char *copy = strdup(list), *save = NULL;

	for (char *t = copy ? strtok_r(copy, ",", &save) : NULL; t && o->n_cpus < 64;
	     t = strtok_r(NULL, ",", &save))
		o->cpus[o->n_cpus++] = tool_number("cpu", t, 0, CPU_SETSIZE - 1);
	free(copy);
}

/* clang-format off */
static const struct option longopts[] = {
	{ "to", 1, NULL, 't' }, { "rate", 1, NULL, 'r' }, { "duration", 1, NULL, 'd' },
	{ "from", 1, NULL, 'f' }, { "flows", 1, NULL, 'n' }, { "port-base", 1, NULL, 'p' },
	{ "threads", 1, NULL, 'k' }, { "cpu", 1, NULL, 'c' }, { "coap", 1, NULL, 'm' },
	{ "path", 1, NULL, 'u' }, { "size", 1, NULL, 's' }, { "batch", 1, NULL, 'b' },
	{ "quota", 1, NULL, 'q' }, { "burst", 1, NULL, 'B' }, { "segment", 0, NULL, 'S' },
	{ "help", 0, NULL, 'h' }, { 0 },
};

static void parse(struct options *o, int argc, char **argv)
{
	for (int c; (c = getopt_long(argc, argv, "", longopts, NULL)) != -1;) {
		switch (c) {
		case 't': o->to = tool_endpoint("to", optarg, 0); break;
		case 'r': o->rate = tool_number("rate", optarg, 1, 100000000); break;
		case 'd': o->duration_ns = tool_seconds("duration", optarg); break;
		case 'f': tool_add_sources(&o->from, optarg); break;
		case 'n': o->flows = tool_number("flows", optarg, 1, 1000000); break;
		case 'p': o->from.port_base = tool_number("port-base", optarg, 0, 65535); break;
		case 'k': o->threads = tool_number("threads", optarg, 1, 64); break;
		case 'c': parse_cpus(o, optarg); break;
		case 'm': o->coap_code = coap_method("coap", optarg); break;
		case 'u': o->path = optarg; break;
		case 's': o->size = tool_number("size", optarg, 12, DATAGRAM_MAX); break;
		case 'b': o->batch = tool_number("batch", optarg, 1, BATCH_MAX); break;
		case 'q': o->quota = tool_number("quota", optarg, 1, 1000000000); break;
		case 'B': o->burst_ns = tool_seconds("burst", optarg); break;
		case 'S': o->segment = true; break;
		case 'h': fputs(help, stdout); exit(0);
		default: exit(2);
		}
	}
	if (!o->to.len || !o->rate)
		tool_die("want --to and --rate; --help lists the options");
	if (o->flows < o->threads)
		o->flows = o->threads;
	if (o->rate * (o->duration_ns / 1e9) > UINT32_MAX)
		tool_die("want less than 2^32 datagrams");
	tool_check_sources(&o->from, &o->to, o->flows);
}
/* clang-format on */

int main(int argc, char **argv)
{
	struct options o = { .duration_ns = 10 * NSEC,
			     .burst_ns = NSEC / 10,
			     .threads = 1,
			     .batch = 32,
			     .size = 64,
			     .path = "",
			     .from.port_base = 20000 };
	uint64_t offered = 0, sent = 0, errors = 0, late = 0, start, end = 0;
	struct worker *w;

	parse(&o, argc, argv);
	tool_raise_nofile();
	tool_signals();
	w = tool_alloc(o.threads, sizeof(*w));
	for (unsigned int i = 0; i < o.threads; i++)
		open_worker(&w[i], &o, i);
	ticks_open(o.duration_ns);
	start = tool_now() + NSEC / 100; /* all threads begin together */
	tool_ready();
	for (unsigned int i = 0; i < o.threads; i++) {
		w[i].start_ns = start;
		if (pthread_create(&w[i].thread, NULL, work, &w[i]))
			tool_die("cannot start a thread");
	}
	for (unsigned int i = 0; i < o.threads; i++) {
		pthread_join(w[i].thread, NULL);
		offered += w[i].total;
		sent += w[i].sent;
		errors += w[i].errors;
		late = w[i].late_max_ns > late ? w[i].late_max_ns : late;
		end = w[i].end_ns > end ? w[i].end_ns : end;
	}
	end = end > start ? end : start + 1;
	printf("{\"offered\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"errors\":%" PRIu64
	       ",\"seconds\":%.3f,\"rate\":%.0f,\"late_max_ms\":%.2f"
	       ",\"conforming\":%" PRIu64 "}\n",
	       offered, sent, errors, (end - start) / 1e9, sent * 1e9 / (end - start), late / 1e6,
	       o.quota ? ticks_conforming(o.quota, o.burst_ns) : sent);
	return errors || sent < offered;
}
