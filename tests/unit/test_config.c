// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What must be refused, and that the error names the place and what would be
 * right; that schema and documentation know every member the decoder knows.
 *
 *	test_config --write	makes configs/bad from the table
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <sluice/base.h>
#include "config/decode.h"
#include "config_bad.h"

#define BAD CONFIGS "/bad"

static char *bad_text(const struct bad *b)
{
	cJSON *doc;
	char *text;

	if (!b->at)
		return strdup(b->json);
	doc = edit_base();
	edit_set(doc, b->at, b->json);
	text = cJSON_Print(doc);
	cJSON_Delete(doc);
	return text;
}

/* Does an error say what was expected, where it was expected? */
static bool says(const char *error, const char *path, const char *text)
{
	size_t len = strlen(path);

	return !strncmp(error, path, len) && !strncmp(error + len, ": ", 2) &&
	       strstr(error + len + 2, text);
}

static void test_bad_documents(void **state)
{
	struct model *const untouched = (struct model *)16;
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_SIZE(bad); i++) {
		struct config_error why = {};
		struct model *m = untouched;
		char *text = bad_text(&bad[i]);
		int err = config_load_text(text, strlen(text), TICK_NS, &m, &why);

		if (err >= 0 || m != untouched || !says(why.text, bad[i].path, bad[i].text)) {
			print_error("%s: want \"%s: %s\", got %d \"%s\"\n", bad[i].name,
				    bad[i].path, bad[i].text, err, why.text);
			wrong++;
		}
		free(text);
	}
	assert_true(SL_ARRAY_SIZE(bad) >= 80);
	assert_int_equal(wrong, 0);
}

static void bad_names(const struct bad *b, char json[256], char want[256])
{
	snprintf(json, 256, BAD "/%s.json", b->name);
	snprintf(want, 256, BAD "/%s.want", b->name);
}

/* The files are what other tests use: they are the table, no more and no less. */
static void test_bad_files(void **state)
{
	size_t files = 0;
	struct dirent *e;
	DIR *dir = opendir(BAD);

	(void)state;
	assert_non_null(dir);
	while ((e = readdir(dir)))
		files += e->d_name[0] != '.';
	closedir(dir);
	assert_int_equal(files, 2 * SL_ARRAY_SIZE(bad));

	for (size_t i = 0; i < SL_ARRAY_SIZE(bad); i++) {
		char json_path[256], want_path[256], want[512];
		size_t json_len, want_len;
		char *json, *have, *text = bad_text(&bad[i]);
		struct config_error why = {};
		struct model *m = NULL;

		bad_names(&bad[i], json_path, want_path);
		json = edit_slurp(json_path, &json_len);
		have = edit_slurp(want_path, &want_len);
		if (!json || !have)
			fail_msg("%s is missing: run test_config --write", json_path);
		snprintf(want, sizeof(want), "%s\n%s\n", bad[i].path, bad[i].text);
		assert_string_equal(json, text);
		assert_string_equal(have, want);
		assert_true(config_load_file(json_path, TICK_NS, &m, &why) < 0);
		assert_null(m);
		assert_true(says(why.text, bad[i].path, bad[i].text));
		free(json);
		free(have);
		free(text);
	}
}

static void put_file(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "we");

	if (!f || fwrite(text, 1, len, f) != len || fclose(f)) {
		perror(path);
		exit(1);
	}
}

static int write_bad_files(void)
{
	for (size_t i = 0; i < SL_ARRAY_SIZE(bad); i++) {
		char json_path[256], want_path[256], want[512];
		char *text = bad_text(&bad[i]);
		int len = snprintf(want, sizeof(want), "%s\n%s\n", bad[i].path, bad[i].text);

		bad_names(&bad[i], json_path, want_path);
		put_file(json_path, text, strlen(text));
		put_file(want_path, want, len);
		free(text);
	}
	return 0;
}

/* -- bytes -- */

static void test_nul_bytes(void **state)
{
	static const char after[] = "{}\0", within[] = "{\"node\": \"a\0b\"}";
	struct config_error why = {};
	struct model *m = NULL;

	(void)state;
	assert_int_equal(config_load_text(after, 3, TICK_NS, &m, &why), -EINVAL);
	assert_string_equal(why.text, "1:3: want nothing after the document, not byte 0x00");
	assert_int_equal(config_load_text(within, sizeof(within) - 1, TICK_NS, &m, &why), -EINVAL);
	assert_string_equal(why.text, "1:12: want '\"' to end the string, not byte 0x00");
}

