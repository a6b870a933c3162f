// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* bpf/lib/tlsrec.h: which record begins a segment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "bytes.h"
#include "lib/tlsrec.h"

static const struct {
	const char *hex;
	enum sl_kind kind;
} rows[] = {
	{ "16 0301 0200 01", SL_K_TLS_HANDSHAKE }, /* ClientHello, as openssl sends it */
	{ "16 0303 0001", SL_K_TLS_HANDSHAKE },
	{ "14 0303 0001 01", SL_K_TLS_OTHER },
	{ "15 0303 0002 0100", SL_K_TLS_OTHER },
	{ "17 0303 4800", SL_K_TLS_OTHER },
	{ "18 0303 0010", SL_K_TLS_OTHER },
	{ "17 0303 4801", SL_K_TLS_CONTINUED }, /* too long */
	{ "17 0303 0000", SL_K_TLS_CONTINUED },
	{ "13 0303 0001", SL_K_TLS_CONTINUED },
	{ "19 0303 0001", SL_K_TLS_CONTINUED },
	{ "16 0201 0001", SL_K_TLS_CONTINUED },
	{ "16 0305 0001", SL_K_TLS_CONTINUED },
	{ "16 0301 02", SL_K_TLS_CONTINUED }, /* cut */
	{ "", SL_K_TLS_CONTINUED },
};

static void test_what_begins_a_segment(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct bytes b = bytes_hex(rows[i].hex);
		struct cursor c = bytes_cursor(&b);

		if (tlsrec_kind(&c) != rows[i].kind)
			fail_msg("%s: of another kind", rows[i].hex);
		assert_ptr_equal(c.pos, b.data);
		bytes_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_what_begins_a_segment) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
