// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Run-time changes over a document: what is applied, what is dropped and told,
 * and that a file written is read back the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* The daemon's files are in no library; these three need nothing else of it. */
#include "../../userspace/sluiced/overlay.c"
#define get get_again
#include "../../userspace/sluiced/overlay_apply.c"
#include "../../userspace/sluiced/document.c"

static char told[1024];

void event_emit(struct events *e, enum log_level level, struct event_about about, const char *fmt,
		...)
{
	size_t at = strlen(told);
	va_list ap;

	(void)e;
	(void)level;
	at += snprintf(told + at, sizeof(told) - at, "%s/%s/%s ", about.service, about.instance,
		       about.tenant);
	va_start(ap, fmt);
	vsnprintf(told + at, sizeof(told) - at, fmt, ap);
	va_end(ap);
}

#define SERVICES(instances) "{\"services\":[{\"name\":\"s\",\"instances\":[" instances "]}]"
#define A		    "{\"name\":\"a\",\"address\":\"10.0.0.1\",\"port\":1}"
#define B		    "{\"name\":\"b\",\"address\":\"10.0.0.2\",\"port\":1}"
#define C		    "{\"name\":\"c\",\"address\":\"10.0.0.3\",\"port\":1}"

static cJSON *json(const char *text)
{
	cJSON *j = cJSON_Parse(text);

	assert_non_null(j);
	return j;
}

static void add(struct overlay *o, const char *name, const char *instance)
{
	cJSON *j = json(instance);

	assert_int_equal(overlay_instance_added(o, "s", name, j, ORIGIN_SCALING), 0);
	cJSON_Delete(j);
}

static void change(struct overlay *o, const char *name, const char *member, const char *value)
{
	cJSON *j = json(value);

	assert_int_equal(overlay_instance_changed(o, "s", name, member, j), 0);
	cJSON_Delete(j);
}

static void quota(struct overlay *o, const char *tenant, const char *changes)
{
	cJSON *j = json(changes);

	assert_int_equal(overlay_quota(o, tenant, j, NULL), 0);
	cJSON_Delete(j);
}

/* Over the document @before it gives @after, and tells of what is dropped. */
static void gives(struct overlay *o, const char *before, const char *after, const char *tells)
{
	cJSON *doc = json(before), *want = json(after);
	char *text;

	told[0] = '\0';
	assert_int_equal(overlay_apply(o, doc), 0);
	overlay_tell_dropped(o, NULL);
	text = cJSON_PrintUnformatted(doc);
	if (!cJSON_Compare(doc, want, true))
		fail_msg("%s instead of %s", text, after);
	if (!*tells)
		assert_string_equal(told, "");
	else if (!strstr(told, tells))
		fail_msg("\"%s\" is not told: %s", tells, told);
	free(text);
	cJSON_Delete(doc);
	cJSON_Delete(want);
}

static struct overlay *empty(void)
{
	struct overlay *o = NULL;

	assert_int_equal(overlay_make_empty("/nowhere", &o), 0);
	assert_true(overlay_is_empty(o));
	return o;
}

static void test_instances(void **state)
{
	struct overlay *o = empty();

	(void)state;
	add(o, "c", C);
	change(o, "c", "weight", "50");
	change(o, "a", "admin", "\"draining\"");
	assert_int_equal(overlay_instance_removed(o, "s", "b"), 0);
	gives(o, SERVICES(A "," B) "}",
	      SERVICES(
		      "{\"name\":\"a\",\"address\":\"10.0.0.1\",\"port\":1,\"admin\":\"draining\"},"
		      "{\"name\":\"c\",\"address\":\"10.0.0.3\",\"port\":1,\"weight\":50}") "}",
	      "");
	assert_int_equal(overlay_origin(o, "s", "c"), ORIGIN_SCALING);
	assert_int_equal(overlay_origin(o, "s", "a"), ORIGIN_FILE);
	assert_int_equal(overlay_origin(o, "x", "a"), ORIGIN_FILE);

	/* Removed again: nothing is left of it. */
	assert_int_equal(overlay_instance_removed(o, "s", "c"), 0);
	gives(o, SERVICES(A) "}",
	      SERVICES("{\"name\":\"a\",\"address\":\"10.0.0.1\",\"port\":1,"
		       "\"admin\":\"draining\"}") "}",
	      "s/b/");
	overlay_close(o);
}

/* What was added comes back with every member it had. */
static void test_server_id(void **state)
{
	static const char d[] = "{\"name\":\"d\",\"address\":\"10.0.0.4\",\"port\":1,"
				"\"server_id\":4294967295}";
	struct overlay *o = empty();

	(void)state;
	add(o, "d", d);
	gives(o, SERVICES(A) "}",
	      SERVICES(A ",{\"name\":\"d\",\"address\":\"10.0.0.4\",\"port\":1,"
			 "\"server_id\":4294967295}") "}",
	      "");
	overlay_close(o);
}

