// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Echo values against SipHash as userspace has it; in which windows they are fresh, and for
 * whom; and the memory of those who have proven themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "common/siphash.h"
#include "lib/echo.h"

static const __u64 key[2] = { 0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull };

static struct flow some_flow(void)
{
	struct flow f = { .sport = 0x1234, .dport = 0x3316 };

	for (int i = 0; i < 4; i++) {
		f.src.w[i] = 0x01010101 * (i + 1);
		f.dst.w[i] = 0x10101010 * (i + 1);
	}
	return f;
}

static void test_sip_words(void **state)
{
	const struct siphash_key same = { key[0], key[1] };
	__u64 words[5] = { 0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull, 1, 0, ~0ull };

	(void)state;
	assert_int_equal(sip_words(key, words, 1), siphash(&same, words, 8));
	assert_int_equal(sip_words(key, words, 2), siphash(&same, words, 16));
	assert_int_equal(sip_words(key, words, 5), siphash(&same, words, 40));
}

/* The bytes that are hashed, one after the other. */
static void test_value(void **state)
{
	const struct siphash_key same = { key[0], key[1] };
	const struct flow f = some_flow();
	uint32_t window = 0x89abcdef;
	uint8_t bytes[40];

	(void)state;
	memcpy(bytes, &f.src, 16);
	memcpy(bytes + 16, &f.dst, 16);
	memcpy(bytes + 32, &window, 4);
	memcpy(bytes + 36, &f.dport, 2);
	memcpy(bytes + 38, &f.sport, 2);
	assert_int_equal(echo_value(key, &f, window), (siphash(&same, bytes, 40) & ~3ull) | 3);
	assert_int_equal(echo_window(63), 0);
	assert_int_equal(echo_window(64), 1);
}

static void test_windows(void **state)
{
	static const uint32_t windows[] = { 0, 1, 2, 3, 4, 26903412, 0xfffffffe, 0xffffffff };
	const struct flow f = some_flow();

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(windows); i++) {
		uint64_t value = echo_value(key, &f, windows[i]);

		for (int late = -9; late <= 9; late++)
			assert_int_equal(echo_is_fresh(key, &f, value, windows[i] + late),
					 late >= -1 && late <= 1);
	}
}

/* Whatever is changed: each bit of the value, each byte of the flow, the key. */
static void test_others(void **state)
{
	const __u64 other_key[2] = { key[0], key[1] ^ 1 };
	const struct flow f = some_flow();
	uint64_t value = echo_value(key, &f, 7);
	struct flow others[] = { f, f, f, f, f, f };

	(void)state;
	assert_true(echo_is_fresh(key, &f, value, 7));
	for (int bit = 0; bit < 64; bit++)
		assert_false(echo_is_fresh(key, &f, value ^ 1ull << bit, 7));
	others[0].src.w[0] ^= 1;
	others[1].src.w[3] ^= 1u << 31;
	others[2].dst.w[0] ^= 1;
	others[3].dst.w[3] ^= 1u << 31;
	others[4].sport ^= 1;
	others[5].dport ^= 1;
	for (size_t i = 0; i < SL_ARRAY_SIZE(others); i++)
		assert_false(echo_is_fresh(key, &others[i], value, 7));
	assert_false(echo_is_fresh(other_key, &f, value, 7));
}

static void test_memory(void **state)
{
	struct sl_proven_line line = {};

	(void)state;
	for (uint32_t tag = 0; tag < SL_PROVEN_WORDS; tag++) {
		assert_false(proven_has(&line, tag, 100));
		assert_true(proven_add(&line, tag, 100, 200 + tag));
		for (uint32_t t = 0; t <= tag; t++)
			assert_true(proven_has(&line, t, 100));
	}
	/* No room, but for who is there; nobody is displaced. */
	assert_false(proven_add(&line, 99, 199, 300));
	assert_true(proven_add(&line, 3, 199, 300));
	assert_true(proven_has(&line, 7, 206));
	assert_false(proven_has(&line, 7, 207));
	/* What is over is free. */
	assert_false(proven_has(&line, 0, 200));
	assert_true(proven_add(&line, 99, 200, 300));
	assert_true(proven_has(&line, 99, 299));
	assert_false(proven_has(&line, 99, 300));
	assert_true(proven_has(&line, 3, 299));
	assert_true(proven_has(&line, 1, 200));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sip_words), cmocka_unit_test(test_value),
		cmocka_unit_test(test_windows),	  cmocka_unit_test(test_others),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
