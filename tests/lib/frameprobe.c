// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Asks the program that is in force what it would do: each line of standard input,
 *
 *	udp|tcp SRC SPORT DST DPORT
 *
 * is made a frame (a CoAP GET, a SYN) and run through the attached program with
 * its live maps (BPF_PROG_TEST_RUN; nothing is sent). One line comes back:
 *
 *	REASON NEW-DESTINATION
 *
 * usage: frameprobe PIN_DIR INTERFACE	PIN_DIR as .../sluice/abi-3
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "frame.h"

#define TRIES 1000 /* until no live packet was counted in between */

static const char *const labels[] = {
#define X(name, action, group, label, text) label,
	SL_REASONS(X)
#undef X
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int program_of(const char *dir, const char *ifname)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	char path[4096];
	int link, prog;

	snprintf(path, sizeof(path), "%s/links/%s", dir, ifname);
	link = bpf_obj_get(path);
	if (link < 0 || bpf_obj_get_info_by_fd(link, &info, &len))
		die(path);
	prog = bpf_prog_get_fd_by_id(info.prog_id);
	if (prog < 0)
		die("program of the link");
	return prog;
}

static const struct sl_cpu_counters *counters_of(const char *dir)
{
	size_t size =
		(sizeof(struct sl_cpu_counters) * libbpf_num_possible_cpus() + 4095) & ~4095ul;
	char path[4096];
	void *p;
	int fd;

	snprintf(path, sizeof(path), "%s/maps/sl_counters", dir);
	fd = bpf_obj_get(path);
	if (fd < 0)
		die(path);
	p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

/* Of this CPU alone: the process stays on one. */
static void snapshot(const struct sl_cpu_counters *c, uint64_t ret[SL_R__MAX])
{
	memcpy(ret, c->reason, SL_R__MAX * sizeof(*ret));
}

static void show_destination(const struct frame *f)
{
	char text[INET6_ADDRSTRLEN];

	if (frame_is_v4(f))
		inet_ntop(AF_INET, f->bytes + f->l3 + 16, text, sizeof(text));
	else
		inet_ntop(AF_INET6, f->bytes + f->l3 + 24, text, sizeof(text));
	printf(" %s:%u\n", text, frame_get16(f, f->l4 + 2));
}

/* The one reason that was counted, or SL_R__MAX: live packets were counted as well. */
static int reason_of(int prog, const struct sl_cpu_counters *counters, const struct frame *in,
		     struct frame *out)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes, .data_size_in = in->len,
		    .data_out = out->bytes, .data_size_out = sizeof(out->bytes));
	uint64_t before[SL_R__MAX], after[SL_R__MAX], sum = 0;
	int found = SL_R__MAX;

	*out = *in;
	snapshot(counters, before);
	if (bpf_prog_test_run_opts(prog, &opts))
		die("BPF_PROG_TEST_RUN");
	snapshot(counters, after);
	for (int why = 0; why < SL_R__MAX; why++) {
		sum += after[why] - before[why];
		if (after[why] != before[why])
			found = why;
	}
	return sum == 1 ? found : SL_R__MAX;
}

static void probe(int prog, const struct sl_cpu_counters *counters, const struct frame *in)
{
	struct frame out;
	int why = SL_R__MAX;

	for (int i = 0; i < TRIES && why == SL_R__MAX; i++)
		why = reason_of(prog, counters, in, &out);
	if (why == SL_R__MAX) {
		printf("uncounted\n");
		return;
	}
	printf("%s", labels[why]);
	show_destination(&out);
}

/* Where test runs and their counters are. Returns the CPU. */
static int stay_here(void)
{
	int cpu = sched_getcpu();
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (cpu < 0 || sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
	return cpu;
}

int main(int argc, char **argv)
{
	static const uint8_t get[] = { 0x40, 1, 0x12, 0x34 };
	char proto[8], src[64], dst[64];
	const struct sl_cpu_counters *counters;
	unsigned int sport, dport;
	int prog;

	if (argc != 3) {
		fprintf(stderr, "usage: frameprobe PIN_DIR INTERFACE <lines\n");
		return 2;
	}
	prog = program_of(argv[1], argv[2]);
	counters = counters_of(argv[1]) + stay_here();
	while (scanf("%7s %63s %u %63s %u", proto, src, &sport, dst, &dport) == 5) {
		struct path p = { src, sport, dst, dport };
		struct frame f = strcmp(proto, "tcp") ? frame_udp(&p, get, sizeof(get))
						      : frame_tcp(&p, 2, NULL, 0);

		probe(prog, counters, &f);
		fflush(stdout);
	}
	return 0;
}
