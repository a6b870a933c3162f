// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names and ids: stable over reopening, given once, undone as a whole, and never
 * lost wherever the daemon is killed. As root, in namespaces of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <bpf/bpf.h>

#include "kill_at.h"
#include "private_net.h"
#include "dataplane/names.h"

struct bed {
	struct dataplane *dp;
	struct names *names;
};

static struct sl_name take(struct names *n, const char *text, uint64_t tag)
{
	struct sl_name name = {};

	assert_int_equal(names_take(n, SL_NAME_INSTANCE, text, tag, &name), 0);
	return name;
}

static uint32_t id_of(struct names *n, const char *text)
{
	struct sl_name name = {};

	names_find(n, SL_NAME_INSTANCE, text, &name);
	return name.id;
}

static void reopen(struct bed *bed)
{
	names_close(bed->names);
	assert_int_equal(names_open(bed->dp, &bed->names), 0);
}

static void test_names(void **state)
{
	struct bed *bed = *state;
	struct names *n = bed->names;
	struct sl_name x = take(n, "s/x", 1), y = take(n, "s/y", 1), z;

	assert_int_equal(x.id, 1);
	assert_int_equal(y.id, 2);
	assert_int_equal(take(n, "s/x", 1).id, x.id);
	assert_int_equal(names_set_state(n, SL_NAME_INSTANCE, "s/x", NAME_I_DRAINING, 77), 0);

	/* Another address: the old one becomes a former one, and keeps all it has. */
	z = take(n, "s/x", 2);
	assert_int_equal(z.id, 3);
	assert_int_equal(id_of(n, "s/x~1"), x.id);
	reopen(bed);
	n = bed->names;
	assert_int_equal(id_of(n, "s/x"), z.id);
	assert_int_equal(id_of(n, "s/x~1"), x.id);
	assert_int_equal(take(n, "s/x", 1).id, x.id); /* and back again */
	assert_int_equal(take(n, "s/x", 1).since_s, 77);
	assert_int_equal(id_of(n, "s/x~1"), 0);
	assert_string_equal(names_text(n, SL_NAME_INSTANCE, z.id), "s/x~2");

	/* The lowest free id, one generation on. */
	bed->dp->instances[y.id].generation = y.generation;
	assert_int_equal(names_drop(n, SL_NAME_INSTANCE, "s/y"), 0);
	assert_int_equal(names_drop(n, SL_NAME_INSTANCE, "s/y"), -ENOENT);
	z = take(n, "s/new", 1);
	assert_int_equal(z.id, y.id);
	assert_int_equal(z.generation, y.generation + 1);
	assert_int_equal(names_take(n, SL_NAME_INSTANCE, "", 1, &z), -ENAMETOOLONG);
}

static void test_names_rollback(void **state)
{
	struct bed *bed = *state;
	struct names *n = bed->names;
	uint32_t old = take(n, "r/a", 1).id;

	names_mark(n);
	take(n, "r/b", 1);
	take(n, "r/a", 2);
	take(n, "r/a", 3);
	names_rollback(n);
	assert_int_equal(id_of(n, "r/a"), old);
	assert_int_equal(id_of(n, "r/b") + id_of(n, "r/a~1") + id_of(n, "r/a~2"), 0);
	reopen(bed);
	assert_int_equal(id_of(bed->names, "r/a"), old);
	assert_int_equal(id_of(bed->names, "r/b"), 0);

	names_mark(bed->names);
	take(bed->names, "r/b", 1);
	names_commit(bed->names);
	names_rollback(bed->names);
	assert_int_not_equal(id_of(bed->names, "r/b"), 0);
}

static void test_names_full(void **state)
{
	struct bed *bed = *state;
	struct sl_name name;
	char text[16];
	int err = 0, n;

	for (n = 0; !err && n < 100; n++) {
		snprintf(text, sizeof(text), "full/%d", n);
		err = names_take(bed->names, SL_NAME_INSTANCE, text, 1, &name);
	}
	assert_int_equal(err, -ENOSPC);
	while (n-- > 0) {
		snprintf(text, sizeof(text), "full/%d", n);
		names_drop(bed->names, SL_NAME_INSTANCE, text);
	}
}

static void rename_instance(void *arg)
{
	struct bed *bed = arg;
	struct sl_name name;

	names_take(bed->names, SL_NAME_INSTANCE, "k/a", 2, &name);
}

/* An id is never lost and never has two names, wherever a rename is cut off. */
static void test_names_killed(void **state)
{
	struct bed *bed = *state;
	bool lived = false;
	uint32_t old;

	/* A lower id is free, so that a name which was lost gets another one. */
	take(bed->names, "k/low", 1);
	old = take(bed->names, "k/a", 1).id;
	names_drop(bed->names, SL_NAME_INSTANCE, "k/low");
	for (long n = 1; !lived; n++) {
		lived = kill_child_lives(rename_instance, bed, n);
		reopen(bed);
		assert_int_equal(take(bed->names, "k/a", 1).id, old);
		assert_string_equal(names_text(bed->names, SL_NAME_INSTANCE, old), "k/a");
		names_drop(bed->names, SL_NAME_INSTANCE, "k/a~1");
		names_drop(bed->names, SL_NAME_INSTANCE, "k/a~2");
		reopen(bed);
		assert_true(n < 20);
	}
}

static int bed_open(void **state)
{
	struct dataplane_opts opts = {
		.pin_root = PRIVATE_ROOT,
		.capacity = { .services = 8, .instances = 16, .tenants = 8, .accounts = 16 },
	};
	struct bed *bed = calloc(1, sizeof(*bed));
	struct dataplane_error why;

	if (!bed || dataplane_open(&opts, &bed->dp, &why)) {
		print_error("%s\n", why.text);
		return -1;
	}
	*state = bed;
	return names_open(bed->dp, &bed->names);
}

static int bed_close(void **state)
{
	struct bed *bed = *state;

	names_close(bed->names);
	dataplane_close(bed->dp);
	free(bed);
	return dataplane_remove(PRIVATE_ROOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_rollback),
		cmocka_unit_test(test_names_full),
		cmocka_unit_test(test_names_killed),
	};

	private_net_enter();
	return cmocka_run_group_tests(tests, bed_open, bed_close);
}
