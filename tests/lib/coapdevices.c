// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Many CoAP devices with libcoap, each with a socket of its own and one job, against
 * coapserver: to observe a resource, to fetch or to send a large body block by block at
 * a device's pace, or to post words that must be executed once each. What another
 * server continues, ends or loses is counted.
 */
#include "coapdevice.h"

static const char help[] =
	"coapdevices --to ADDR[:PORT] [options]: devices of coapserver\n"
	"  --to ADDR:PORT    server (port 5683)\n"
	"  --observers N     observe /state\n"
	"  --getters N       fetch /big with Block2, again and again\n"
	"  --putters N       send a body to /upload with Block1, again and again\n"
	"  --posters N       post to /count\n"
	"  --from A[,B...]   source addresses, used in turn\n"
	"  --port-base P     first source port (default 0: the kernel's choice)\n"
	"  --begin-rate N    devices begun a second (default 200)\n"
	"  --interval S      between two posts, two transfers (default 1)\n"
	"  --pause S         between two blocks (default 0.05)\n"
	"  --block N         bytes of a block: 32 to 1024 (default 256)\n"
	"  --upload-size N   (default 8k)\n"
	"  --timeout S       an observer without a notification for so long registers anew\n"
	"                    (default 10)\n"
	"  --quiet S         at the end: listen for so long after deregistering (default 1)\n"
	"  --duration S      end after this time (default: at SIGTERM)\n"
	"\"ready\" on stderr when each device had an answer. JSON on stdout at the end and at "
	"SIGUSR1:\n"
	"registered, notifications, gaps (numbers missing), repeated, silent, deregistered, "
	"after_end;\n"
	"transfers, transfers_done, transfers_failed, blocks; posts, posts_answered, posts_moved;\n"
	"requests, failed (CON exchanges without an answer), resets, errors (codes), moved (of\n"
	"observations and transfers), stray, open (exchanges at the end), by_instance (devices).\n"
	"Exit code 1 if any of gaps, silent, after_end, transfers_failed, failed, resets, errors,\n"
	"moved, open.\n";

static struct devices all = { .begin_rate = 200,
			      .interval_ns = NSEC,
			      .pause_ns = NSEC / 20,
			      .timeout_ns = 10 * NSEC,
			      .quiet_ns = NSEC,
			      .szx = 4,
			      .upload_size = 8000 };

/* -- libcoap's calls -- */

static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent,
				   const coap_pdu_t *received, const coap_mid_t mid)
{
	struct device *d = coap_session_get_app_data(session);

	(void)sent;
	(void)mid;
	if (d)
		device_response(&all, d, received, tool_now());
	return COAP_RESPONSE_OK;
}

static void on_nack(coap_session_t *session, const coap_pdu_t *sent,
		    const coap_nack_reason_t reason, const coap_mid_t mid)
{
	struct device *d = coap_session_get_app_data(session);

	(void)sent;
	(void)mid;
	if (!d || reason == COAP_NACK_ICMP_ISSUE) /* libcoap goes on with its retransmissions */
		return;
	device_failed(&all, d, reason == COAP_NACK_RST, tool_now());
}

/* -- the loop -- */

/* A port that nobody has on this address. libcoap binds with SO_REUSEADDR, with which the
 * kernel's own choice may be the port of another device.
 */
static void choose_port(struct tool_addr *own)
{
	int fd = socket(own->ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&own->ss, own->len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&own->ss, &own->len) < 0)
		tool_die("--from: %s", strerror(errno));
	close(fd);
}

static void begin(coap_context_t *ctx, struct device *d, uint64_t k, uint64_t now)
{
	struct tool_addr own = { .len = all.to.len };
	coap_address_t from, to = stack_address(&all.to);
	const struct tool_sources *s = &all.from;

	own.ss.ss_family = all.to.ss.ss_family;
	if (s->n)
		own = s->addr[k % s->n];
	if (s->port_base)
		tool_set_port(&own, s->port_base + k / (s->n ? s->n : 1));
	else
		choose_port(&own);
	from = stack_address(&own);
	d->session = coap_new_client_session(ctx, &from, &to, COAP_PROTO_UDP);
	if (!d->session)
		tool_die("device %" PRIu64 ": no socket from its --from and --port-base", k);
	coap_session_set_app_data(d->session, d);
	d->next_ns = d->last_ns = now;
}

static bool is_settled(void)
{
	for (uint64_t i = 0; i < all.n; i++)
		if (!all.device[i].answers)
			return false;
	return true;
}

static uint64_t open_exchanges(void)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < all.n; i++)
		n += all.device[i].waiting;
	return n;
}

static void report(void)
{
	const struct figures *f = &all.figures;
	struct names names = { 0 };

	for (uint64_t i = 0; i < all.n; i++)
		if (all.device[i].name[0])
			names_count(&names, all.device[i].name);
	printf("{\"devices\":%" PRIu64 ",\"open\":%" PRIu64, all.n, open_exchanges());
#define FIGURE_PRINT(name) printf(",\"" #name "\":%" PRIu64, f->name);
	FIGURES(FIGURE_PRINT)
	printf(",\"by_instance\":{");
	names_print(&names);
	puts("}}");
	fflush(stdout);
}

