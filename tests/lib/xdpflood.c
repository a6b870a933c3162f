// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Flood a service from spoofed sources, as fast as frames can be made: a BPF
 * program writes them and redirects them out of a veth's end (live frames,
 * BPF_PROG_TEST_RUN). Each thread has a CPU and a share of the sources, and keeps
 * to its own schedule.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include "floodframe.h"
#include "floodprefix.h"
#include "tests/lib/xdpflood.skel.h"

#define THREADS_MAX 8
#define CHUNK_MAX   32768      /* frames a system call: some 10 ms */
#define TICK_NS	    1000000ull /* the longest a thread gathers frames before it sends */

static const char help[] =
	"xdpflood --kind KIND --to ADDR:PORT --dev IF --dmac MAC [options]: spoofed floods\n"
	"  --kind KIND       syn, ack, rst, clienthello, coap, coap-post, dtlsdata, dtlscid or "
	"mqttsn\n"
	"  --to ADDR:PORT    destination\n"
	"  --dev IF          sending device, a veth whose peer has an XDP program or gro\n"
	"  --dmac MAC        the next hop's; --smac MAC: ours (default: the device's)\n"
	"  --from PREFIX     sources: addresses of 240.0.0.0/8 (default), or /64s of fdf0::/32\n"
	"  --sources N       how many of them, each once before any again (default 10M)\n"
	"  --seed N          of what else is random (default 1)\n"
	"  --cid-len N       bytes of dtlscid's connection id, 1 to 15 (default 8)\n"
	"  --rate N          frames a second of all threads together (default 0: what goes)\n"
	"  --packets N       frames at most (default: no end)\n"
	"  --duration S      seconds at most, up to 600 (default 10)\n"
	"  --threads N       (default 1), thread k on CPU k, or --cpu A[,B...]\n"
	"  --batch N         frames the kernel sends at once, 1 to 256 (default 128)\n"
	"  --keep-replies    let what comes back to the device pass; by default it is counted and\n"
	"                    dropped there\n"
	"JSON on stdout at the end: sent, seconds, rate, sources (distinct ones), failed, "
	"replies.\n"
	"Sent is what was written and handed to the device: count what arrived at the receiver.\n";

struct options {
	enum flood_kind kind;
	struct flood_path path;
	struct flood_prefix from;
	const char *dev;
	int ifindex;
	bool has_kind, has_dmac, has_smac, keep_replies;
	uint64_t sources, rate, packets, duration_ns, seed;
	unsigned int cid_len, threads, batch, n_cpus;
	int cpus[THREADS_MAX];
};

struct worker {
	pthread_t thread;
	const struct options *o;
	unsigned int index;
	struct xdpflood_bpf *skel;
	const struct flood_frame *frame;
	struct flood_share *share;
	unsigned int cpu;
	uint64_t total, start_ns, end_ns;
	int err;
};

/* The @index-th of @parts nearly equal parts of @all. */
static uint64_t part_start(uint64_t all, unsigned int index, unsigned int parts)
{
	return (uint64_t)((unsigned __int128)all * index / parts);
}

static uint64_t part_of(uint64_t all, unsigned int index, unsigned int parts)
{
	return part_start(all, index + 1, parts) - part_start(all, index, parts);
}

/* Write and send @n frames; returns 0 or a negative errno. */
static int send_chunk(struct worker *w, uint32_t n)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = w->frame->bytes,
		    .data_size_in = w->frame->len, .repeat = n, .batch_size = w->o->batch,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

	return bpf_prog_test_run_opts(bpf_program__fd(w->skel->progs.flood), &opts);
}

/* How many frames are due that were not sent yet: all that are left without a rate. */
static uint64_t frames_due(const struct worker *w, uint64_t done, uint64_t now)
{
	uint64_t due = w->total;

	if (w->o->rate)
		due = (double)(now - w->start_ns) * w->o->rate / w->o->threads / NSEC;
	due = due < w->total ? due : w->total;
	return due > done ? due - done : 0;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	uint64_t done = 0, now = tool_now();

	tool_pin_cpu(w->cpu);
	while (!tool_stop && done < w->total && now < w->start_ns + w->o->duration_ns) {
		uint64_t n = now > w->start_ns ? frames_due(w, done, now) : 0;

		if (!n) {
			struct timespec ts = { 0, TICK_NS };

			nanosleep(&ts, NULL);
			now = tool_now();
			continue;
		}
		n = n < CHUNK_MAX ? n : CHUNK_MAX;
		w->err = send_chunk(w, n);
		if (w->err)
			break;
		done += n;
		now = tool_now();
	}
	w->end_ns = now;
	return NULL;
}

