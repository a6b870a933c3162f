// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* CoAP requests from many source ports and addresses, each matched with its
 * response by a token that carries its number. Nothing is retransmitted: a
 * datagram that is lost is a request that failed. With a rate the schedule does
 * not wait for answers, so a slow server cannot hide behind its own slowness.
 */
#include "coapmsg.h"
#include <sys/epoll.h>

#define NAMES_MAX    64
#define NAME_LEN     32
#define EVENTS	     256
#define SEND_BURST   32
#define DATAGRAM_MAX 1280

static const char help[] =
	"coapload --to ADDR[:PORT] [options]: CoAP requests, nothing retransmitted\n"
	"  --to ADDR:PORT     server (port 5683)\n"
	"  --requests N       in all (default 1000, or as many as --duration and --rate give)\n"
	"  --duration S       seconds\n"
	"  --rate N           requests a second; answers are not waited for (default: closed "
	"loop)\n"
	"  --inflight N       requests open at once (closed loop: default 16)\n"
	"  --flows N          different source ports, used in turn (default 64)\n"
	"  --from A[,B...]    source addresses, used in turn\n"
	"  --port-base P      first source port (default 20000; 0: the kernel's choice)\n"
	"  --method M         get, post, put or delete (default get)\n"
	"  --path /A/B        (default /whoami)\n"
	"  --payload TEXT     up to 1,000 bytes\n"
	"  --non              NON instead of CON\n"
	"  --timeout S        a request without an answer failed (default 2)\n"
	"  --cpu N            pin to this CPU\n"
	"JSON on stdout at the end and at SIGUSR1; exit code 1 if a request failed. by_instance "
	"counts\n"
	"2.05 answers by their payload: let each server say its name. Times are seconds since "
	"1970.\n";

enum {
	ST_FREE,
	ST_OPEN,
	ST_DONE
};

struct request {
	uint64_t sent_ns;
	double sent_at;
	uint32_t flow;
	uint8_t state;
};

struct flow {
	int fd; /* -1: not open */
	uint32_t last;
	uint16_t mid;
};

struct load {
	/* options */
	struct tool_addr to;
	struct tool_sources from;
	uint64_t requests, duration_ns, rate, inflight_max, n_flows, timeout_ns;
	const char *path, *payload;
	uint8_t code;
	bool non;
	int cpu;
	/* state */
	int epoll;
	struct flow *flows;
	struct request *req;
	uint64_t next, oldest, inflight, start_ns;
	uint32_t nonce;
	/* figures */
	uint64_t answered, timeouts, refused, resets, error_codes, send_errors, stray, separate;
	double first_failure, last_failure, start_at;
	uint32_t *latency_us10; /* tenths of a microsecond */
	uint64_t n_latency;
	struct {
		char name[NAME_LEN];
		uint64_t n;
	} by[NAMES_MAX];
	unsigned int n_by;
	uint64_t codes[256];
};

static uint64_t failures(const struct load *l)
{
	return l->timeouts + l->refused + l->resets + l->error_codes + l->send_errors;
}

/* -- one request -- */

static void finish(struct load *l, uint64_t seq, uint64_t *failure)
{
	struct request *r = &l->req[seq];
	struct flow *f = &l->flows[r->flow];

	r->state = ST_DONE;
	l->inflight--;
	if (failure) {
		(*failure)++;
		if (!l->first_failure)
			l->first_failure = r->sent_at;
		if (r->sent_at > l->last_failure)
			l->last_failure = r->sent_at;
	}
	/* No later request uses this flow: give the descriptor back. */
	if (f->fd >= 0 && f->last == seq && seq + l->n_flows >= l->requests) {
		close(f->fd);
		f->fd = -1;
	}
}

static bool open_flow(struct load *l, uint32_t k)
{
	struct flow *f = &l->flows[k];
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = k };

	if (f->fd >= 0)
		return true;
	f->fd = tool_flow_socket(&l->from, k, SOCK_DGRAM, &l->to);
	if (f->fd < 0) {
		fprintf(stderr, "coapload: source of flow %u: %s\n", k, strerror(-f->fd));
		return false;
	}
	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, f->fd, &ev) == 0;
}

