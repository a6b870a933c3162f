// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Count what udpflood sent and say which numbers never came. With --answer it
 * also is a CoAP server: a fast one, for loads that a real one would limit.
 */
#include "coapmsg.h"
#include <poll.h>

#define BATCH	    64
#define STREAMS_MAX 256
#define SEQ_MAX	    (1u << 28) /* 32 MiB of bits a stream */

static const char help[] =
	"udpsink --listen ADDR:PORT [options]: count numbered datagrams\n"
	"  --listen ADDR:PORT  [::]:PORT takes IPv4 too\n"
	"  --answer TEXT       answer CoAP requests with 2.05 and this payload (up to 64 bytes)\n"
	"  --duration S        end after this time (default: at SIGTERM)\n"
	"JSON on stdout at the end and at SIGUSR1: received, bytes, other (not numbered), "
	"missing,\n"
	"duplicates, reordered, socket_drops (ours: the buffer was full), streams: the same by\n"
	"sender with its highest number. Missing counts from 0 to the highest number seen.\n";

struct stream {
	uint32_t id;
	uint64_t received, duplicates, reordered;
	int64_t highest; /* -1: none */
	uint8_t *seen;	 /* a bit a number */
	size_t seen_bytes;
};

struct sink {
	int fd;
	struct stream streams[STREAMS_MAX];
	unsigned int n_streams;
	uint64_t received, bytes, other, answered;
	uint32_t drops;
	const char *answer;
};

static struct stream *stream_of(struct sink *s, uint32_t id)
{
	for (unsigned int i = 0; i < s->n_streams; i++)
		if (s->streams[i].id == id)
			return &s->streams[i];
	if (s->n_streams == STREAMS_MAX)
		return NULL;
	s->streams[s->n_streams] = (struct stream){ .id = id, .highest = -1 };
	return &s->streams[s->n_streams++];
}

static void mark(struct stream *st, uint32_t seq)
{
	size_t byte = seq / 8;
	uint8_t bit = 1u << seq % 8;

	if (byte >= st->seen_bytes) {
		size_t want = (byte + 1) * 2 + 4096;
		uint8_t *p = realloc(st->seen, want);

		if (!p)
			tool_die("out of memory");
		memset(p + st->seen_bytes, 0, want - st->seen_bytes);
		st->seen = p;
		st->seen_bytes = want;
	}
	if (st->seen[byte] & bit) {
		st->duplicates++;
		return;
	}
	st->seen[byte] |= bit;
	st->received++;
	if ((int64_t)seq < st->highest)
		st->reordered++;
	else
		st->highest = seq;
}

static void count(struct sink *s, const uint8_t *buf, size_t len)
{
	const struct coap_seq *coap = (const void *)buf;
	const struct tool_seq *plain = (const void *)buf;
	struct stream *st = NULL;
	uint32_t seq = 0;

	s->received++;
	s->bytes += len;
	if (len >= sizeof(*plain) && plain->magic == htonl(TOOL_SEQ_MAGIC)) {
		st = stream_of(s, ntohl(plain->stream));
		seq = ntohl(plain->seq);
	} else if (len >= sizeof(*coap) && (buf[0] & 0xcf) == COAP_CON_TKL8) {
		st = stream_of(s, ntohl(coap->stream));
		seq = ntohl(coap->seq);
	}
	if (st && seq < SEQ_MAX)
		mark(st, seq);
	else
		s->other++;
}

/* A piggybacked 2.05 to a CON, a NON to a NON. Returns the length, 0: no answer. */
static size_t answer(const struct sink *s, const uint8_t *req, size_t len, uint8_t *buf)
{
	size_t tkl = req[0] & 0x0f, text = strlen(s->answer);

	if (len < 4 + tkl || req[0] >> 6 != 1 || tkl > 8 || (req[0] >> 4 & 3) > 1 || !req[1] ||
	    req[1] >> 5)
		return 0;
	buf[0] = (req[0] & 0xcf) | ((req[0] & 0x30) ? 0x10 : 0x20);
	buf[1] = 0x45;
	memcpy(buf + 2, req + 2, 2 + tkl);
	buf[4 + tkl] = 0xff;
	memcpy(buf + 5 + tkl, s->answer, text);
	return 5 + tkl + text;
}

static void note_drops(struct sink *s, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
			memcpy(&s->drops, CMSG_DATA(c), sizeof(s->drops));
}