static struct xdpflood_bpf *open_program(const struct options *o, const struct flood_frame *frame)
{
	struct xdpflood_bpf *skel = xdpflood_bpf__open();
	int err;

	if (!skel)
		tool_die("cannot open the program: %s", strerror(errno));
	memcpy((void *)&skel->rodata->frame, frame, sizeof(*frame));
	skel->rodata->base = o->from.base;
	skel->rodata->bits = o->from.bits;
	skel->rodata->out_ifindex = o->ifindex;
	skel->rodata->reply_verdict = o->keep_replies ? XDP_PASS : XDP_DROP;
	err = xdpflood_bpf__load(skel);
	if (err)
		tool_die("cannot load the program: %s", strerror(-err));
	return skel;
}

static void open_worker(struct worker *w, const struct options *o, struct xdpflood_bpf *skel,
			const struct flood_frame *frame)
{
	w->o = o;
	w->skel = skel;
	w->frame = frame;
	w->cpu = o->n_cpus ? (unsigned int)o->cpus[w->index] : w->index;
	w->total = part_of(o->packets, w->index, o->threads);
	w->share = &skel->bss->shares[w->cpu];
	if (w->share->count)
		tool_die("--cpu: want each CPU once");
	w->share->first = part_start(o->sources, w->index, o->threads);
	w->share->count = part_of(o->sources, w->index, o->threads);
	w->share->seed = (o->seed << 8 | w->index) << 40;
}

static void parse_mac(const char *what, const char *text, uint8_t *ret)
{
	int end = 0;

	if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &ret[0], &ret[1], &ret[2],
		   &ret[3], &ret[4], &ret[5], &end) != ETH_ALEN ||
	    text[end])
		tool_die("--%s %s: want six bytes as 02:00:00:00:00:01", what, text);
}

static void parse_cpus(struct options *o, const char *list)
{
	char *copy = strdup(list), *save = NULL;

	for (char *t = copy ? strtok_r(copy, ",", &save) : NULL; t && o->n_cpus < THREADS_MAX;
	     t = strtok_r(NULL, ",", &save))
		o->cpus[o->n_cpus++] = tool_number("cpu", t, 0, FLOOD_CPUS - 1);
	free(copy);
}

static enum flood_kind parse_kind(const char *text)
{
	for (int k = 0; k < FLOOD__MAX; k++)
		if (strcmp(text, flood_kinds[k]) == 0)
			return k;
	tool_die("--kind %s: --help lists them", text);
}

static void find_device(struct options *o)
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	o->ifindex = if_nametoindex(o->dev);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", o->dev);
	if (!o->ifindex || fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr) < 0)
		tool_die("--dev %s: %s", o->dev, strerror(errno));
	if (!o->has_smac)
		memcpy(o->path.smac, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	close(fd);
}

/* clang-format off */
static const struct option longopts[] = {
	{ "kind", 1, NULL, 'k' }, { "to", 1, NULL, 't' }, { "dev", 1, NULL, 'd' },
	{ "dmac", 1, NULL, 'm' }, { "smac", 1, NULL, 'M' }, { "from", 1, NULL, 'f' },
	{ "sources", 1, NULL, 'n' }, { "seed", 1, NULL, 's' }, { "cid-len", 1, NULL, 'i' },
	{ "rate", 1, NULL, 'r' }, { "packets", 1, NULL, 'p' }, { "duration", 1, NULL, 'D' },
	{ "threads", 1, NULL, 'T' }, { "cpu", 1, NULL, 'c' }, { "batch", 1, NULL, 'b' },
	{ "keep-replies", 0, NULL, 'K' }, { "help", 0, NULL, 'h' }, { 0 },
};

