// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Blocks of pcapng: type, length, body, length again; all padded to 32 bits, in this
 * machine's order, which the section's magic number tells.
 */
#include <string.h>
#include "pcapng.h"

#define BLOCK_SECTION	0x0a0d0d0a
#define BLOCK_INTERFACE 1
#define BLOCK_FRAME	6
#define MAGIC		0x1a2b3c4d
#define LINK_ETHERNET	1
#define OPT_COMMENT	1
#define OPT_TSRESOL	9
#define BLOCK_AROUND	12 /* type and both lengths */

struct option {
	uint16_t code, len;
};

static uint32_t padded(uint32_t len)
{
	return (len + 3) & ~3u;
}

static void put(FILE *to, const void *bytes, uint32_t len)
{
	static const uint8_t zeros[4];

	fwrite(bytes, 1, len, to);
	fwrite(zeros, 1, padded(len) - len, to);
}

static void put_u32(FILE *to, uint32_t value)
{
	put(to, &value, sizeof(value));
}

void pcapng_begin(FILE *to)
{
	static const struct {
		uint32_t type, len, magic;
		uint16_t major, minor;
		int64_t section_len; /* not told */
		uint32_t len_again;
	} __attribute__((packed)) section = { BLOCK_SECTION, 28, MAGIC, 1, 0, -1, 28 };
	static const struct {
		uint32_t type, len;
		uint16_t link, reserved;
		uint32_t snaplen; /* 0: no limit */
		struct option resolution;
		uint8_t digits[4];
		struct option end;
		uint32_t len_again;
	} interface = { BLOCK_INTERFACE,    32,	   LINK_ETHERNET, 0, 0,
			{ OPT_TSRESOL, 1 }, { 9 }, { 0, 0 },	  32 };

	_Static_assert(sizeof(section) == 28 && sizeof(interface) == 32, "as their lengths say");
	put(to, &section, sizeof(section));
	put(to, &interface, sizeof(interface));
}

void pcapng_write(FILE *to, const struct pcapng_frame *f)
{
	const struct option comment = { OPT_COMMENT, strlen(f->comment) }, end = {};
	uint32_t len = BLOCK_AROUND + 20 + padded(f->captured) + sizeof(comment) +
		       padded(comment.len) + sizeof(end);

	put_u32(to, BLOCK_FRAME);
	put_u32(to, len);
	put_u32(to, 0); /* the interface */
	put_u32(to, f->time_ns >> 32);
	put_u32(to, f->time_ns);
	put_u32(to, f->captured);
	put_u32(to, f->len);
	put(to, f->bytes, f->captured);
	put(to, &comment, sizeof(comment));
	put(to, f->comment, comment.len);
	put(to, &end, sizeof(end));
	put_u32(to, len);
}
