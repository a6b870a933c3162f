// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Bytes to JSON, and the story from there to a valid model (config.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "../common/cleanup.h"
#include "../common/str.h"
#include "decode.h"
#include "syntax.h"
#include "validate.h"

#define READ_CHUNK 65536

static int fail_errno(const char *path, int err, struct config_error *reterr)
{
	struct str s = str_over(reterr->text, sizeof(reterr->text));

	str_add_safe(&s, path, 256);
	str_add(&s, ": %s", strerror(-err));
	return err;
}

static int fail_memory(struct config_error *reterr)
{
	snprintf(reterr->text, sizeof(reterr->text), "document: out of memory");
	return -ENOMEM;
}

static int too_large(struct config_error *reterr)
{
	snprintf(reterr->text, sizeof(reterr->text), "document: larger than %u MiB; want less",
		 CONFIG_MAX_BYTES >> 20);
	return -EFBIG;
}

/* Read all of @fd; *@ret is as long as the file, and one byte for more. */
static int read_all(int fd, struct str *ret)
{
	sl_autofree char *chunk = malloc(READ_CHUNK);
	ssize_t len;

	if (!chunk)
		return -ENOMEM;
	while ((len = read(fd, chunk, READ_CHUNK)) > 0) {
		str_addn(ret, chunk, len);
		if (ret->cut)
			return ret->len >= CONFIG_MAX_BYTES ? -EFBIG : -ENOMEM;
	}
	return len < 0 ? -errno : 0;
}

static int open_regular(const char *path, int *ret)
{
	sl_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*ret = fd;
	fd = -1;
	return 0;
}

int config_read_text(const char *text, size_t len, cJSON **ret, struct config_error *reterr)
{
	sl_autofree char *copy = NULL;
	cJSON *doc;

	if (len > CONFIG_MAX_BYTES)
		return too_large(reterr);
	if (!syntax_check(text, len, reterr))
		return -EINVAL;

	/* cJSON before 1.7.18 looks one byte past what it was given: let that be a NUL. */
	copy = malloc(len + 1);
	if (!copy)
		return fail_memory(reterr);
	memcpy(copy, text, len);
	copy[len] = '\0';
	doc = cJSON_ParseWithLength(copy, len + 1);
	if (!doc)
		return fail_memory(reterr);
	*ret = doc;
	return 0;
}

int config_read_file(const char *path, cJSON **ret, struct config_error *reterr)
{
	sl_cleanup(str_free) struct str text = str_upto(CONFIG_MAX_BYTES + 2);
	sl_autoclose int fd = -1;
	int err = open_regular(path, &fd);

	if (!err)
		err = read_all(fd, &text);
	if (err == -EFBIG)
		return too_large(reterr);
	if (err)
		return fail_errno(path, err, reterr);
	return config_read_text(text.text ? text.text : "", text.len, ret, reterr);
}

static void json_deletep(cJSON **json)
{
	cJSON_Delete(*json);
}

int config_load_json(const cJSON *doc, uint64_t tick_ns, struct model **ret,
		     struct config_error *reterr)
{
	sl_cleanup(model_freep) struct model *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return fail_memory(reterr);
	err = document_decode(doc, m, reterr);
	if (!err)
		err = model_validate(m, tick_ns, reterr);
	if (err == -ENOMEM)
		return fail_memory(reterr);
	if (!err)
		*ret = sl_take(m);
	return err;
}

int config_load_text(const char *text, size_t len, uint64_t tick_ns, struct model **ret,
		     struct config_error *reterr)
{
	sl_cleanup(json_deletep) cJSON *doc = NULL;
	int err = config_read_text(text, len, &doc, reterr);

	return err ? err : config_load_json(doc, tick_ns, ret, reterr);
}

int config_load_file(const char *path, uint64_t tick_ns, struct model **ret,
		     struct config_error *reterr)
{
	sl_cleanup(json_deletep) cJSON *doc = NULL;
	int err = config_read_file(path, &doc, reterr);

	return err ? err : config_load_json(doc, tick_ns, ret, reterr);
}