/* Every prefix of a valid document is refused, from memory of its exact size. */
static void test_cut_documents(void **state)
{
	size_t len = 0;
	char *text = edit_slurp(CONFIGS "/full.json", &len);

	(void)state;
	assert_non_null(text);
	while (text[len - 1] != '}')
		len--;
	for (size_t i = 0; i <= len; i++) {
		struct config_error why = {};
		cJSON *doc = NULL;
		char *part = malloc(i ? i : 1);

		memcpy(part, text, i);
		assert_int_equal(config_read_text(part, i, &doc, &why), i == len ? 0 : -EINVAL);
		assert_true(!doc == !!why.text[0]);
		cJSON_Delete(doc);
		free(part);
	}
	free(text);
}

static void test_depth(void **state)
{
	char text[2 * 32 + 1] = "";
	struct config_error why = {};
	cJSON *doc = NULL;

	(void)state;
	memset(text, '[', 32);
	memset(text + 32, ']', 32);
	assert_int_equal(config_read_text(text, 64, &doc, &why), 0);
	cJSON_Delete(doc);
}

static void test_files(void **state)
{
	char path[] = "/tmp/sluice-config-XXXXXX";
	int fd = mkstemp(path);
	struct config_error why = {};
	struct model *m = NULL;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(config_load_file("/nonexistent/x", TICK_NS, &m, &why), -ENOENT);
	assert_string_equal(why.text, "/nonexistent/x: No such file or directory");
	assert_int_equal(config_load_file("/tmp", TICK_NS, &m, &why), -EISDIR);
	assert_string_equal(why.text, "/tmp: Is a directory");
	assert_int_equal(config_load_file("/dev/zero", TICK_NS, &m, &why), -EINVAL);
	assert_int_equal(ftruncate(fd, CONFIG_MAX_BYTES + 1ll), 0);
	assert_int_equal(config_load_file(path, TICK_NS, &m, &why), -EFBIG);
	assert_string_equal(why.text, "document: larger than 64 MiB; want less");
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(config_load_file(path, TICK_NS, &m, &why), -EINVAL);
	assert_string_equal(why.text, "1:1: want a value, not the end");
	assert_null(m);
	close(fd);
	unlink(path);
}

/* A document of cJSON objects may hold what no text can. */
static void test_json_oddities(void **state)
{
	struct config_error why = {};
	struct model *m = NULL;
	cJSON *doc = edit_base();

	(void)state;
	cJSON_ReplaceItemInObjectCaseSensitive(doc, "node", cJSON_CreateNumber(1.0 / 0.0));
	assert_int_equal(config_load_json(doc, TICK_NS, &m, &why), -EINVAL);
	assert_true(says(why.text, "node", "want a name"));
	cJSON_ReplaceItemInObjectCaseSensitive(doc, "node", cJSON_CreateRaw("\"a\""));
	assert_int_equal(config_load_json(doc, TICK_NS, &m, &why), -EINVAL);
	assert_int_equal(config_load_json(NULL, TICK_NS, &m, &why), -EINVAL);
	assert_true(says(why.text, "document", "want an object"));
	assert_null(m);
	cJSON_Delete(doc);
}

/* The longest path and text end within the error, terminated. */
static void test_long_error(void **state)
{
	struct config_error why;
	struct model *m = NULL;
	cJSON *doc = edit_base();
	char member[2000];

	(void)state;
	memset(&why, 'x', sizeof(why));
	memset(member, 'y', sizeof(member) - 1);
	member[sizeof(member) - 1] = '\0';
	cJSON_AddTrueToObject(doc, member);
	assert_int_equal(config_load_json(doc, TICK_NS, &m, &why), -EINVAL);
	assert_true(strnlen(why.text, sizeof(why.text)) < sizeof(why.text));
	assert_non_null(strstr(why.text, "yyy...: unknown member"));
	cJSON_Delete(doc);
}

/* -- one list for one fact -- */

static const struct decode_table tables[] = {
	{ "document", document_fields },
	{ "interface", interface_fields },
	{ "service", service_fields },
	{ "pool", pool_fields },
	{ "route", route_fields },
	{ "instance", instance_fields },
	{ "health", health_fields },
	{ "scaling", scaling_fields },
	{ "outlier", outlier_fields },
	{ "cid", cid_fields },
	{ "rotation", rotation_fields },
	{ "cidTenant", cid_tenant_fields },
	{ "target", target_fields },
	{ "tenant", tenant_fields },
	{ "match", match_fields },
	{ "allow", allow_fields },
	{ "quota", quota_fields },
	{ "capacity", capacity_fields },
	{ "device_quota", device_quota_fields },
	{ "metrics", metrics_fields },
	{ "events", events_fields },
	{ "class_quota", class_quota_fields },
	{ "echo", echo_fields },
	{ "response", response_fields },
};

