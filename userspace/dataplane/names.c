// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The map sl_names and its copy in memory. The kernel is written first; memory
 * follows what it has.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include "../common/cleanup.h"
#include "names.h"
#include "names_journal.h"
#include "names_table.h"
#include "scan.h"

#define NAMES_RENAMES 1000 /* "~1" to "~999" of one name at a time */

struct names {
	struct dataplane *dp;
	struct names_table table;
	struct journal journal;
};

/* -- keys -- */

static int key_make(enum sl_name_kind kind, const char *text, struct sl_name_key *ret)
{
	size_t len = strlen(text);

	if (!len || len > sizeof(ret->text) - 1)
		return -ENAMETOOLONG;
	memset(ret, 0, sizeof(*ret));
	ret->text[0] = (char)kind;
	memcpy(ret->text + 1, text, len);
	return 0;
}

/* The @i-th former name of @key: "NAME~i", shortened to fit. */
static void key_former(const struct sl_name_key *key, unsigned int i, struct sl_name_key *ret)
{
	char suffix[16];
	size_t len = strnlen(key->text, sizeof(key->text));
	size_t more = (size_t)snprintf(suffix, sizeof(suffix), "~%u", i);

	if (len > sizeof(key->text) - more)
		len = sizeof(key->text) - more;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->text, key->text, len);
	memcpy(ret->text + len, suffix, more);
}

/* -- opening -- */

static int kernel_delete(struct names *n, const struct sl_name_key *key)
{
	int err = bpf_map_delete_elem(n->dp->names_fd, key);

	return err == -ENOENT ? 0 : err;
}

/* An id is given once. A rename that was cut off left two entries for it: the
 * former name ("~") goes, as if the rename had not begun.
 */
static int entry_load(struct names *n, const struct sl_name_key *key, const struct sl_name *name)
{
	struct names_ids *ids = names_table_ids(&n->table, key->text[0]);
	struct sl_name_key drop = *key;
	const struct names_entry *twin;
	int err = 0;

	if (!ids || !name->id || name->id >= ids->cap)
		return kernel_delete(n, key);
	twin = ids->by_id[name->id];
	if (!twin)
		return names_table_add(&n->table, key, name);
	if (!memchr(key->text, '~', sizeof(key->text))) {
		memcpy(drop.text, twin->text, sizeof(drop.text));
		names_table_remove(&n->table, &drop);
		err = names_table_add(&n->table, key, name);
	}
	return err ? err : kernel_delete(n, &drop);
}

static int names_load(struct names *n)
{
	sl_cleanup(scan_close) struct scan s = {};
	uint32_t count;
	int err =
		scan_open(n->dp->names_fd, sizeof(struct sl_name_key), sizeof(struct sl_name), &s);

	while (!err && !s.done) {
		const struct sl_name_key *keys;
		const struct sl_name *names;

		err = scan_next(&s, &count);
		keys = (const void *)s.keys;
		names = (const void *)s.values;
		for (uint32_t i = 0; !err && i < count; i++)
			err = entry_load(n, &keys[i], &names[i]);
	}
	return err;
}

int names_open(struct dataplane *dp, struct names **ret)
{
	struct names *n = calloc(1, sizeof(*n));
	int err;

	if (!n)
		return -ENOMEM;
	n->dp = dp;
	err = names_table_open(&n->table, &dp->cap);
	if (!err)
		err = names_load(n);
	if (err) {
		names_close(n);
		return err;
	}
	*ret = n;
	return 0;
}

void names_close(struct names *n)
{
	if (!n)
		return;
	names_table_close(&n->table);
	journal_clear(&n->journal);
	free(n);
}

/* -- taking -- */

/* The next generation of an instance id; the record remembers the last one. */
static uint32_t id_generation(const struct names *n, enum sl_name_kind kind, uint32_t id)
{
	uint16_t generation;

	if (kind != SL_NAME_INSTANCE)
		return 0;
	generation = n->dp->instances[id].generation + 1;
	return generation ? generation : 1;
}

static int kernel_write(struct names *n, const struct sl_name_key *key, const struct sl_name *name)
{
	int err = bpf_map_update_elem(n->dp->names_fd, key, name, BPF_ANY);

	return err == -E2BIG ? -ENOSPC : err;
}

static int name_give(struct names *n, const struct sl_name_key *key, uint64_t tag)
{
	struct names_ids *ids = names_table_ids(&n->table, key->text[0]);
	struct sl_name name = { .tag = tag, .id = names_ids_lowest_free(ids) };
	int err = name.id ? journal_add(&n->journal, key, NULL) : -ENOSPC;

	if (err)
		return err;
	name.generation = id_generation(n, ids->kind, name.id);
	err = kernel_write(n, key, &name);
	if (!err) {
		err = names_table_add(&n->table, key, &name);
		if (err)
			kernel_delete(n, key);
	}
	if (err)
		journal_forget_last(&n->journal);
	return err;
}

