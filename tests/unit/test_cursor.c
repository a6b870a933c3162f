// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* bpf/lib/cursor.h: no step past either of its two bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "bytes.h"

#define LEN 8

static void test_a_step_stops_at_the_end(void **state)
{
	struct bytes b = bytes_hex("0011223344556677");

	(void)state;
	for (__u32 len = 0; len <= LEN + 1; len++) {
		struct cursor c = bytes_cursor(&b), d = c;
		const void *p = cursor_take(&c, len);

		assert_ptr_equal(p, len <= LEN ? b.data : NULL);
		assert_int_equal(cursor_skip(&d, len), len <= LEN);
		assert_ptr_equal(c.pos, b.data + (len <= LEN ? len : 0));
		assert_int_equal(c.left, len <= LEN ? LEN - len : LEN);
		assert_memory_equal(&c, &d, sizeof(c));
	}
	bytes_free(&b);
}

static void test_a_limit_is_believed_within_the_limit_before(void **state)
{
	struct bytes b = bytes_hex("0011223344556677");
	struct cursor c = bytes_cursor(&b);

	(void)state;
	assert_false(cursor_limit(&c, LEN + 1));
	assert_int_equal(c.left, LEN);
	assert_true(cursor_limit(&c, 3));
	assert_false(cursor_limit(&c, 4));
	assert_null(cursor_take(&c, 4));
	assert_false(cursor_skip(&c, 4));
	assert_false(cursor_ran_out(&c));
	assert_ptr_equal(cursor_take(&c, 3), b.data);
	assert_null(cursor_take(&c, 1));
	assert_non_null(cursor_take(&c, 0));
	assert_true(cursor_limit(&c, 0));
	bytes_free(&b);
}

/* A frame of 12 bytes of which 8 are linear. */
static void test_what_is_not_linear_is_not_too_short(void **state)
{
	struct bytes b = bytes_hex("0011223344556677");
	struct cursor c = cursor_over_frame(b.data, b.data + LEN, 12);

	(void)state;
	assert_non_null(cursor_take(&c, 6));
	assert_null(cursor_take(&c, 3));
	assert_false(cursor_skip(&c, 6));
	assert_true(cursor_ran_out(&c));
	assert_int_equal(c.left, 6);
	assert_true(cursor_limit(&c, 2)); /* an inner layer that is linear */
	assert_null(cursor_take(&c, 3));
	assert_false(cursor_ran_out(&c));
	assert_non_null(cursor_take(&c, 2));
	bytes_free(&b);
}

static void test_opaque_zero_is_zero(void **state)
{
	(void)state;
	for (__u32 seed = 1; seed; seed <<= 1) {
		assert_int_equal(cursor_opaque_zero(seed), 0);
		assert_int_equal(cursor_opaque_zero(~seed), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_step_stops_at_the_end),
		cmocka_unit_test(test_a_limit_is_believed_within_the_limit_before),
		cmocka_unit_test(test_what_is_not_linear_is_not_too_short),
		cmocka_unit_test(test_opaque_zero_is_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
