// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Captures that tests of `sluicectl explain` need and no tool writes. */
#include <pcap/sll.h>
#include "capfile.h"

static const char help[] =
	"capmake leaving N SEED OUT       frames that are steered, returned, reset and dropped\n"
	"capmake paced N MS DEVICES OUT   a CoAP GET of each device, N times, every MS\n"
	"capmake link LINK IN OUT         the IP packets of IN behind an eth, raw, sll, sll2 "
	"header\n"
	"capmake mqttsn OUT               MQTT-SN messages of all types, both ways\n"
	"capmake edges OUT                frames of the least and greatest lengths\n"
	"The addresses are those of tests/netns/explain.sh.\n";

#define BEGIN (1700000000 * NSEC)

#define VIP   "203.0.113.10"
#define VIP6  "2001:db8:ffff::10"
#define INST  "10.77.1.2"
#define INST6 "fd00:77:1::2"

/* -- what leaves, and what does not -- */

static const struct {
	struct path in, back; /* to the service; from its instance */
	bool tcp;
} ways[] = {
	{ { "198.51.100.10", 0, VIP, 9000 }, { INST, 19000, "198.51.100.10", 0 }, false },
	{ { "2001:db8:a:10::1", 0, VIP6, 9000 }, { INST6, 9000, "2001:db8:a:10::1", 0 }, false },
	{ { "198.51.100.11", 0, VIP, 9001 }, { INST, 9001, "198.51.100.11", 0 }, true },
	{ { "2001:db8:a:11::1", 0, VIP6, 9001 }, { INST6, 19001, "2001:db8:a:11::1", 0 }, true },
};

static struct frame leaving_frame(size_t w, bool back, uint16_t device_port)
{
	static const uint8_t flags[] = { 2, 16, 24, 17, 0 }; /* SYN ACK PSH+ACK FIN+ACK none */
	struct path p = back ? ways[w].back : ways[w].in;
	uint8_t payload[1400], flag = flags[rand() % sizeof(flags)];
	size_t len = rand() % (rand() % 4 ? 64 : sizeof(payload));
	bool is_v6 = text_is_v6(p.src);
	struct frame f;

	*(back ? &p.dport : &p.sport) = device_port;
	for (size_t i = 0; i < len; i++)
		payload[i] = rand();
	if (ways[w].tcp)
		f = frame_tcp(&p, flag, payload, flag == 2 ? 0 : len);
	else
		f = frame_udp_opt(&p, rand() % 8 ? 0 : is_v6 ? 8 : 4, payload, len);
	if (ways[w].tcp) {
		for (int i = 4; i < 12; i++)
			f.bytes[f.l4 + i] = rand(); /* numbers */
		frame_finish(&f);
	} else if (!is_v6 && !(rand() % 16)) {
		frame_put16(&f, frame_l4_check_at(&f), 0);
	}
	return f;
}

/* What makes a frame one that does not leave, or not so; most are left alone. */
static void spoil(struct frame *f)
{
	size_t hops = f->l3 + (frame_is_v4(f) ? 8 : 7);

	switch (rand() % 40) {
	case 0:
		f->bytes[hops] = 1;
		break;
	case 1:
		f->len -= 1 + rand() % 7; /* before the end by its own lengths */
		return;
	case 2:
		frame_tag(f, ETH_P_8021Q);
		break;
	case 3:
		if (frame_is_v4(f))
			f->bytes[f->l3 + 6] = 0x20; /* a first fragment */
		break;
	case 4:
		f->bytes[f->l3 + (frame_is_v4(f) ? 13 : 9)] ^= 0x15; /* another tenant, or none */
		break;
	case 5:
		f->bytes[13] = 0x07; /* no IP */
		break;
	case 6:
		frame_put16(f, f->l4 + 2, 7); /* no service */
		break;
	default:
		return;
	}
	frame_finish(f);
}

static void leaving(uint64_t n, unsigned int seed, const char *out)
{
	struct cap_out o = cap_create(out, DLT_EN10MB);

	srand(seed);
	for (uint64_t i = 0; i < n; i++) {
		struct frame f = leaving_frame(rand() % ARRAY_LEN(ways), rand() % 3 == 0,
					       1024 + rand() % 60000);

		spoil(&f);
		cap_put(&o, BEGIN + i * 1000001, f.bytes, f.len);
	}
	cap_finish(&o);
}

