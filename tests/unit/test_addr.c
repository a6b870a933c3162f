// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Addresses and prefixes as text, and strings that are built within bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/addr.h"
#include "common/cleanup.h"
#include "common/str.h"

static void test_addresses(void **state)
{
	static const struct {
		const char *text, *back; /* NULL: refused with @err */
		int err;
		enum addr_scope scope;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", 0, ADDR_UNICAST },
		{ "2001:DB8:0:0::1", "2001:db8::1", 0, ADDR_UNICAST },
		{ "::192.0.2.1", "::192.0.2.1", 0, ADDR_UNICAST },
		{ "0.0.0.0", "0.0.0.0", 0, ADDR_UNSPECIFIED },
		{ "0.1.2.3", "0.1.2.3", 0, ADDR_UNSPECIFIED },
		{ "::", "::", 0, ADDR_UNSPECIFIED },
		{ "127.255.0.1", "127.255.0.1", 0, ADDR_LOOPBACK },
		{ "::1", "::1", 0, ADDR_LOOPBACK },
		{ "::2", "::2", 0, ADDR_UNICAST },
		{ "fe80::1", "fe80::1", 0, ADDR_LINK_LOCAL },
		{ "febf::1", "febf::1", 0, ADDR_LINK_LOCAL },
		{ "fec0::1", "fec0::1", 0, ADDR_UNICAST },
		{ "224.0.0.1", "224.0.0.1", 0, ADDR_MULTICAST },
		{ "239.255.255.255", "239.255.255.255", 0, ADDR_MULTICAST },
		{ "240.0.0.1", "240.0.0.1", 0, ADDR_UNICAST },
		{ "255.255.255.255", "255.255.255.255", 0, ADDR_MULTICAST },
		{ "ff02::1", "ff02::1", 0, ADDR_MULTICAST },
		{ "::ffff:192.0.2.1", NULL, -EAFNOSUPPORT, 0 },
		{ "::ffff:0:0", NULL, -EAFNOSUPPORT, 0 },
		{ "", NULL, -EINVAL, 0 },
		{ "192.0.2", NULL, -EINVAL, 0 },
		{ "192.0.2.1 ", NULL, -EINVAL, 0 },
		{ "192.0.2.01", NULL, -EINVAL, 0 },
		{ "192.0.2.256", NULL, -EINVAL, 0 },
		{ "fe80::1%eth0", NULL, -EINVAL, 0 },
		{ "[::1]", NULL, -EINVAL, 0 },
		{ "1::2::3", NULL, -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct sl_addr a = { .w = { 1, 2, 3, 4 } };
		char text[ADDR_TEXT];
		int err = addr_parse(rows[i].text, &a);

		if (err != rows[i].err)
			fail_msg("\"%s\": %d", rows[i].text, err);
		if (err) {
			assert_int_equal(a.w[3], 4);
			continue;
		}
		assert_string_equal(addr_text(&a, text), rows[i].back);
		if (addr_scope(&a) != rows[i].scope)
			fail_msg("\"%s\": scope %d", rows[i].text, addr_scope(&a));
		assert_int_equal(addr_is_v4(&a), !strchr(rows[i].text, ':'));
	}
}

static void test_prefixes(void **state)
{
	static const struct {
		const char *text, *masked; /* NULL: refused */
		uint8_t len;
	} rows[] = {
		{ "198.51.100.0/24", "198.51.100.0/24", 120 },
		{ "198.51.100.7/24", "198.51.100.0/24", 120 },
		{ "255.255.255.255/1", "128.0.0.0/1", 97 },
		{ "1.2.3.4/0", "0.0.0.0/0", 96 },
		{ "1.2.3.4/32", "1.2.3.4/32", 128 },
		{ "2001:db8::/32", "2001:db8::/32", 32 },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127", 127 },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/33", "ffff:ffff:8000::/33", 33 },
		{ "2001:db8::1/0", "::/0", 0 },
		{ "2001:db8::1/128", "2001:db8::1/128", 128 },
		{ "198.51.100.0", NULL, 0 },
		{ "198.51.100.0/", NULL, 0 },
		{ "198.51.100.0/33", NULL, 0 },
		{ "198.51.100.0/24/1", NULL, 0 },
		{ "198.51.100.0/-1", NULL, 0 },
		{ "198.51.100.0/255.255.255.0", NULL, 0 },
		{ "2001:db8::/129", NULL, 0 },
		{ "::ffff:1.2.3.0/120", NULL, 0 },
		{ "/24", NULL, 0 },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/64", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct sl_addr a = {};
		char text[ADDR_TEXT];
		uint8_t len = 200;
		int err = addr_prefix_parse(rows[i].text, &a, &len);

		if (!err != !!rows[i].masked)
			fail_msg("\"%s\": %d", rows[i].text, err);
		if (err) {
			assert_int_equal(len, 200);
			continue;
		}
		assert_int_equal(len, rows[i].len);
		addr_mask(&a, len);
		assert_string_equal(addr_prefix_text(&a, len, text), rows[i].masked);
	}
}

