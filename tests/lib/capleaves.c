// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A plain reference of what leaves: for each line of `sluicectl explain --json` the frame
 * that the verdict means is built, all checksums from scratch, and compared byte by byte
 * with what `--write` has saved.
 *
 * usage: capleaves CONFIG CAPTURE EXPLAINED WRITTEN
 * The network is the one that explain makes up. Prints JSON: frames by reason. Exit code 1
 * if a frame differs, is missing or is one too many.
 */
#include <cjson/cJSON.h>
#include "capfile.h"

static const uint8_t node_mac[6] = { 2, 0, 0, 0, 0, 1 }, hop_mac[6] = { 2, 0, 0, 0, 0, 2 };

static char *slurp(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;

	if (!in || getdelim(&text, &room, '\0', in) < 0)
		tool_die("%s: %s", path, in ? "empty" : strerror(errno));
	fclose(in);
	return text;
}

static const char *word(const cJSON *o, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(o, name));

	return text ? text : "";
}

static const cJSON *named(const cJSON *list, const char *name)
{
	const cJSON *o;

	cJSON_ArrayForEach(o, list)
		if (!strcmp(word(o, "name"), name))
			return o;
	tool_die("the configuration has no \"%s\"", name);
}

static uint16_t port_of(const cJSON *o)
{
	return cJSON_GetNumberValue(cJSON_GetObjectItem(o, "port"));
}

/* Put address and port of @o in place of the destination's, or the source's. */
static void readdress(struct frame *f, const cJSON *o, bool source)
{
	struct sl_addr addr = addr_of(word(o, "address"));

	if (frame_is_v4(f))
		memcpy(f->bytes + f->l3 + (source ? 12 : 16), &addr.w[3], 4);
	else
		memcpy(f->bytes + f->l3 + (source ? 8 : 24), &addr, 16);
	frame_put16(f, f->l4 + (source ? 0 : 2), port_of(o));
}

static struct frame forwarded(const struct frame *in, const cJSON *to, bool source, bool by_kernel)
{
	bool none = frame_proto(in) == IPPROTO_UDP && !frame_get16(in, frame_l4_check_at(in));
	struct frame f = *in;

	readdress(&f, to, source);
	if (!by_kernel) {
		memcpy(f.bytes, hop_mac, 6);
		memcpy(f.bytes + 6, node_mac, 6);
		f.bytes[f.l3 + (frame_is_v4(&f) ? 8 : 7)]--;
	}
	frame_finish(&f);
	if (none)
		frame_put16(&f, frame_l4_check_at(&f), 0);
	return f;
}

static uint32_t get32(const struct frame *f, size_t at)
{
	return (uint32_t)frame_get16(f, at) << 16 | frame_get16(f, at + 2);
}

static void put32(struct frame *f, size_t at, uint32_t value)
{
	frame_put16(f, at, value >> 16);
	frame_put16(f, at + 2, value);
}

/* RFC 9293 3.10.7.1, in the service's name, back to where the frame came from. */
static struct frame reset(const struct frame *in)
{
	uint8_t flags = in->bytes[in->l4 + 13];
	uint32_t len = frame_l4_len(in) - (in->payload - in->l4) + (flags >> 1 & 1) + (flags & 1);
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	bool v4 = frame_is_v4(in);
	const uint8_t *ip = in->bytes + in->l3;
	struct path p = { dst, frame_get16(in, in->l4 + 2), src, frame_get16(in, in->l4) };
	struct frame f;

	inet_ntop(v4 ? AF_INET : AF_INET6, ip + (v4 ? 12 : 8), src, sizeof(src));
	inet_ntop(v4 ? AF_INET : AF_INET6, ip + (v4 ? 16 : 24), dst, sizeof(dst));
	f = frame_tcp(&p, flags & 16 ? 4 : 20, NULL, 0);
	memcpy(f.bytes, in->bytes + 6, 6);
	memcpy(f.bytes + 6, in->bytes, 6);
	if (v4)
		frame_put16(&f, f.l3 + 6, 0x4000); /* don't fragment */
	if (flags & 16)
		put32(&f, f.l4 + 4, get32(in, in->l4 + 8));
	else
		put32(&f, f.l4 + 8, get32(in, in->l4 + 4) + len);
	frame_finish(&f);
	return f;
}

/* False: nothing leaves. */
static bool reference(const cJSON *config, const cJSON *line, const struct frame *in,
		      struct frame *ret)
{
	const char *why = word(line, "reason");
	const cJSON *s, *i;

	if (!strcmp(why, "reset")) {
		*ret = reset(in);
		return true;
	}
	if (strncmp(why, "steered", 7) && strncmp(why, "returned", 8))
		return false;
	s = named(cJSON_GetObjectItem(config, "services"), word(line, "service"));
	i = named(cJSON_GetObjectItem(s, "instances"), word(line, "instance"));
	*ret = *why == 's' ? forwarded(in, i, false, !strcmp(why, "steered_stack"))
			   : forwarded(in, s, true, !strcmp(why, "returned_stack"));
	return true;
}

static void differ(const char *what, uint64_t n, const cJSON *line)
{
	char *text = line ? cJSON_PrintUnformatted(line) : NULL;

	printf("frame %" PRIu64 ": %s: %s\n", n, what, text ? text : "");
	exit(1);
}

int main(int argc, char **argv)
{
	cJSON *config, *counts = cJSON_CreateObject();
	struct caps in, out;
	char *lines, *at;
	size_t o = 0;

	if (argc != 5)
		tool_die("want CONFIG CAPTURE EXPLAINED WRITTEN");
	config = cJSON_Parse(slurp(argv[1]));
	in = caps_read(argv[2]);
	lines = at = slurp(argv[3]);
	out = caps_read(argv[4]);
	for (size_t n = 0; n < in.n; n++) {
		const char *end = NULL;
		cJSON *line = cJSON_ParseWithOpts(at, &end, 0), *count;
		struct frame was, want;

		if (!line || cJSON_GetNumberValue(cJSON_GetObjectItem(line, "n")) != n + 1)
			differ("no line", n + 1, line);
		at = (char *)end;
		count = cJSON_GetObjectItem(counts, word(line, "reason"));
		if (count)
			cJSON_SetNumberValue(count, count->valuedouble + 1);
		else
			cJSON_AddNumberToObject(counts, word(line, "reason"), 1);
		if (!cap_frame(&in.frame[n], &was)) /* by name, so that none of these leaves */
			was = (struct frame){};
		if (!reference(config, line, &was, &want))
			continue;
		if (o == out.n)
			differ("not written", n + 1, line);
		if (out.frame[o].len != want.len ||
		    memcmp(out.frame[o].bytes, want.bytes, want.len) ||
		    out.frame[o].time_ns != in.frame[n].time_ns)
			differ("other bytes", n + 1, line);
		o++;
	}
	if (o != out.n)
		differ("written, but nothing leaves", in.n + 1, NULL);
	printf("%s\n", cJSON_PrintUnformatted(counts));
	free(lines);
	return 0;
}
