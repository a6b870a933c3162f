// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sends a random mix of valid, malformed and foreign frames, the same for the same
 * seed. A flow of the command line gives a frame its addresses; a shape from the
 * table gives it its message and what is wrong with it. Frames leave through a
 * packet socket, so what no stack would send is sent too.
 */
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include "frame.h"
#include "mixedmsgs.h"
#include "tool.h"

#define FLOWS_MAX   64
#define TEXT_MAX    INET6_ADDRSTRLEN
#define PAYLOAD_MAX 1400
#define BIG_MIN	    1260 /* over the smallest MTU of IPv6, with headers */

static const char help[] =
	"mixedframes --if IF --to MAC --flow F [--flow F...] [options]: a random mix of frames\n"
	"  --if IF       link to send on\n"
	"  --to MAC      destination of most frames: the next hop's\n"
	"  --flow F      udp|tcp,SRC,SPORT,DST,DPORT; port 0 is a random one; up to 64 flows\n"
	"  --frames N    (default 100000)\n"
	"  --seed N      of the mix (default 1)\n"
	"JSON on stdout at the end: sent, unsent (the link did not take them), shapes.\n";

struct flow_text {
	char src[TEXT_MAX], dst[TEXT_MAX];
	uint16_t sport, dport;
	bool tcp;
};

struct mix {
	int fd;
	struct sockaddr_ll to;
	uint8_t smac[ETH_ALEN], dmac[ETH_ALEN];
	struct flow_text flows[FLOWS_MAX];
	unsigned int n_flows;
	uint64_t frames, random, sent, unsent;
};

/* xorshift64*: what the mix needs of randomness, and the same everywhere. */
static uint32_t below(struct mix *m, uint32_t n)
{
	m->random ^= m->random >> 12;
	m->random ^= m->random << 25;
	m->random ^= m->random >> 27;
	return (m->random * 0x2545f4914f6cdd1dull >> 32) * n >> 32;
}

static struct path path_of(struct mix *m, const struct flow_text *t)
{
	return (struct path){
		.src = t->src,
		.sport = t->sport ? t->sport : 1024 + below(m, 60000),
		.dst = t->dst,
		.dport = t->dport ? t->dport : 1024 + below(m, 60000),
	};
}

/* -- messages -- */

static uint64_t datagram_counts[ARRAY_LEN(datagrams)], segment_counts[ARRAY_LEN(segments)];

static struct frame frame_with(struct mix *m, const struct flow_text *t, size_t options)
{
	struct path p = path_of(m, t);
	unsigned int i;

	if (t->tcp) {
		i = below(m, ARRAY_LEN(segments));
		segment_counts[i]++;
		return frame_tcp(&p, segments[i].flags, segments[i].msg.bytes, segments[i].msg.len);
	}
	i = below(m, ARRAY_LEN(datagrams));
	datagram_counts[i]++;
	return frame_udp_opt(&p, options, datagrams[i].bytes, datagrams[i].len);
}

/* -- shapes: what is wrong around the message -- */

static uint8_t *byte_at(struct frame *f, size_t at)
{
	assert(at < f->len);
	return f->bytes + at;
}

static void shape_none(struct mix *m, struct frame *f)
{
	(void)m;
	(void)f;
}

static void shape_vlan(struct mix *m, struct frame *f)
{
	for (uint32_t n = 1 + below(m, 3); n; n--)
		frame_tag(f, below(m, 2) ? ETH_P_8021Q : ETH_P_8021AD);
}

static void shape_truncated(struct mix *m, struct frame *f)
{
	f->len = ETH_HLEN + below(m, f->len - ETH_HLEN);
}

static void shape_padded(struct mix *m, struct frame *f)
{
	frame_put(f, NULL, 1 + below(m, 40));
}

