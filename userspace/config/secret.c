// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* "secret": the key of all hashes, as hexadecimal digits or in a file that only
 * we and our group may read.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include "../common/cleanup.h"
#include "decode.h"

#define SECRET_MIN   16
#define SECRET_SHOWN 200 /* of a path in an error */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

static int decode_hex(const char *text, const struct path *at, struct model *m,
		      struct config_error *reterr)
{
	size_t len = strlen(text);
	bool good = len % 2 == 0 && len >= 2 * SECRET_MIN && len <= 2 * sizeof(m->secret);

	for (size_t i = 0; good && i < len; i++)
		good = hex_digit(text[i]) >= 0;
	if (!good)
		return decode_fail(at, reterr,
				   "want %d to %zu hexadecimal digits, an even number, or "
				   "\"file:PATH\"",
				   2 * SECRET_MIN, 2 * sizeof(m->secret));
	m->secret_len = len / 2;
	for (size_t i = 0; i < m->secret_len; i++)
		m->secret[i] = hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]);
	return 0;
}

/* Read up to @size bytes. Returns how many, or a negative errno. */
static ssize_t read_some(int fd, uint8_t *buf, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t len = read(fd, buf + have, size - have);

		if (len < 0 && errno != EINTR)
			return -errno;
		if (!len)
			break;
		if (len > 0)
			have += len;
	}
	return have;
}

static int decode_file(const char *path, const struct path *at, struct model *m,
		       struct config_error *reterr)
{
	sl_autoclose int fd = -1;
	uint8_t buf[sizeof(m->secret) + 2]; /* a newline, and a byte too many */
	struct stat st;
	ssize_t len;

	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return decode_fail(at, reterr, "want an absolute path after \"file:\"");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return decode_fail(at, reterr,
				   "%.*s: %s; make one with: head -c 32 /dev/urandom | "
				   "install -m 600 /dev/stdin FILE",
				   SECRET_SHOWN, path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return decode_fail(at, reterr, "%.*s: want a regular file", SECRET_SHOWN, path);
	if (st.st_mode & (S_IROTH | S_IWOTH))
		return decode_fail(at, reterr, "others may access %.*s: chmod o= it", SECRET_SHOWN,
				   path);

	len = read_some(fd, buf, sizeof(buf));
	if (len < 0)
		return decode_fail(at, reterr, "%.*s: %s", SECRET_SHOWN, path, strerror(-len));
	if (len && buf[len - 1] == '\n')
		len--;
	if (len < SECRET_MIN || (size_t)len > sizeof(m->secret))
		return decode_fail(at, reterr,
				   "%.*s: want %d to %zu bytes (a final newline does not count)",
				   SECRET_SHOWN, path, SECRET_MIN, sizeof(m->secret));
	memcpy(m->secret, buf, len);
	m->secret_len = len;
	explicit_bzero(buf, sizeof(buf));
	return 0;
}

int secret_decode(const cJSON *value, const struct path *at, void *out, struct config_error *reterr)
{
	const char *text = cJSON_GetStringValue(value);

	if (text && !strncmp(text, "file:", 5))
		return decode_file(text + 5, at, out, reterr);
	return decode_hex(text ? text : "", at, out, reterr);
}
