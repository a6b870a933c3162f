/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What mixedframes says: CoAP datagrams of each sort and malformed in each way that
 * RFC 7252 names, and TCP segments of each sort, with MQTT in some.
 */
#ifndef SL_TEST_MIXEDMSGS_H
#define SL_TEST_MIXEDMSGS_H

#include <stddef.h>
#include <stdint.h>

#define MSG(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

struct message {
	const char *name;
	const uint8_t *bytes;
	size_t len;
};

/* clang-format off */
static const struct message datagrams[] = {
	{ "get",           MSG(0x40, 1, 0, 1) },
	{ "get_path",      MSG(0x44, 1, 0, 2, 1, 2, 3, 4, 0xb1, 'a', 0x01, 'b') },
	{ "get_observe",   MSG(0x41, 1, 0, 3, 9, 0x60, 0x51, 'o') },
	{ "post",          MSG(0x42, 2, 0, 4, 1, 2, 0xb1, 'p', 0xff, 'x', 'y') },
	{ "put_block",     MSG(0x50, 3, 0, 5, 0xb1, 'q', 0xd1, 3, 0x1e, 0xff, 'z') },
	{ "fetch",         MSG(0x50, 5, 0, 6) },
	{ "long_option",   MSG(0x50, 4, 0, 7, 0xbd, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13) },
	{ "ping",          MSG(0x40, 0, 0, 8) },
	{ "reset",         MSG(0x70, 0, 0, 9) },
	{ "response",      MSG(0x50, 0x45, 0, 10, 0xff, 'r') },
	{ "nothing",       NULL, 0 },
	{ "short",         MSG(0x40, 1) },
	{ "version_0",     MSG(0x00, 1, 0, 1) },
	{ "version_3",     MSG(0xc0, 1, 0, 1) },
	{ "token_length",  MSG(0x4d, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
	{ "token",         MSG(0x48, 1, 0, 1, 1, 2, 3) },
	{ "code_1",        MSG(0x40, 0x20, 0, 1) },
	{ "code_7",        MSG(0x40, 0xe1, 0, 1) },
	{ "type_reset",    MSG(0x70, 1, 0, 1) },
	{ "type_empty",    MSG(0x50, 0, 0, 1) },
	{ "empty",         MSG(0x40, 0, 0, 1, 0xff, 1) },
	{ "option_delta",  MSG(0x40, 1, 0, 1, 0xf1, 0) },
	{ "option_length", MSG(0x40, 1, 0, 1, 0x1f, 0) },
	{ "option_number", MSG(0x40, 1, 0, 1, 0xe0, 0xff, 0xff, 0xe0, 0, 0) },
	{ "option_short",  MSG(0x40, 1, 0, 1, 0xb5, 'a') },
	{ "no_payload",    MSG(0x40, 1, 0, 1, 0xb1, 'a', 0xff) },
};

static const struct {
	struct message msg;
	uint8_t flags;
} segments[] = {
	{ { "syn",       NULL, 0 }, 0x02 },
	{ { "ack",       NULL, 0 }, 0x10 },
	{ { "syn_ack",   NULL, 0 }, 0x12 },
	{ { "fin",       NULL, 0 }, 0x11 },
	{ { "rst",       NULL, 0 }, 0x04 },
	{ { "no_flags",  NULL, 0 }, 0x00 },
	{ { "all_flags", NULL, 0 }, 0xff },
	{ { "connect",   MSG(0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, 1, 'c') }, 0x18 },
	{ { "publish",   MSG(0x30, 5, 0, 1, 't', 'h', 'i') }, 0x18 },
	{ { "pings",     MSG(0xc0, 0, 0xc0, 0, 0xc0, 0) }, 0x18 },
	{ { "no_mqtt",   MSG(0x00, 0xff, 0xff, 0xff, 0xff, 0xff) }, 0x18 },
};
/* clang-format on */

#endif /* SL_TEST_MIXEDMSGS_H */
