// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where a flood ends: count a device's frames from a prefix, and from how many
 * sources of it they came. What comes from elsewhere passes. Its program is
 * attached as long as it runs.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <sys/mman.h>
#include "floodprefix.h"
#include "tests/lib/xdpcount.skel.h"

#define BITMAP_BITS 25 /* of xdpcount.bpf.c */
#define CPUS_MAX    1024

static const char help[] =
	"xdpcount --dev IF [options]: count what comes from a prefix, and drop it\n"
	"  --dev IF          device whose XDP hook is free\n"
	"  --from PREFIX     of these sources: addresses of 240.0.0.0/8 (default), or /64s of "
	"fdf0::/39\n"
	"  --pass            give these frames to the stack, too\n"
	"  --duration S      seconds at most (default 60); SIGTERM ends it before\n"
	"JSON on stdout at the end: frames, bytes, sources (distinct ones), others (frames from\n"
	"elsewhere, which pass).\n";

struct count {
	uint64_t frames, bytes, others;
};

static struct count counts_sum(int fd)
{
	static struct count each[CPUS_MAX];
	struct count all = { 0 };
	int n = libbpf_num_possible_cpus();
	uint32_t zero = 0;

	if (n > CPUS_MAX || bpf_map_lookup_elem(fd, &zero, each))
		tool_die("cannot read the counts: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		all.frames += each[i].frames;
		all.bytes += each[i].bytes;
		all.others += each[i].others;
	}
	return all;
}

static uint64_t distinct(int fd)
{
	size_t size = (1ul << BITMAP_BITS) / 8;
	uint64_t *words = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0), n = 0;

	if (words == MAP_FAILED)
		tool_die("cannot read the bitmap: %s", strerror(errno));
	for (size_t i = 0; i < size / 8; i++)
		n += __builtin_popcountll(words[i]);
	return n;
}

int main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "dev", 1, NULL, 'd' },      { "from", 1, NULL, 'f' }, { "pass", 0, NULL, 'p' },
		{ "duration", 1, NULL, 'D' }, { "help", 0, NULL, 'h' }, { 0 }
	};
	struct xdpcount_bpf *skel = xdpcount_bpf__open();
	struct flood_prefix from = flood_prefix("from", "240.0.0.0/8");
	uint64_t duration_ns = 60 * NSEC, end;
	unsigned int ifindex = 0;
	struct bpf_link *link;
	struct count all;

	if (!skel)
		tool_die("cannot open the program: %s", strerror(errno));
	skel->rodata->verdict = XDP_DROP;
	for (int c; (c = getopt_long(argc, argv, "", longopts, NULL)) != -1;) {
		switch (c) {
		case 'd':
			ifindex = if_nametoindex(optarg);
			break;
		case 'f':
			from = flood_prefix("from", optarg);
			break;
		case 'p':
			skel->rodata->verdict = XDP_PASS;
			break;
		case 'D':
			duration_ns = tool_seconds("duration", optarg);
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			exit(2);
		}
	}
	if (!ifindex || from.bits > BITMAP_BITS)
		tool_die("want --dev, and --from with at most %d bits that vary", BITMAP_BITS);
	skel->rodata->base = from.base;
	skel->rodata->bits = from.bits;
	skel->rodata->is_v6 = from.is_v6;
	skel->rodata->first_word =
		((const struct sockaddr_in6 *)&from.from.ss)->sin6_addr.s6_addr32[0];
	tool_signals();
	if (xdpcount_bpf__load(skel))
		tool_die("cannot load the program");
	link = bpf_program__attach_xdp(skel->progs.count, ifindex);
	if (!link)
		tool_die("cannot attach: %s", strerror(errno));
	tool_ready();
	for (end = tool_now() + duration_ns; !tool_stop && tool_now() < end;)
		usleep(20000);
	bpf_link__destroy(link);
	all = counts_sum(bpf_map__fd(skel->maps.counts));
	printf("{\"frames\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"sources\":%" PRIu64
	       ",\"others\":%" PRIu64 "}\n",
	       all.frames, all.bytes, distinct(bpf_map__fd(skel->maps.seen)), all.others);
	xdpcount_bpf__destroy(skel);
	return 0;
}