static void test_endpoints(void **state)
{
	static const struct {
		const char *text;
		uint16_t port; /* 0: refused */
	} rows[] = {
		{ "192.0.2.1:80", 80 },
		{ "0.0.0.0:65535", 65535 },
		{ "[2001:db8::1]:9464", 9464 },
		{ "[::]:1", 1 },
		{ "192.0.2.1:0", 0 },
		{ "192.0.2.1:65536", 0 },
		{ "192.0.2.1:", 0 },
		{ "192.0.2.1", 0 },
		{ ":80", 0 },
		{ "[192.0.2.1]:80", 0 },
		{ "2001:db8::1:80", 0 },
		{ "[]:80", 0 },
		{ "[::1:80", 0 },
		{ "[", 0 },
		{ "", 0 },
		{ "localhost:80", 0 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct sl_addr a = {};
		char text[ADDR_ENDPOINT_TEXT];
		uint16_t port = 0;
		int err = addr_endpoint_parse(rows[i].text, &a, &port);

		if (port != rows[i].port || !err != !!port)
			fail_msg("\"%s\": %d, port %u", rows[i].text, err, port);
		if (!err)
			assert_string_equal(addr_endpoint_text(&a, port, text), rows[i].text);
	}
}

static void test_sockaddrs(void **state)
{
	static const char *const rows[] = { "192.0.2.1", "2001:db8::1" };
	static const struct sockaddr other = { .sa_family = AF_UNIX };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(rows); i++) {
		struct sockaddr_storage ss;
		struct sl_addr a, back;
		uint16_t port;
		socklen_t len;

		assert_int_equal(addr_parse(rows[i], &a), 0);
		len = addr_sockaddr(&a, 4711, &ss);
		assert_int_equal(len, i ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
		assert_int_equal(ss.ss_family, i ? AF_INET6 : AF_INET);
		assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &back, &port), 0);
		assert_true(addr_equal(&a, &back));
		assert_int_equal(port, 4711);
		assert_int_equal(addr_from_sockaddr(&other, &back, &port), -EAFNOSUPPORT);
	}
}

static void test_string_over_memory(void **state)
{
	char buf[8], none[1];
	struct str s = str_over(buf, sizeof(buf));

	(void)state;
	assert_string_equal(s.text, "");
	str_add(&s, "%d", 123);
	str_addn(&s, "4567", 4);
	assert_string_equal(buf, "1234567");
	assert_false(s.cut);
	str_add(&s, "%s", "");
	assert_false(s.cut);
	str_add(&s, "8");
	assert_string_equal(buf, "1234567");
	assert_int_equal(s.len, 7);
	assert_true(s.cut);

	s = str_over(buf, sizeof(buf));
	str_add(&s, "%s", "123456789");
	assert_string_equal(buf, "1234567");
	assert_true(s.cut);
	assert_null(str_take(&s));
	str_free(&s);

	s = str_over(none, sizeof(none));
	str_add(&s, "x");
	assert_string_equal(none, "");
	assert_true(s.cut);
}

static void test_string_that_grows(void **state)
{
	sl_cleanup(str_free) struct str s = str_upto(1000);
	char *text;

	(void)state;
	assert_null(s.text);
	for (int i = 0; i < 999; i++)
		str_add(&s, "%c", 'a' + i % 26);
	assert_int_equal(s.len, 999);
	assert_false(s.cut);
	assert_int_equal(strlen(s.text), 999);
	str_addn(&s, "x", 1);
	assert_true(s.cut);
	assert_int_equal(strlen(s.text), 999);

	text = str_take(&s);
	assert_int_equal(strlen(text), 999);
	free(text);
	assert_null(s.text);
	assert_int_equal(s.len, 0);
	str_add(&s, "%0300d", 1); /* more than the first size at once */
	assert_int_equal(s.len, 300);
}

static void test_strangers_text(void **state)
{
	char buf[64], name[4] = "old";
	struct str s = str_over(buf, sizeof(buf));

	(void)state;
	str_add_safe(&s, "a\x1b[31m\n\xc3\xa4z", 20);
	str_add_safe(&s, "123456", 6);
	str_add_safe(&s, "1234567", 6);
	assert_string_equal(buf, "a?[31m???z123456123456...");

	assert_int_equal(str_copy(name, sizeof(name), "abcd"), -ENAMETOOLONG);
	assert_string_equal(name, "old");
	assert_int_equal(str_copy(name, sizeof(name), "abc"), 0);
	assert_string_equal(name, "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),	   cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_endpoints),	   cmocka_unit_test(test_sockaddrs),
		cmocka_unit_test(test_string_over_memory), cmocka_unit_test(test_string_that_grows),
		cmocka_unit_test(test_strangers_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