static size_t build(const struct load *l, struct flow *f, uint32_t seq, uint8_t *buf)
{
	struct coap_seq h = {
		.ver_type_tkl = l->non ? COAP_NON_TKL8 : COAP_CON_TKL8,
		.code = l->code,
		.mid = htons(f->mid++),
		.stream = htonl(l->nonce),
		.seq = htonl(seq),
	};
	size_t len = sizeof(h), text = strlen(l->payload);

	memcpy(buf, &h, sizeof(h));
	len = coap_path(buf, len, DATAGRAM_MAX, l->path);
	if (!text)
		return len;
	if (len + 1 + text > DATAGRAM_MAX)
		tool_die("--payload: want a request of at most %d bytes", DATAGRAM_MAX);
	buf[len++] = 0xff;
	memcpy(buf + len, l->payload, text);
	return len + text;
}

static void send_one(struct load *l)
{
	uint8_t buf[DATAGRAM_MAX + 300];
	uint64_t seq = l->next++;
	struct request *r = &l->req[seq];
	ssize_t ret = -1;
	size_t len;

	r->flow = seq % l->n_flows;
	r->state = ST_OPEN;
	r->sent_at = tool_epoch();
	r->sent_ns = tool_now();
	l->inflight++;
	if (open_flow(l, r->flow)) {
		struct flow *f = &l->flows[r->flow];

		f->last = seq;
		len = build(l, f, seq, buf);
		ret = send(f->fd, buf, len, 0);
		if (ret < 0 && errno == ECONNREFUSED) /* of the request before */
			ret = send(f->fd, buf, len, 0);
	}
	if (ret < 0)
		finish(l, seq, &l->send_errors);
}

/* -- one answer -- */