static void test_dropped(void **state)
{
	struct overlay *o = empty();

	(void)state;
	add(o, "c", C);
	gives(o, SERVICES(C) "}", SERVICES(C) "}", "the file defines this instance");
	assert_true(overlay_is_empty(o));
	add(o, "d", C);
	gives(o, SERVICES(C) "}", SERVICES(C) "}", "another instance with its address");
	add(o, "c", C);
	gives(o, "{\"services\":[]}", "{\"services\":[]}", "the service is gone");
	change(o, "a", "weight", "3");
	gives(o, SERVICES(B) "}", SERVICES(B) "}",
	      "s/a/ a change made at run time is dropped: "
	      "the instance is gone");
	quota(o, "t", "{\"messages\":\"1/s\"}");
	gives(o, "{}", "{}", "//t a change made at run time is dropped: the tenant is gone");
	assert_true(overlay_is_empty(o));
	overlay_close(o);
}

static void test_quotas(void **state)
{
	struct overlay *o = empty();

	(void)state;
	quota(o, "t", "{\"messages\":\"1/s\",\"bytes\":null}");
	quota(o, "t", "{\"messages\":\"2/s\"}");
	gives(o, "{\"tenants\":[{\"name\":\"t\",\"quota\":{\"bytes\":\"1B/s\",\"burst\":\"1s\"}}]}",
	      "{\"tenants\":[{\"name\":\"t\",\"quota\":{\"messages\":\"2/s\",\"burst\":\"1s\"}}]}",
	      "");
	assert_int_equal(overlay_drop_quotas(o), 1);
	assert_true(overlay_is_empty(o));
	overlay_close(o);
}

/* All of them at once, in place of the file's. */
static void test_responses(void **state)
{
	static const char file[] =
		"{\"tenants\":[{\"name\":\"t\",\"responses\":[1]},{\"name\":\"u\"}]}";
	cJSON *two = json("[2,3]"), *none = json("[]");
	struct overlay *o = empty();

	(void)state;
	assert_int_equal(overlay_responses(o, "t", two), 0);
	gives(o, file, "{\"tenants\":[{\"name\":\"t\",\"responses\":[2,3]},{\"name\":\"u\"}]}", "");
	quota(o, "t", "{\"messages\":\"1/s\"}");
	assert_int_equal(overlay_responses(o, "t", none), 0);
	gives(o, file,
	      "{\"tenants\":[{\"name\":\"t\",\"responses\":[],\"quota\":{\"messages\":\"1/s\"}},"
	      "{\"name\":\"u\"}]}",
	      "");
	assert_int_equal(overlay_responses(o, "v", two), 0);
	gives(o, "{\"tenants\":[]}", "{\"tenants\":[]}", "the tenant is gone");
	assert_true(overlay_is_empty(o));
	cJSON_Delete(two);
	cJSON_Delete(none);
	overlay_close(o);
}

static void test_put_document(void **state)
{
	struct overlay *o = empty();
	cJSON *doc = json(SERVICES(A "," C) "}");

	(void)state;
	add(o, "c", C);
	add(o, "b", B);
	change(o, "a", "weight", "3");
	quota(o, "t", "{\"messages\":\"1/s\"}");
	assert_int_equal(overlay_put_document(o, doc), 0);
	assert_true(cJSON_Compare(overlay_document(o), doc, true));
	/* It says all there is, but for who added c. */
	gives(o, SERVICES(A "," C) "}", SERVICES(A "," C) "}", "");
	assert_int_equal(overlay_origin(o, "s", "c"), ORIGIN_SCALING);
	assert_int_equal(overlay_origin(o, "s", "b"), ORIGIN_FILE);
	overlay_drop_document(o);
	assert_null(overlay_document(o));
	cJSON_Delete(doc);
	overlay_close(o);
}

static void test_file(void **state)
{
	char folder[] = "/tmp/sluice-overlay-XXXXXX", path[64];
	struct overlay *o = NULL, *copy = NULL, *again = NULL;
	struct config_error why = {};
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/state.json", folder);
	assert_int_equal(overlay_open(path, &o, &why), 0); /* there is none yet */
	add(o, "c", C);
	assert_int_equal(overlay_save(o), 0);
	assert_int_equal(overlay_open(path, &again, &why), 0);
	assert_true(cJSON_Compare(o->root, again->root, true));
	assert_int_equal(overlay_copy(o, &copy), 0);
	assert_int_equal(overlay_instance_removed(copy, "s", "c"), 0);
	assert_int_equal(overlay_origin(o, "s", "c"), ORIGIN_SCALING);
	overlay_close(o);
	overlay_close(copy);
	overlay_close(again);

	f = fopen(path, "w");
	assert_non_null(f);
	fputs("{\"version\": 1, \"services\": []}", f);
	fclose(f);
	assert_int_equal(overlay_open(path, &o, &why), -EINVAL);
	assert_non_null(strstr(why.text, path));
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instances), cmocka_unit_test(test_server_id),
		cmocka_unit_test(test_dropped),	  cmocka_unit_test(test_quotas),
		cmocka_unit_test(test_responses), cmocka_unit_test(test_put_document),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