static void parse(struct options *o, int argc, char **argv)
{
	for (int c; (c = getopt_long(argc, argv, "", longopts, NULL)) != -1;) {
		switch (c) {
		case 'k': o->kind = parse_kind(optarg); o->has_kind = true; break;
		case 't': o->path.to = tool_endpoint("to", optarg, 0); break;
		case 'd': o->dev = optarg; break;
		case 'm': parse_mac("dmac", optarg, o->path.dmac); o->has_dmac = true; break;
		case 'M': parse_mac("smac", optarg, o->path.smac); o->has_smac = true; break;
		case 'f': o->from = flood_prefix("from", optarg); break;
		case 'n': o->sources = tool_number("sources", optarg, 1, 1ull << 32); break;
		case 's': o->seed = tool_number("seed", optarg, 0, 65535); break;
		case 'i': o->cid_len = tool_number("cid-len", optarg, 1, FLOOD_CID_MAX); break;
		case 'r': o->rate = tool_number("rate", optarg, 0, 1000000000); break;
		case 'p': o->packets = tool_number("packets", optarg, 1, 1000000000000); break;
		case 'D': o->duration_ns = tool_seconds("duration", optarg); break;
		case 'T': o->threads = tool_number("threads", optarg, 1, THREADS_MAX); break;
		case 'c': parse_cpus(o, optarg); break;
		case 'b': o->batch = tool_number("batch", optarg, 1, 256); break;
		case 'K': o->keep_replies = true; break;
		case 'h': fputs(help, stdout); exit(0);
		default: exit(2);
		}
	}
}
/* clang-format on */

static void check(struct options *o)
{
	if (!o->has_kind || !o->path.to.len || !o->dev || !o->has_dmac)
		tool_die("want --kind, --to, --dev and --dmac; --help lists the options");
	if (!o->from.from.len)
		o->from = flood_prefix("from", o->path.to.ss.ss_family == AF_INET ? "240.0.0.0/8"
										  : "fdf0::/32");
	if (o->from.from.ss.ss_family != o->path.to.ss.ss_family)
		tool_die("--from and --to: want one address family");
	if (o->sources > 1ull << o->from.bits || o->sources < o->threads)
		tool_die("--sources: want from %u, one a thread, to %llu, all of --from",
			 o->threads, 1ull << o->from.bits);
	if (o->n_cpus && o->n_cpus < o->threads)
		tool_die("--cpu: want one for each of %u threads", o->threads);
	if (o->duration_ns > 600 * NSEC)
		tool_die("--duration: want at most 600 s");
	o->path.from = o->from.from;
	find_device(o);
}

static int report(const struct options *o, struct worker *w)
{
	uint64_t sent = 0, sources = 0, failed = 0, start = w[0].start_ns, end = start + 1;
	int err = 0;

	for (unsigned int i = 0; i < o->threads; i++) {
		const struct flood_share *s = w[i].share;

		sent += s->sent;
		sources += s->sent < s->count ? s->sent : s->count;
		failed += s->failed;
		end = w[i].end_ns > end ? w[i].end_ns : end;
		if (w[i].err && !(tool_stop && w[i].err == -EINTR))
			err = w[i].err;
	}
	printf("{\"sent\":%" PRIu64 ",\"seconds\":%.3f,\"rate\":%.0f,\"sources\":%" PRIu64
	       ",\"failed\":%" PRIu64 ",\"replies\":%" PRIu64 "}\n",
	       sent, (end - start) / 1e9, sent * 1e9 / (end - start), sources, failed,
	       (uint64_t)w[0].skel->bss->replies);
	if (err)
		tool_die("cannot send: %s", strerror(-err));
	return failed != 0;
}

int main(int argc, char **argv)
{
	struct options o = { .sources = 10000000,
			     .packets = UINT64_MAX,
			     .duration_ns = 10 * NSEC,
			     .seed = 1,
			     .cid_len = 8,
			     .threads = 1,
			     .batch = 128 };
	static struct flood_frame frame;
	struct xdpflood_bpf *skel;
	struct bpf_link *link;
	struct worker *w;
	int rc;

	parse(&o, argc, argv);
	check(&o);
	tool_signals();
	flood_build(o.kind, o.cid_len, &o.path, &frame);
	skel = open_program(&o, &frame);
	w = tool_alloc(o.threads, sizeof(*w));
	for (unsigned int i = 0; i < o.threads; i++) {
		w[i].index = i;
		open_worker(&w[i], &o, skel, &frame);
	}
	link = bpf_program__attach_xdp(skel->progs.flood, o.ifindex);
	if (!link)
		tool_die("--dev %s: want its XDP hook: %s", o.dev, strerror(errno));
	tool_ready();
	w[0].start_ns = tool_now() + NSEC / 100; /* all threads begin together */
	for (unsigned int i = 0; i < o.threads; i++) {
		w[i].start_ns = w[0].start_ns;
		if (pthread_create(&w[i].thread, NULL, work, &w[i]))
			tool_die("cannot start a thread");
	}
	for (unsigned int i = 0; i < o.threads; i++)
		pthread_join(w[i].thread, NULL);
	rc = report(&o, w);
	bpf_link__destroy(link);
	xdpflood_bpf__destroy(skel);
	free(w);
	return rc;
}