static void shape_flipped(struct mix *m, struct frame *f)
{
	for (uint32_t n = 1 + below(m, 8); n; n--) {
		uint32_t bit = below(m, (f->len - 2 * ETH_ALEN) * 8);

		f->bytes[2 * ETH_ALEN + bit / 8] ^= 1 << bit % 8;
	}
}

static void shape_noise(struct mix *m, struct frame *f)
{
	for (size_t i = f->l3 + below(m, f->len - f->l3); i < f->len; i++)
		f->bytes[i] = below(m, 256);
}

static void shape_arp(struct mix *m, struct frame *f)
{
	static const uint16_t types[] = { ETH_P_ARP, ETH_P_LLDP, ETH_P_MPLS_UC, 0x05dc };

	frame_put16(f, 12, types[below(m, ARRAY_LEN(types))]);
}

static void shape_ip_version(struct mix *m, struct frame *f)
{
	*byte_at(f, f->l3) = below(m, 16) << 4 | (*byte_at(f, f->l3) & 15);
}

static void shape_ip_length(struct mix *m, struct frame *f)
{
	size_t at = f->l3 + (frame_is_v4(f) ? 2 : 4);

	frame_put16(f, at, below(m, 2) ? below(m, 64) : below(m, 65536));
}

static void shape_ihl(struct mix *m, struct frame *f)
{
	if (frame_is_v4(f))
		*byte_at(f, f->l3) = 0x40 | below(m, 16);
	else
		*byte_at(f, f->l3 + 6) = 0; /* hop-by-hop options: what follows are none */
}

static void shape_fragment(struct mix *m, struct frame *f)
{
	if (frame_is_v4(f))
		frame_put16(f, f->l3 + 6, below(m, 2) ? 0x2000 : 1 + below(m, 0x1fff));
	else
		*byte_at(f, f->l3 + 6) = IPPROTO_FRAGMENT;
}

static void shape_hops(struct mix *m, struct frame *f)
{
	*byte_at(f, f->l3 + (frame_is_v4(f) ? 8 : 7)) = below(m, 2);
	frame_finish(f);
}

static void shape_icmp(struct mix *m, struct frame *f)
{
	bool is_v4 = frame_is_v4(f);

	*byte_at(f, f->l3 + (is_v4 ? 9 : 6)) = is_v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	*byte_at(f, f->l4) = is_v4 ? 8 : 128;
	*byte_at(f, f->l4 + 1) = below(m, 2);
}

static void shape_protocol(struct mix *m, struct frame *f)
{
	static const uint8_t protocols[] = { 2, 41, 47, 50, 51, 59, 103, 132, 253 };

	*byte_at(f, f->l3 + (frame_is_v4(f) ? 9 : 6)) = protocols[below(m, ARRAY_LEN(protocols))];
}

/* UDP's length; TCP's data offset. */
static void shape_l4_length(struct mix *m, struct frame *f)
{
	if (frame_proto(f) == IPPROTO_UDP)
		frame_put16(f, f->l4 + 4, below(m, 2) ? below(m, 8) : below(m, 65536));
	else
		*byte_at(f, f->l4 + 12) = below(m, 16) << 4;
}

static void shape_checksum(struct mix *m, struct frame *f)
{
	frame_put16(f, frame_l4_check_at(f), below(m, 2) ? 0 : below(m, 65536));
}

static void shape_foreign(struct mix *m, struct frame *f)
{
	size_t at = f->l3 + (frame_is_v4(f) ? 19 : 39);

	*byte_at(f, at) ^= 1 + below(m, 255);
	frame_finish(f);
}

static void shape_other_mac(struct mix *m, struct frame *f)
{
	memset(f->bytes, below(m, 2) ? 0xff : 0x02, ETH_ALEN);
}

