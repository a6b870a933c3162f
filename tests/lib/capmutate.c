// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Mutants of a capture's messages: bits and bytes changed, bytes put in, taken out or
 * repeated, cut, lengths and types set to what is interesting. Each is a datagram or a
 * segment of a flow of its own, with lengths and checksums made right again, and its
 * payload and direction are like no other's. The same seed makes the same mutants.
 *
 * usage: capmutate SEED N IN OUT
 */
#include "capfile.h"

#define PAYLOAD_MAX 1400
#define SEEN_SLOTS  (1u << 20) /* more than twice as many as mutants */
#define MUTANTS_MAX 400000

struct mutate {
	uint64_t state; /* of the random numbers */
	struct frame *seeds;
	size_t n_seeds;
	uint64_t *seen;
	uint64_t n;
};

/* splitmix64: the same everywhere. */
static uint64_t next(struct mutate *m)
{
	uint64_t z = m->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static uint32_t below(struct mutate *m, uint32_t n)
{
	return n ? next(m) % n : 0;
}

static bool is_server(const struct frame *f)
{
	return frame_get16(f, f->l4) < 20000 && frame_get16(f, f->l4) != 0;
}

/* Has this payload been made for this service and direction? FNV-1a; notes it. */
static bool is_known(struct mutate *m, const struct frame *f)
{
	uint64_t h = 0xcbf29ce484222325ull ^ frame_get16(f, f->l4 + (is_server(f) ? 0 : 2));

	h = (h ^ is_server(f)) * 0x100000001b3ull;
	for (size_t i = f->payload; i < f->len; i++)
		h = (h ^ f->bytes[i]) * 0x100000001b3ull;
	h = h ? h : 1;
	for (uint32_t s = h & (SEEN_SLOTS - 1);; s = (s + 1) & (SEEN_SLOTS - 1)) {
		if (m->seen[s] == h)
			return true;
		if (!m->seen[s]) {
			m->seen[s] = h;
			return false;
		}
	}
}

/* One change; heads are changed more than tails. Returns the new length. */
static size_t change(struct mutate *m, uint8_t *p, size_t len)
{
	static const uint8_t telling[] = { 0,	 1,    2,    4,	   0x0d, 0x0e, 0x0f,
					   0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a,
					   0x2c, 0x3f, 0x40, 0x7f, 0x80, 0xf0, 0xff };
	size_t head = len < 16 || below(m, 3) == 0 ? len : 16, at = below(m, head), n;

	switch (below(m, 9)) {
	case 0:
		return below(m, len + 1); /* cut */
	case 1:				  /* put in */
		n = 1 + below(m, 4);
		if (len + n > PAYLOAD_MAX)
			return len;
		memmove(p + at + n, p + at, len - at);
		for (size_t i = 0; i < n; i++)
			p[at + i] = next(m);
		return len + n;
	case 2: /* take out */
		n = 1 + below(m, 4);
		if (at + n > len)
			return len;
		memmove(p + at, p + at + n, len - at - n);
		return len - n;
	case 3: /* twice */
		if (!len || 2 * len > PAYLOAD_MAX)
			return len;
		memcpy(p + len, p, len);
		return 2 * len;
	case 4:
	case 5:
		if (len)
			p[at] = telling[below(m, sizeof(telling))];
		return len;
	case 6:
		if (len)
			p[at] = next(m);
		return len;
	default:
		if (len)
			p[at] ^= 1 << below(m, 8);
		return len;
	}
}

/* A flow of its own: another port of the device, or the next device. */
static void own_flow(struct mutate *m, struct frame *f)
{
	bool server = is_server(f);
	size_t device = frame_is_v4(f) ? f->l3 + (server ? 19 : 15) : f->l3 + (server ? 39 : 23);

	f->bytes[device] = 10 + m->n / 45000;
	frame_put16(f, f->l4 + (server ? 2 : 0), 20000 + m->n % 45000);
	if (frame_proto(f) == IPPROTO_TCP) {
		frame_put16(f, f->l4 + 6, m->n);
		f->bytes[f->l4 + 13] = 24; /* PSH, ACK */
	}
}

static void mutants(struct mutate *m, uint64_t n, uint64_t from_ns, const char *path)
{
	struct cap_out out = cap_create(path, DLT_EN10MB);

	for (uint64_t tries = 0; m->n < n; tries++) {
		struct frame f = m->seeds[below(m, m->n_seeds)];
		size_t len = f.len - f.payload;

		if (tries > 100 * n)
			tool_die("no more mutants than %" PRIu64 " of these frames", m->n);
		for (uint32_t i = 1 + below(m, 3); i; i--)
			len = change(m, f.bytes + f.payload, len);
		own_flow(m, &f);
		if (!len && frame_proto(&f) == IPPROTO_TCP)
			continue;
		cap_resize(&f, len);
		if (is_known(m, &f))
			continue;
		m->n++;
		cap_put(&out, from_ns + m->n * 1000, f.bytes, f.len);
	}
	cap_finish(&out);
}

int main(int argc, char **argv)
{
	struct mutate m = {};
	struct caps in;
	uint64_t n;

	if (argc != 5)
		tool_die("want SEED N IN OUT");
	m.state = tool_number("SEED", argv[1], 0, 1000000000);
	n = tool_number("N", argv[2], 1, MUTANTS_MAX);
	in = caps_read(argv[3]);
	m.seen = tool_alloc(SEEN_SLOTS, sizeof(*m.seen));
	m.seeds = tool_alloc(in.n, sizeof(*m.seeds));
	for (size_t i = 0; i < in.n; i++) {
		struct frame *f = &m.seeds[m.n_seeds];

		if (cap_frame(&in.frame[i], f) && f->len > f->payload &&
		    f->len - f->payload <= PAYLOAD_MAX && !is_known(&m, f))
			m.n_seeds++;
	}
	if (!m.n_seeds)
		tool_die("%s: no payload in it", argv[3]);
	mutants(&m, n, in.frame[in.n - 1].time_ns + NSEC, argv[4]);
	caps_free(&in);
	free(m.seeds);
	free(m.seen);
	return 0;
}