/* Without the journal: it is how the journal is undone, too. */
static int name_move(struct names *n, const struct sl_name_key *from, const struct sl_name_key *to)
{
	const struct names_entry *e = names_table_find(&n->table, from);
	struct sl_name name;
	int err;

	if (!e)
		return -ENOENT;
	name = e->name;
	err = kernel_write(n, to, &name);
	if (!err)
		err = kernel_delete(n, from);
	if (err)
		return err;
	names_table_remove(&n->table, from);
	return names_table_add(&n->table, to, &name);
}

static int name_rename(struct names *n, const struct sl_name_key *from,
		       const struct sl_name_key *to)
{
	int err = journal_add(&n->journal, from, to);

	if (err)
		return err;
	err = name_move(n, from, to);
	if (err)
		journal_forget_last(&n->journal);
	return err;
}

/* Make room for another object of this name: it becomes a former one. */
static int name_retire(struct names *n, const struct sl_name_key *key)
{
	struct sl_name_key former;

	for (unsigned int i = 1; i < NAMES_RENAMES; i++) {
		key_former(key, i, &former);
		if (!names_table_find(&n->table, &former))
			return name_rename(n, key, &former);
	}
	return -ENOSPC;
}

/* A former object of that name and tag which still drains: it comes back. */
static bool name_former(struct names *n, const struct sl_name_key *key, uint64_t tag,
			struct sl_name_key *ret)
{
	for (unsigned int i = 1; i < NAMES_RENAMES; i++) {
		const struct names_entry *e;

		key_former(key, i, ret);
		e = names_table_find(&n->table, ret);
		if (e && e->name.tag == tag)
			return true;
		if (!e && i > 16) /* gaps are small: the lowest free number is taken */
			return false;
	}
	return false;
}

int names_take(struct names *n, enum sl_name_kind kind, const char *text, uint64_t tag,
	       struct sl_name *ret)
{
	struct sl_name_key key, former;
	struct names_entry *e;
	int err = key_make(kind, text, &key);
	bool back;

	if (err)
		return err;
	e = names_table_find(&n->table, &key);
	if (e && e->name.tag == tag) {
		*ret = e->name;
		return 0;
	}
	back = tag && name_former(n, &key, tag, &former);
	if (e)
		err = name_retire(n, &key);
	if (!err)
		err = back ? name_rename(n, &former, &key) : name_give(n, &key, tag);
	if (!err)
		*ret = names_table_find(&n->table, &key)->name;
	return err;
}

int names_find(struct names *n, enum sl_name_kind kind, const char *text, struct sl_name *ret)
{
	struct sl_name_key key;
	const struct names_entry *e;
	int err = key_make(kind, text, &key);

	if (err)
		return err;
	e = names_table_find(&n->table, &key);
	if (!e)
		return -ENOENT;
	*ret = e->name;
	return 0;
}

int names_set_state(struct names *n, enum sl_name_kind kind, const char *text, uint32_t state,
		    uint32_t since_s)
{
	struct sl_name_key key;
	struct sl_name name;
	struct names_entry *e;
	int err = key_make(kind, text, &key);

	if (err)
		return err;
	e = names_table_find(&n->table, &key);
	if (!e)
		return -ENOENT;
	name = e->name;
	name.state = state;
	name.since_s = since_s;
	if (!memcmp(&name, &e->name, sizeof(name)))
		return 0;
	err = kernel_write(n, &key, &name);
	if (!err)
		e->name = name;
	return err;
}

static int name_drop(struct names *n, const struct sl_name_key *key)
{
	int err = names_table_find(&n->table, key) ? kernel_delete(n, key) : -ENOENT;

	if (!err)
		names_table_remove(&n->table, key);
	return err;
}

int names_drop(struct names *n, enum sl_name_kind kind, const char *text)
{
	struct sl_name_key key;
	int err = key_make(kind, text, &key);

	return err ? err : name_drop(n, &key);
}

void names_mark(struct names *n)
{
	journal_clear(&n->journal);
	n->journal.on = true;
}

void names_commit(struct names *n)
{
	journal_clear(&n->journal);
}

void names_rollback(struct names *n)
{
	const struct journal_step *s;

	/* What cannot be undone here is left over, and found so at the next start. */
	while ((s = journal_last(&n->journal))) {
		if (s->is_rename)
			name_move(n, &s->to, &s->key);
		else
			name_drop(n, &s->key);
		journal_forget_last(&n->journal);
	}
	journal_clear(&n->journal);
}

void names_each(struct names *n, enum sl_name_kind kind,
		void (*fn)(void *arg, const char *text, const struct sl_name *name), void *arg)
{
	const struct names_ids *ids = names_table_ids(&n->table, (char)kind);

	for (uint32_t id = 1; id < ids->cap; id++) {
		struct names_entry copy; /* the call may drop it */

		if (!ids->by_id[id])
			continue;
		copy = *ids->by_id[id];
		fn(arg, copy.text + 1, &copy.name);
	}
}

const char *names_text(struct names *n, enum sl_name_kind kind, uint32_t id)
{
	const struct names_ids *ids = names_table_ids(&n->table, (char)kind);

	return id && id < ids->cap && ids->by_id[id] ? ids->by_id[id]->text + 1 : NULL;
}
