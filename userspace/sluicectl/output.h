/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Figures and tables for a person's eyes. Pure but for the printing. */
#ifndef SL_OUTPUT_H
#define SL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cjson/cJSON.h>

enum tone {
	TONE_PLAIN,
	TONE_GOOD,
	TONE_WARN,
	TONE_BAD,
	TONE_DIM,
	TONE_BOLD,
};
const char *tone_begin(enum tone tone, bool color); /* "" without colour */
const char *tone_end(enum tone tone, bool color);

/* At most four digits: "0", "999", "1.23k", "45.6M". Returns @ret. */
#define FORMAT_LEN 32
const char *format_count(double value, char ret[FORMAT_LEN]);
const char *format_bytes(double value, char ret[FORMAT_LEN]);
/* A short time: "830us", "2.1ms", "1.3s". */
const char *format_us(double us, char ret[FORMAT_LEN]);
/* The two largest units: "3d 4h", "2m 5s", "0s". */
const char *format_duration(uint64_t seconds, char ret[FORMAT_LEN]);

/* A name in a path: what is not unreserved (RFC 3986) is percent-encoded.
 * False: it does not fit.
 */
bool format_path_segment(const char *name, char *to, size_t size);

/* -- tables: columns as wide as their widest cell -- */

#define TABLE_COLUMNS  16
#define TABLE_CELL_LEN 160

struct table_cell {
	char text[TABLE_CELL_LEN];
	enum tone tone;
};

struct table {
	size_t columns, n, cap; /* cells */
	bool right[TABLE_COLUMNS];
	struct table_cell *cell;
	bool failed; /* out of memory: prints what there is */
};

/* @heads: column heads, up to NULL; a leading '>' aligns to the right. */
void table_begin(struct table *t, const char *const *heads);
void table_add(struct table *t, enum tone tone, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Text of others: control characters become '?', what is too long is cut. */
void table_add_text(struct table *t, enum tone tone, const char *text);
/* @width: of the terminal, lines are cut there; 0: not cut. @lines: rows at
 * most, the head not counted; 0: all.
 */
void table_print(const struct table *t, FILE *to, bool color, size_t width, size_t lines);
void table_free(struct table *t);

/* -- reading answers: 0 or "" where a member is missing -- */
double json_number(const cJSON *o, const char *name);
const char *json_text(const cJSON *o, const char *name);
bool json_true(const cJSON *o, const char *name);

#endif /* SL_OUTPUT_H */