static void paced(uint64_t n, uint64_t ms, uint64_t devices, const char *out)
{
	static const uint8_t get[] = { 0x50, 1, 0, 1, 0xb1, 't' };
	struct cap_out o = cap_create(out, DLT_EN10MB);

	for (uint64_t i = 0; i < n * devices; i++) {
		char device[32];
		struct path p = { device, 40000, VIP, 5683 };
		struct frame f;

		snprintf(device, sizeof(device), "198.51.100.%u", (unsigned int)(i % devices + 1));
		f = frame_udp(&p, get, sizeof(get));
		cap_put(&o, BEGIN + i / devices * ms * 1000000, f.bytes, f.len);
	}
	cap_finish(&o);
}

/* -- link types -- */

static int link_of(const char *word)
{
	static const struct {
		const char *word;
		int link;
	} links[] = { { "eth", DLT_EN10MB },
		      { "raw", DLT_RAW },
		      { "sll", DLT_LINUX_SLL },
		      { "sll2", DLT_LINUX_SLL2 } };

	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (!strcmp(word, links[i].word))
			return links[i].link;
	tool_die("link type %s: want eth, raw, sll or sll2", word);
}

static size_t link_head(int link, const uint8_t *eth, uint8_t *to)
{
	uint16_t type = eth[12] << 8 | eth[13];
	struct sll_header sll = { .sll_hatype = htons(1),
				  .sll_halen = htons(6),
				  .sll_protocol = htons(type) };
	struct sll2_header sll2 = { .sll2_protocol = htons(type),
				    .sll2_if_index = htonl(3),
				    .sll2_hatype = htons(1),
				    .sll2_halen = 6 };

	switch (link) {
	case DLT_EN10MB:
		memcpy(to, eth, ETH_HLEN);
		return ETH_HLEN;
	case DLT_LINUX_SLL:
		memcpy(to, &sll, sizeof(sll));
		return sizeof(sll);
	case DLT_LINUX_SLL2:
		memcpy(to, &sll2, sizeof(sll2));
		return sizeof(sll2);
	default:
		return 0;
	}
}

static void relink(const char *word, const char *in, const char *out)
{
	int link = link_of(word);
	struct cap_out o = cap_create(out, link);
	struct caps c = caps_read(in);

	for (size_t i = 0; i < c.n; i++) {
		uint8_t bytes[64 + CAP_FRAME_MAX];
		uint16_t type;
		size_t head;

		if (c.frame[i].len < ETH_HLEN || c.frame[i].len > CAP_FRAME_MAX)
			continue;
		type = c.frame[i].bytes[12] << 8 | c.frame[i].bytes[13];
		if (type != ETH_P_IP && type != ETH_P_IPV6)
			continue;
		head = link_head(link, c.frame[i].bytes, bytes);
		memcpy(bytes + head, c.frame[i].bytes + ETH_HLEN, c.frame[i].len - ETH_HLEN);
		cap_put(&o, c.frame[i].time_ns, bytes, head + c.frame[i].len - ETH_HLEN);
	}
	caps_free(&c);
	cap_finish(&o);
}

/* -- MQTT-SN, for which there is no client -- */