static bool is_listed(const cJSON *list, const char *word)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list) {
		if (item->valuestring && !strcmp(item->valuestring, word))
			return true;
	}
	return false;
}

static void check_words(const char *where, const struct decode_field *f, const cJSON *property)
{
	const cJSON *words = cJSON_GetObjectItem(property, "enum");
	int known = 0;

	for (const struct decode_word *w = f->words; w && w->word; w++) {
		known += !w->later;
		if (is_listed(words, w->word) == w->later)
			fail_msg("schema: %s.%s: word \"%s\"", where, f->name, w->word);
	}
	if (f->words && cJSON_GetArraySize(words) != known)
		fail_msg("schema: %s.%s has other words", where, f->name);
}

static const cJSON *schema_member(const cJSON *def, const char *object,
				  const struct decode_field *f)
{
	const cJSON *p = cJSON_GetObjectItem(cJSON_GetObjectItem(def, "properties"), f->name);

	if (!p)
		fail_msg("schema: %s has no %s", object, f->name);
	if (!cJSON_GetObjectItem(p, "description"))
		fail_msg("schema: %s.%s has no description", object, f->name);
	if (is_listed(cJSON_GetObjectItem(def, "required"), f->name) != f->required)
		fail_msg("schema: is %s.%s required?", object, f->name);
	return p;
}

static void check_limits(const char *where, const struct decode_field *f, const cJSON *p)
{
	const cJSON *min = cJSON_GetObjectItem(p, "minimum"),
		    *max = cJSON_GetObjectItem(p, "maximum");

	if (f->decode != decode_u8 && f->decode != decode_u16 && f->decode != decode_u32 &&
	    f->decode != decode_power_of_two)
		return;
	if (!min || min->valuedouble != f->min || !max || max->valuedouble != f->max)
		fail_msg("schema: limits of %s.%s", where, f->name);
}

static void test_schema(void **state)
{
	size_t len;
	char *text = edit_slurp("docs/sluice.schema.json", &len);
	cJSON *schema = text ? cJSON_Parse(text) : NULL;

	(void)state;
	assert_non_null(schema);
	for (size_t i = 0; i < SL_ARRAY_SIZE(tables); i++) {
		const char *name = tables[i].name;
		const cJSON *def =
			strcmp(name, "document")
				? cJSON_GetObjectItem(cJSON_GetObjectItem(schema, "$defs"), name)
				: schema;
		int members = 0;

		if (!cJSON_IsFalse(cJSON_GetObjectItem(def, "additionalProperties")))
			fail_msg("schema: %s is not closed", name);
		for (const struct decode_field *f = tables[i].fields; f->name; f++) {
			const cJSON *p;

			if (f->later)
				continue;
			members++;
			p = schema_member(def, name, f);
			check_words(name, f, p);
			check_limits(name, f, p);
		}
		assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(def, "properties")),
				 members);
		assert_true(members < 64); /* a bit each while decoding */
	}
	cJSON_Delete(schema);
	free(text);
}

/* Each member is told about in the documentation and in the man page. */
static void test_documentation(void **state)
{
	static const char *const files[] = { "docs/configuration.md",
					     "userspace/man/sluice.json.5" };

	(void)state;
	for (size_t d = 0; d < SL_ARRAY_SIZE(files); d++) {
		size_t len;
		char *text = edit_slurp(files[d], &len);

		assert_non_null(text);
		for (size_t i = 0; i < SL_ARRAY_SIZE(tables); i++) {
			for (const struct decode_field *f = tables[i].fields; f->name; f++) {
				char word[64];

				snprintf(word, sizeof(word), d ? "\n.B %s\n" : "| `%s` |", f->name);
				if (!f->later && !strstr(text, word))
					fail_msg("%s: nothing about %s.%s", files[d],
						 tables[i].name, f->name);
				if (f->later && !strstr(text, f->name))
					fail_msg("%s: does not say that there is no %s yet",
						 files[d], f->name);
			}
		}
		free(text);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_documents), cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_nul_bytes),     cmocka_unit_test(test_cut_documents),
		cmocka_unit_test(test_depth),	      cmocka_unit_test(test_files),
		cmocka_unit_test(test_json_oddities), cmocka_unit_test(test_long_error),
		cmocka_unit_test(test_schema),	      cmocka_unit_test(test_documentation),
	};

	if (argc > 1 && !strcmp(argv[1], "--write"))
		return write_bad_files();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