/* All at work until the end; then they finish what they began and listen for a while. */
static void run(coap_context_t *ctx)
{
	uint64_t begun = tool_now(), started = 0, ticked = 0, ended = 0, quiet = 0;
	bool announced = false;

	while (!quiet || tool_now() - quiet < all.quiet_ns) {
		uint64_t now;

		if (coap_io_process(ctx, 5) < 0)
			tool_die("coap_io_process failed");
		now = tool_now();
		for (; !ended && started < all.n && started * NSEC / all.begin_rate <= now - begun;
		     started++)
			begin(ctx, &all.device[started], started, now);
		if (now - ticked >= NSEC / 100) {
			ticked = now;
			all.farewells = 5;
			for (uint64_t i = 0; i < started; i++)
				device_time(&all, &all.device[i], now);
		}
		if (!announced && is_settled()) {
			announced = true;
			tool_ready();
		}
		if (tool_report) {
			tool_report = 0;
			report();
		}
		if (!ended && (tool_stop || (all.duration_ns && now - begun >= all.duration_ns))) {
			ended = now;
			all.ending = true;
		}
		/* As long as libcoap may take to give an exchange up: it says so itself. */
		if (ended && !quiet && (devices_are_done(&all) || now - ended > 100 * NSEC))
			quiet = now;
	}
}

/* clang-format off */
static const struct option longopts[] = {
	{ "to", 1, NULL, 't' }, { "observers", 1, NULL, 'O' }, { "getters", 1, NULL, 'G' },
	{ "putters", 1, NULL, 'U' }, { "posters", 1, NULL, 'P' }, { "from", 1, NULL, 'f' },
	{ "port-base", 1, NULL, 'p' }, { "begin-rate", 1, NULL, 'r' },
	{ "interval", 1, NULL, 'i' }, { "pause", 1, NULL, 'w' }, { "block", 1, NULL, 'b' },
	{ "upload-size", 1, NULL, 's' }, { "timeout", 1, NULL, 'o' }, { "quiet", 1, NULL, 'q' },
	{ "duration", 1, NULL, 'd' }, { "help", 0, NULL, 'h' }, { 0 },
};

/* SZX of RFC 7959: 2^(SZX + 4) bytes. */
static unsigned int parse_block(const char *text)
{
	uint64_t size = tool_number("block", text, 32, 1024);

	for (unsigned int szx = 1; szx < 7; szx++)
		if (size == 16u << szx)
			return szx;
	tool_die("--block %s: want a power of two from 32 to 1024", text);
}

static void parse(int argc, char **argv)
{
	uint64_t *count = all.count;

	for (int c; (c = getopt_long(argc, argv, "", longopts, NULL)) != -1;) {
		switch (c) {
		case 't': all.to = tool_endpoint("to", optarg, 5683); break;
		case 'O': count[DEV_OBSERVER] = tool_number("observers", optarg, 0, 10000); break;
		case 'G': count[DEV_GETTER] = tool_number("getters", optarg, 0, 10000); break;
		case 'U': count[DEV_PUTTER] = tool_number("putters", optarg, 0, 10000); break;
		case 'P': count[DEV_POSTER] = tool_number("posters", optarg, 0, 10000); break;
		case 'f': tool_add_sources(&all.from, optarg); break;
		case 'p': all.from.port_base = tool_number("port-base", optarg, 0, 65535); break;
		case 'r': all.begin_rate = tool_number("begin-rate", optarg, 1, 100000); break;
		case 'i': all.interval_ns = tool_seconds("interval", optarg); break;
		case 'w': all.pause_ns = tool_seconds("pause", optarg); break;
		case 'b': all.szx = parse_block(optarg); break;
		case 's': all.upload_size = tool_number("upload-size", optarg, 1, 1000000); break;
		case 'o': all.timeout_ns = tool_seconds("timeout", optarg); break;
		case 'q': all.quiet_ns = tool_seconds("quiet", optarg); break;
		case 'd': all.duration_ns = tool_seconds("duration", optarg); break;
		case 'h': fputs(help, stdout); exit(0);
		default: exit(2);
		}
	}
}
/* clang-format on */

/* Kinds are mixed, so that those that begin together do different things. */
static void make_devices(void)
{
	uint64_t left[DEV_KINDS], k = 0;

	for (unsigned int kind = 0; kind < DEV_KINDS; kind++)
		all.n += left[kind] = all.count[kind];
	if (!all.to.len || !all.n)
		tool_die("want --to and devices; --help lists the options");
	tool_check_sources(&all.from, &all.to, all.n);
	all.device = tool_alloc(all.n, sizeof(*all.device));
	all.upload = tool_alloc(all.upload_size, 1);
	stack_body("device", 0, all.upload_size, all.upload);
	for (unsigned int kind = 0; k < all.n; kind = (kind + 1) % DEV_KINDS) {
		if (!left[kind])
			continue;
		left[kind]--;
		all.device[k].kind = kind;
		all.device[k].index = k;
		k++;
	}
}

int main(int argc, char **argv)
{
	const struct figures *f = &all.figures;
	coap_context_t *ctx;

	parse(argc, argv);
	make_devices();
	tool_raise_nofile();
	tool_signals();
	ctx = stack_start(0); /* we do the blocks ourselves: a device is slow */
	coap_prng(&all.nonce, sizeof(all.nonce));
	coap_register_response_handler(ctx, on_response);
	coap_register_nack_handler(ctx, on_nack);
	run(ctx);
	report();
	return f->gaps || f->silent || f->after_end || f->transfers_failed || f->failed ||
	       f->resets || f->errors || f->moved || open_exchanges();
}