static void count_instance(struct load *l, const uint8_t *text, size_t len)
{
	char name[NAME_LEN] = "";

	if (!len || len >= NAME_LEN)
		return;
	for (size_t i = 0; i < len; i++) {
		if (!strchr("-_.", text[i]) &&
		    !((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'z') &&
		    !(text[i] >= '0' && text[i] <= '9'))
			return;
		name[i] = text[i];
	}
	for (unsigned int i = 0; i < l->n_by; i++) {
		if (!strcmp(l->by[i].name, name)) {
			l->by[i].n++;
			return;
		}
	}
	if (l->n_by < NAMES_MAX) {
		memcpy(l->by[l->n_by].name, name, NAME_LEN);
		l->by[l->n_by++].n = 1;
	}
}

static void answer(struct load *l, struct flow *f, const uint8_t *buf, size_t len)
{
	const struct coap_seq *h = (const void *)buf;
	uint64_t seq, now = tool_now();
	const uint8_t *text;
	size_t n = 0;

	if (len >= 4 && buf[0] == 0x70) { /* RST: of the flow's last request */
		if (l->req[f->last].state == ST_OPEN)
			finish(l, f->last, &l->resets);
		return;
	}
	if (len == 4 && buf[0] == 0x60) { /* an empty ACK: the answer comes apart */
		l->separate++;
		return;
	}
	seq = len >= sizeof(*h) ? ntohl(h->seq) : UINT64_MAX;
	if (len < sizeof(*h) || (buf[0] & 0xcf) != COAP_CON_TKL8 || h->stream != htonl(l->nonce) ||
	    seq >= l->next || l->req[seq].state != ST_OPEN || &l->flows[l->req[seq].flow] != f) {
		l->stray++;
		return;
	}
	if (buf[0] == COAP_CON_TKL8) {
		uint8_t ack[4] = { 0x60, 0, buf[2], buf[3] };

		if (send(f->fd, ack, sizeof(ack), 0) < 0)
			l->send_errors++;
	}
	l->codes[h->code]++;
	if (h->code >> 5 != 2) {
		finish(l, seq, &l->error_codes);
		return;
	}
	l->answered++;
	l->latency_us10[l->n_latency++] = (now - l->req[seq].sent_ns) / 100;
	text = h->code == 0x45 ? coap_payload(buf + sizeof(*h), buf + len, &n) : NULL;
	if (text)
		count_instance(l, text, n);
	finish(l, seq, NULL);
}

static void receive(struct load *l, struct flow *f)
{
	uint8_t buf[2048];

	while (f->fd >= 0) {
		ssize_t n = recv(f->fd, buf, sizeof(buf), 0);

		if (n >= 0) {
			answer(l, f, buf, n);
		} else if (errno == ECONNREFUSED) {
			if (l->req[f->last].state == ST_OPEN)
				finish(l, f->last, &l->refused);
		} else if (errno != EINTR) {
			return;
		}
	}
}

/* -- the loop -- */

static uint64_t due_ns(const struct load *l, uint64_t seq)
{
	return l->rate ? l->start_ns + (uint64_t)((double)seq * NSEC / l->rate) : 0;
}

static void expire(struct load *l, uint64_t now)
{
	for (; l->oldest < l->next; l->oldest++) {
		struct request *r = &l->req[l->oldest];

		if (r->state == ST_OPEN) {
			if (now - r->sent_ns < l->timeout_ns)
				return;
			finish(l, l->oldest, &l->timeouts);
		}
	}
}

static bool may_send(const struct load *l, uint64_t now)
{
	if (tool_stop || l->next >= l->requests || l->inflight >= l->inflight_max)
		return false;
	if (l->duration_ns && now - l->start_ns >= l->duration_ns)
		return false;
	return due_ns(l, l->next) <= now;
}

static bool finished(const struct load *l, uint64_t now)
{
	bool over = tool_stop || l->next >= l->requests ||
		    (l->duration_ns && now - l->start_ns >= l->duration_ns);

	return over && !l->inflight;
}

static void wait_events(struct load *l, uint64_t now)
{
	struct epoll_event ev[EVENTS];
	uint64_t until = now + NSEC / 20, due = due_ns(l, l->next);
	struct timespec ts = { 0 };
	int n;

	if (l->next < l->requests && l->inflight < l->inflight_max && !tool_stop && due < until)
		until = due;
	if (until > now)
		ts.tv_nsec = until - now;
	n = epoll_pwait2(l->epoll, ev, EVENTS, &ts, NULL);
	for (int i = 0; i < n; i++)
		receive(l, &l->flows[ev[i].data.u32]);
}

/* -- the report -- */

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double percentile(const uint32_t *v, uint64_t n, double p)
{
	uint64_t i = n * p;

	return n ? v[i < n ? i : n - 1] / 10.0 : 0;
}

static void report(struct load *l)
{
	uint64_t n = l->n_latency;
	uint32_t *v = tool_alloc(n, sizeof(*v)); /* a copy: a report may come in between */

	memcpy(v, l->latency_us10, n * sizeof(*v));
	qsort(v, n, sizeof(*v), compare);
	printf("{\"sent\":%" PRIu64 ",\"answered\":%" PRIu64 ",\"failed\":%" PRIu64
	       ",\"open\":%" PRIu64 ",\"timeouts\":%" PRIu64 ",\"refused\":%" PRIu64
	       ",\"resets\":%" PRIu64 ",\"error_codes\":%" PRIu64 ",\"send_errors\":%" PRIu64
	       ",\"stray\":%" PRIu64 ",\"separate\":%" PRIu64,
	       l->next, l->answered, failures(l), l->inflight, l->timeouts, l->refused, l->resets,
	       l->error_codes, l->send_errors, l->stray, l->separate);
	printf(",\"started_at\":%.6f,\"first_failure_at\":%.6f,\"last_failure_at\":%.6f"
	       ",\"seconds\":%.3f",
	       l->start_at, l->first_failure, l->last_failure, (tool_now() - l->start_ns) / 1e9);
	printf(",\"latency_us\":{\"min\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f"
	       ",\"p999\":%.1f,\"max\":%.1f}",
	       percentile(v, n, 0), percentile(v, n, 0.5), percentile(v, n, 0.9),
	       percentile(v, n, 0.99), percentile(v, n, 0.999), percentile(v, n, 1));
	fputs(",\"by_instance\":{", stdout);
	for (unsigned int i = 0; i < l->n_by; i++)
		printf("%s\"%s\":%" PRIu64, i ? "," : "", l->by[i].name, l->by[i].n);
	fputs("},\"codes\":{", stdout);
	for (unsigned int i = 0, first = 1; i < 256; i++) {
		if (l->codes[i])
			printf("%s\"%u.%02u\":%" PRIu64, first ? "" : ",", i >> 5, i & 31,
			       l->codes[i]);
		first = first && !l->codes[i];
	}
	puts("}}");
	fflush(stdout);
	free(v);
}

/* clang-format off */
static const struct option longopts[] = {
	{ "to", 1, NULL, 't' }, { "requests", 1, NULL, 'q' }, { "duration", 1, NULL, 'd' },
	{ "rate", 1, NULL, 'r' }, { "inflight", 1, NULL, 'i' }, { "flows", 1, NULL, 'n' },
	{ "from", 1, NULL, 'f' }, { "port-base", 1, NULL, 'p' }, { "method", 1, NULL, 'm' },
	{ "path", 1, NULL, 'u' }, { "payload", 1, NULL, 'b' }, { "non", 0, NULL, 'N' },
	{ "timeout", 1, NULL, 'o' }, { "cpu", 1, NULL, 'c' }, { "help", 0, NULL, 'h' }, { 0 },
};
/* clang-format on */

/* clang-format off */
static void parse(struct load *l, int argc, char **argv)
{
	for (int c; (c = getopt_long(argc, argv, "", longopts, NULL)) != -1;) {
		switch (c) {
		case 't': l->to = tool_endpoint("to", optarg, 5683); break;
		case 'q': l->requests = tool_number("requests", optarg, 1, 50000000); break;
		case 'd': l->duration_ns = tool_seconds("duration", optarg); break;
		case 'r': l->rate = tool_number("rate", optarg, 1, 10000000); break;
		case 'i': l->inflight_max = tool_number("inflight", optarg, 1, 1000000); break;
		case 'n': l->n_flows = tool_number("flows", optarg, 1, 1000000); break;
		case 'f': tool_add_sources(&l->from, optarg); break;
		case 'p': l->from.port_base = tool_number("port-base", optarg, 0, 65535); break;
		case 'm': l->code = coap_method("method", optarg); break;
		case 'u': l->path = optarg; break;
		case 'b': l->payload = optarg; break;
		case 'N': l->non = true; break;
		case 'o': l->timeout_ns = tool_seconds("timeout", optarg); break;
		case 'c': l->cpu = tool_number("cpu", optarg, 0, CPU_SETSIZE - 1); break;
		case 'h': fputs(help, stdout); exit(0);
		default: exit(2);
		}
	}
}
/* clang-format on */

static void settle_options(struct load *l)
{
	if (!l->to.len)
		tool_die("want --to; --help lists the options");
	if (!l->requests && !l->duration_ns)
		l->requests = 1000;
	if (!l->requests)
		l->requests = l->rate ? l->rate * (l->duration_ns / 1e9) : 10000000;
	if (!l->requests || l->requests > 50000000)
		tool_die("want at most 50,000,000 requests: a lower --rate or --duration");
	if (!l->inflight_max)
		l->inflight_max = l->rate ? 1000000 : 16;
	if (l->n_flows > l->requests)
		l->n_flows = l->requests;
	tool_check_sources(&l->from, &l->to, l->n_flows);
	if (l->cpu >= 0)
		tool_pin_cpu(l->cpu);
}

int main(int argc, char **argv)
{
	struct load l = { .n_flows = 64,
			  .timeout_ns = 2 * NSEC,
			  .path = "/whoami",
			  .code = 1,
			  .payload = "",
			  .cpu = -1,
			  .from.port_base = 20000 };

	parse(&l, argc, argv);
	settle_options(&l);
	tool_raise_nofile();
	tool_signals();
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	l.flows = tool_alloc(l.n_flows, sizeof(*l.flows));
	l.req = tool_alloc(l.requests, sizeof(*l.req));
	l.latency_us10 = tool_alloc(l.requests, sizeof(*l.latency_us10));
	for (uint64_t i = 0; i < l.n_flows; i++)
		l.flows[i].fd = -1;
	l.nonce = (uint32_t)getpid() << 12 ^ (uint32_t)tool_now();
	l.start_at = tool_epoch();
	l.start_ns = tool_now();
	tool_ready();
	for (uint64_t now = l.start_ns; !finished(&l, now); now = tool_now()) {
		for (int i = 0; i < SEND_BURST && may_send(&l, now); i++)
			send_one(&l);
		wait_events(&l, now);
		expire(&l, tool_now());
		if (tool_report) {
			tool_report = 0;
			report(&l);
		}
	}
	report(&l);
	return failures(&l) != 0;
}