static void receive(struct sink *s)
{
	static uint8_t in[BATCH][2048], out[BATCH][128], ctl[BATCH][64];
	static struct sockaddr_storage from[BATCH];
	struct mmsghdr msgs[BATCH] = { 0 }, replies[BATCH] = { 0 };
	struct iovec iov[BATCH], riov[BATCH];
	int n, n_replies = 0, done = 0;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ in[i], sizeof(in[i]) };
		msgs[i].msg_hdr = (struct msghdr){ &from[i], sizeof(from[i]), &iov[i], 1,
						   ctl[i],   sizeof(ctl[i]),  0 };
	}
	n = recvmmsg(s->fd, msgs, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		size_t len;

		count(s, in[i], msgs[i].msg_len);
		note_drops(s, &msgs[i].msg_hdr);
		len = s->answer && msgs[i].msg_len ? answer(s, in[i], msgs[i].msg_len, out[i]) : 0;
		if (!len)
			continue;
		riov[n_replies] = (struct iovec){ out[i], len };
		replies[n_replies++].msg_hdr = (struct msghdr){
			.msg_name = &from[i],
			.msg_namelen = msgs[i].msg_hdr.msg_namelen,
			.msg_iov = &riov[n_replies],
			.msg_iovlen = 1,
		};
	}
	while (done < n_replies) {
		int ret = sendmmsg(s->fd, replies + done, n_replies - done, 0);

		done += ret > 0 ? ret : 1;
		s->answered += ret > 0 ? ret : 0;
	}
}

static void report(const struct sink *s)
{
	uint64_t missing = 0, duplicates = 0, reordered = 0;

	for (unsigned int i = 0; i < s->n_streams; i++) {
		const struct stream *st = &s->streams[i];

		missing += st->highest + 1 - st->received;
		duplicates += st->duplicates;
		reordered += st->reordered;
	}
	printf("{\"received\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"other\":%" PRIu64
	       ",\"answered\":%" PRIu64 ",\"missing\":%" PRIu64 ",\"duplicates\":%" PRIu64
	       ",\"reordered\":%" PRIu64 ",\"socket_drops\":%u,\"streams\":[",
	       s->received, s->bytes, s->other, s->answered, missing, duplicates, reordered,
	       s->drops);
	for (unsigned int i = 0; i < s->n_streams; i++) {
		const struct stream *st = &s->streams[i];

		printf("%s{\"id\":%u,\"received\":%" PRIu64 ",\"highest\":%" PRId64
		       ",\"missing\":%" PRIu64 ",\"duplicates\":%" PRIu64 ",\"reordered\":%" PRIu64
		       "}",
		       i ? "," : "", st->id, st->received, st->highest,
		       (uint64_t)(st->highest + 1) - st->received, st->duplicates, st->reordered);
	}
	puts("]}");
	fflush(stdout);
}

static int open_socket(const struct tool_addr *at)
{
	int fd = socket(at->ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1, buf = 64 << 20;

	if (fd < 0)
		tool_die("socket: %s", strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buf, sizeof(buf)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buf, sizeof(buf));
	setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&at->ss, at->len) < 0)
		tool_die("--listen: %s", strerror(errno));
	return fd;
}

int main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "listen", 1, NULL, 'l' },
		{ "answer", 1, NULL, 'a' },
		{ "duration", 1, NULL, 'd' },
		{ "help", 0, NULL, 'h' },
		{ 0 },
	};
	static struct sink s;
	struct tool_addr at = { 0 };
	uint64_t end = UINT64_MAX;

	for (int c; (c = getopt_long(argc, argv, "", longopts, NULL)) != -1;) {
		switch (c) {
		case 'l':
			at = tool_endpoint("listen", optarg, 0);
			break;
		case 'a':
			s.answer = optarg;
			break;
		case 'd':
			end = tool_now() + tool_seconds("duration", optarg);
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return 2;
		}
	}
	if (!at.len)
		tool_die("want --listen; --help lists the options");
	if (s.answer && strlen(s.answer) > 64)
		tool_die("--answer: want at most 64 bytes");
	tool_signals();
	s.fd = open_socket(&at);
	tool_ready();
	while (!tool_stop && tool_now() < end) {
		struct pollfd p = { s.fd, POLLIN, 0 };

		if (poll(&p, 1, 50) > 0)
			receive(&s);
		if (tool_report) {
			tool_report = 0;
			report(&s);
		}
	}
	end = tool_now() + NSEC; /* what had come before the signal */
	for (struct pollfd p = { s.fd, POLLIN, 0 }; poll(&p, 1, 0) > 0 && tool_now() < end;)
		receive(&s);
	report(&s);
	close(s.fd);
	return 0;
}