/* A long payload, and for IPv4 half of the time "do not fragment". */
static void shape_big(struct mix *m, struct frame *f)
{
	size_t more = BIG_MIN + below(m, PAYLOAD_MAX - BIG_MIN) - (f->len - f->payload);
	size_t at = f->l3 + (frame_is_v4(f) ? 2 : 4);

	frame_put(f, NULL, more);
	frame_put16(f, at, frame_get16(f, at) + more);
	if (frame_proto(f) == IPPROTO_UDP)
		frame_put16(f, f->l4 + 4, frame_get16(f, f->l4 + 4) + more);
	if (frame_is_v4(f) && below(m, 2))
		frame_put16(f, f->l3 + 6, 0x4000);
	frame_finish(f);
}

/* clang-format off */
static const struct shape {
	const char *name;
	void (*apply)(struct mix *m, struct frame *f);
	unsigned int weight;
	unsigned int options; /* bytes of options or extension headers, of datagrams */
} shapes[] = {
	{ "plain",      shape_none,       40, 0 },
	{ "options",    shape_none,        4, 8 },
	{ "vlan",       shape_vlan,        4, 0 },
	{ "truncated",  shape_truncated,   4, 0 },
	{ "cut_option", shape_truncated,   2, 24 },
	{ "padded",     shape_padded,      2, 0 },
	{ "flipped",    shape_flipped,     6, 0 },
	{ "noise",      shape_noise,       4, 8 },
	{ "no_ip",      shape_arp,         3, 0 },
	{ "ip_version", shape_ip_version,  2, 0 },
	{ "ip_length",  shape_ip_length,   3, 0 },
	{ "ihl",        shape_ihl,         2, 0 },
	{ "fragment",   shape_fragment,    3, 0 },
	{ "hops",       shape_hops,        2, 0 },
	{ "icmp",       shape_icmp,        2, 0 },
	{ "protocol",   shape_protocol,    2, 0 },
	{ "l4_length",  shape_l4_length,   3, 0 },
	{ "checksum",   shape_checksum,    2, 0 },
	{ "foreign",    shape_foreign,     4, 0 },
	{ "other_mac",  shape_other_mac,   2, 0 },
	{ "big",        shape_big,         4, 0 },
};
/* clang-format on */

static uint64_t shape_counts[ARRAY_LEN(shapes)];

static const struct shape *pick_shape(struct mix *m)
{
	uint32_t all = 0, at;

	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		all += shapes[i].weight;
	at = below(m, all);
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		if (at < shapes[i].weight)
			return &shapes[i];
		at -= shapes[i].weight;
	}
	return shapes;
}

static void send_one(struct mix *m)
{
	const struct flow_text *t = &m->flows[below(m, m->n_flows)];
	const struct shape *s = pick_shape(m);
	struct frame f = frame_with(m, t, s->options);

	memcpy(f.bytes, m->dmac, ETH_ALEN);
	memcpy(f.bytes + ETH_ALEN, m->smac, ETH_ALEN);
	s->apply(m, &f);
	if (sendto(m->fd, f.bytes, f.len, 0, (struct sockaddr *)&m->to, sizeof(m->to)) < 0) {
		m->unsent++;
		return;
	}
	m->sent++;
	shape_counts[s - shapes]++;
}

/* -- options, link, report -- */

/* One field of a flow: text up to a comma, moved behind it. */
static char *field(char **at, const char *what)
{
	char *text = strsep(at, ",");

	if (!text || !*text || strlen(text) >= TEXT_MAX)
		tool_die("--flow: %s: want udp|tcp,SRC,SPORT,DST,DPORT", what);
	return text;
}

static void flow_address(char **at, const char *what, char ret[TEXT_MAX])
{
	struct tool_addr a;
	char *text = field(at, what);

	if (!tool_address(text, &a))
		tool_die("--flow: %s: want an address, not %s", what, text);
	snprintf(ret, TEXT_MAX, "%s", text);
}