static void mqttsn(const char *out)
{
	static const struct {
		const char *body; /* behind length and type */
		uint8_t len, type;
		bool answer;
	} rows[] = {
		{ "\1\0\x1e", 3, 0x00, true }, /* ADVERTISE */
		{ "\0", 1, 0x01, false },      /* SEARCHGW */
		{ "\1", 1, 0x02, true },       /* GWINFO */
		{ "\4\1\0\x1e"
		  "dev",
		  7, 0x04, false },		    /* CONNECT */
		{ "\0", 1, 0x05, true },	    /* CONNACK */
		{ "", 0, 0x06, true },		    /* WILLTOPICREQ */
		{ "\0will", 5, 0x07, false },	    /* WILLTOPIC */
		{ "", 0, 0x08, true },		    /* WILLMSGREQ */
		{ "gone", 4, 0x09, false },	    /* WILLMSG */
		{ "\0\0\0\1temp", 8, 0x0a, false }, /* REGISTER */
		{ "\0\1\0\1\0", 5, 0x0b, true },    /* REGACK */
		{ "\x20\0\1\0\2"
		  "21.5",
		  9, 0x0c, false },		     /* PUBLISH */
		{ "\0\1\0\2\0", 5, 0x0d, true },     /* PUBACK */
		{ "\0\3", 2, 0x0e, true },	     /* PUBCOMP */
		{ "\0\3", 2, 0x0f, true },	     /* PUBREC */
		{ "\0\3", 2, 0x10, false },	     /* PUBREL */
		{ "\0\0\4temp", 7, 0x12, false },    /* SUBSCRIBE */
		{ "\x20\0\1\0\4\0", 6, 0x13, true }, /* SUBACK */
		{ "\0\0\5temp", 7, 0x14, false },    /* UNSUBSCRIBE */
		{ "\0\5", 2, 0x15, true },	     /* UNSUBACK */
		{ "dev", 3, 0x16, false },	     /* PINGREQ */
		{ "", 0, 0x17, true },		     /* PINGRESP */
		{ "\0\x3c", 2, 0x18, false },	     /* DISCONNECT, to sleep */
		{ "", 0, 0x18, false },		     /* DISCONNECT */
		{ "\0will2", 6, 0x1a, false },	     /* WILLTOPICUPD */
		{ "\0", 1, 0x1b, true },	     /* WILLTOPICRESP */
		{ "later", 5, 0x1c, false },	     /* WILLMSGUPD */
		{ "\0", 1, 0x1d, true },	     /* WILLMSGRESP */
	};
	struct path to = { "198.51.100.20", 20000, VIP, 10000 };
	struct path from = { INST, 10000, "198.51.100.20", 20000 };
	struct cap_out o = cap_create(out, DLT_EN10MB);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t bytes[64] = { rows[i].len + 2, rows[i].type };
		struct frame f;

		memcpy(bytes + 2, rows[i].body, rows[i].len);
		f = frame_udp(rows[i].answer ? &from : &to, bytes, rows[i].len + 2);
		cap_put(&o, BEGIN + i * 10000000, f.bytes, f.len);
	}
	cap_finish(&o);
}

/* -- edges -- */

static void edges(const char *out)
{
	struct path p = { "198.51.100.10", 40000, VIP, 9000 };
	struct frame f = frame_udp(&p, "x", 1);
	static const uint32_t lens[] = { 0, 1, 13, 14, 15, 20, 33, 34, 41, 42 };
	struct cap_out o = cap_create(out, DLT_EN10MB);
	uint32_t longest = ETH_HLEN + 65535;
	uint8_t *big = tool_alloc(200000, 1);

	for (size_t i = 0; i < ARRAY_LEN(lens); i++)
		cap_put(&o, BEGIN + i, f.bytes, lens[i]);
	frame_put16(&f, f.l3 + 2, 65535);
	frame_put16(&f, f.l4 + 4, 65515);
	memcpy(big, f.bytes, f.len);
	cap_put(&o, BEGIN + 20, big, longest);
	cap_put(&o, BEGIN + 21, big, 200000);
	cap_put(&o, BEGIN + 22, big, 3000);
	free(big);
	f = frame_udp(&p, "x", 1);
	cap_put(&o, BEGIN - 5 * NSEC, f.bytes, f.len); /* the clock goes back */
	cap_put(&o, BEGIN + 30, f.bytes, f.len);
	cap_finish(&o);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "leaving") && argc == 5)
		leaving(tool_number("N", argv[2], 1, 1000000),
			tool_number("SEED", argv[3], 0, 1000000), argv[4]);
	else if (!strcmp(what, "paced") && argc == 6)
		paced(tool_number("N", argv[2], 1, 1000000), tool_number("MS", argv[3], 0, 1000000),
		      tool_number("DEVICES", argv[4], 1, 250), argv[5]);
	else if (!strcmp(what, "link") && argc == 5)
		relink(argv[2], argv[3], argv[4]);
	else if (!strcmp(what, "mqttsn") && argc == 3)
		mqttsn(argv[2]);
	else if (!strcmp(what, "edges") && argc == 3)
		edges(argv[2]);
	else {
		fputs(help, stderr);
		return 2;
	}
	return 0;
}
