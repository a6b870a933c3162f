// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A hook's answer, see hook_line.h. A hook is the administrator's own program,
 * but what it prints may come from anywhere: trust no byte.
 */
#include <errno.h>
#include <string.h>
#include "hook_line.h"
#include "../common/addr.h"
#include "../common/num.h"
#include "../common/str.h"

#define WANT "want a line such as \"192.0.2.1 1883\", \"192.0.2.1:1883\" or \"[2001:db8::1]:1883\""

enum {
	SHOWN_MAX = 40, /* of a wrong line */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Copy the first line without the blanks around it. -E2BIG: too long; -EINVAL:
 * a NUL, which would hide what follows it.
 */
static int first_line(const char *out, size_t len, char ret[HOOK_LINE_MAX])
{
	const char *end = len ? memchr(out, '\n', len) : NULL;

	if (end)
		len = end - out;
	while (len && is_blank(*out)) {
		out++;
		len--;
	}
	while (len && is_blank(out[len - 1]))
		len--;

	if (len >= HOOK_LINE_MAX)
		return -E2BIG;
	if (len && memchr(out, '\0', len))
		return -EINVAL;
	if (len)
		memcpy(ret, out, len);
	ret[len] = '\0';
	return 0;
}

/* "ADDRESS PORT" with any number of blanks between; @line is cut in two. */
static int parse_two_words(char *line, struct sl_addr *ret, uint16_t *ret_port)
{
	char *gap = line + strcspn(line, " \t");
	char *port_text = gap + strspn(gap, " \t");
	struct sl_addr addr;
	uint64_t port;
	int err;

	*gap = '\0';
	err = addr_parse(line, &addr);
	if (!err)
		err = num_count(port_text, 1, UINT16_MAX, &port);
	if (err)
		return err;

	*ret = addr;
	*ret_port = port;
	return 0;
}

static int say_wrong(char reterr[HOOK_ERROR_MAX], const char *line)
{
	struct str s = str_over(reterr, HOOK_ERROR_MAX);

	str_add(&s, "printed \"");
	str_add_safe(&s, line, SHOWN_MAX);
	str_add(&s, "\": %s", WANT);
	return -EINVAL;
}

int hook_line_parse(const char *out, size_t len, struct sl_addr *ret, uint16_t *ret_port,
		    char reterr[HOOK_ERROR_MAX])
{
	struct str s = str_over(reterr, HOOK_ERROR_MAX);
	char line[HOOK_LINE_MAX], words[HOOK_LINE_MAX];
	struct sl_addr addr;
	uint16_t port;
	int err;

	err = first_line(out, len, line);
	if (err) {
		str_add(&s, "printed %s: %s",
			err == -E2BIG ? "a line that is too long" : "a NUL byte", WANT);
		return -EINVAL;
	}
	if (!line[0]) {
		str_add(&s, "printed no address: %s", WANT);
		return -EINVAL;
	}

	memcpy(words, line, sizeof(words));
	if (strpbrk(line, " \t"))
		err = parse_two_words(words, &addr, &port);
	else
		err = addr_endpoint_parse(line, &addr, &port);
	if (err)
		return say_wrong(reterr, line);

	switch (addr_scope(&addr)) {
	case ADDR_UNSPECIFIED:
	case ADDR_MULTICAST:
		return say_wrong(reterr, line);
	default: /* what else a service's server may not have is for validation to say */
		break;
	}

	*ret = addr;
	*ret_port = port;
	return 0;
}