static void add_flow(struct mix *m, char *text)
{
	struct flow_text *t = &m->flows[m->n_flows++];
	char *proto;

	if (m->n_flows > FLOWS_MAX)
		tool_die("--flow: want at most %d", FLOWS_MAX);
	proto = field(&text, "protocol");
	t->tcp = !strcmp(proto, "tcp");
	if (!t->tcp && strcmp(proto, "udp"))
		tool_die("--flow %s: want udp or tcp", proto);
	flow_address(&text, "source", t->src);
	t->sport = tool_number("flow", field(&text, "source port"), 0, 65535);
	flow_address(&text, "destination", t->dst);
	t->dport = tool_number("flow", field(&text, "destination port"), 0, 65535);
	if (text || text_is_v6(t->src) != text_is_v6(t->dst))
		tool_die("--flow: want five fields, and addresses of one family");
}

static void set_mac(struct mix *m, const char *text)
{
	unsigned int b[ETH_ALEN];
	int end = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", b, b + 1, b + 2, b + 3, b + 4, b + 5, &end) !=
		    ETH_ALEN ||
	    text[end])
		tool_die("--to %s: want a link-layer address", text);
	for (int i = 0; i < ETH_ALEN; i++)
		m->dmac[i] = b[i];
}

static void open_link(struct mix *m, const char *name)
{
	struct ifreq req = {};

	m->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (m->fd < 0)
		tool_die("packet socket: %s", strerror(errno));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	if (ioctl(m->fd, SIOCGIFHWADDR, &req) < 0)
		tool_die("--if %s: %s", name, strerror(errno));
	memcpy(m->smac, req.ifr_hwaddr.sa_data, ETH_ALEN);
	m->to = (struct sockaddr_ll){
		.sll_family = AF_PACKET,
		.sll_ifindex = if_nametoindex(name),
		.sll_halen = ETH_ALEN,
	};
}

static void report(const struct mix *m)
{
	printf("{\"sent\":%" PRIu64 ",\"unsent\":%" PRIu64 ",\"shapes\":{", m->sent, m->unsent);
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		printf("%s\"%s\":%" PRIu64, i ? "," : "", shapes[i].name, shape_counts[i]);
	fputs("},\"messages\":{", stdout);
	for (size_t i = 0; i < ARRAY_LEN(datagrams); i++)
		printf("%s\"%s\":%" PRIu64, i ? "," : "", datagrams[i].name, datagram_counts[i]);
	for (size_t i = 0; i < ARRAY_LEN(segments); i++)
		printf(",\"tcp_%s\":%" PRIu64, segments[i].msg.name, segment_counts[i]);
	puts("}}");
}

static const struct option longopts[] = {
	{ "if", 1, NULL, 'i' },
	{ "to", 1, NULL, 't' },
	{ "flow", 1, NULL, 'f' },
	{ "frames", 1, NULL, 'n' },
	{ "seed", 1, NULL, 's' },
	{ "help", 0, NULL, 'h' },
	{ 0 },
};

int main(int argc, char **argv)
{
	struct mix m = { .frames = 100000, .random = 1 };
	const char *link = NULL;
	bool has_to = false;

	for (int c; (c = getopt_long(argc, argv, "", longopts, NULL)) != -1;) {
		/* clang-format off */
		switch (c) {
		case 'i': link = optarg; break;
		case 't': set_mac(&m, optarg), has_to = true; break;
		case 'f': add_flow(&m, optarg); break;
		case 'n': m.frames = tool_number("frames", optarg, 1, 100000000); break;
		case 's': m.random = tool_number("seed", optarg, 1, UINT32_MAX); break;
		case 'h': fputs(help, stdout); return 0;
		default: return 2;
		}
		/* clang-format on */
	}
	if (!link || !has_to || !m.n_flows)
		tool_die("want --if, --to and --flow; --help lists the options");
	tool_signals();
	open_link(&m, link);
	for (uint64_t i = 0; i < m.frames && !tool_stop; i++)
		send_one(&m);
	report(&m);
	return 0;
}
