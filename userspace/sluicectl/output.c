// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "../common/str.h"
#include "output.h"

/* -- colour -- */

const char *tone_begin(enum tone tone, bool color)
{
	static const char *const code[] = { "",		"\033[32m", "\033[33m",
					    "\033[31m", "\033[2m",  "\033[1m" };

	return color ? code[tone] : "";
}

const char *tone_end(enum tone tone, bool color)
{
	return color && tone != TONE_PLAIN ? "\033[0m" : "";
}

/* -- figures -- */

static const char *format_scaled(double value, const char *unit, char ret[FORMAT_LEN])
{
	static const char prefix[] = " kMGTPE";
	size_t i = 0;

	if (!(value >= 0))
		value = 0;
	/* 999.5 would be written as 1000: the next prefix says it better. */
	while (value >= 999.5 && prefix[i + 1]) {
		value /= 1000;
		i++;
	}
	if (!i)
		snprintf(ret, FORMAT_LEN, "%.*f%s", value < 9.95 && value != (int)value ? 1 : 0,
			 value, unit);
	else
		snprintf(ret, FORMAT_LEN, "%.*f%c%s",
			 value < 9.995	 ? 2
			 : value < 99.95 ? 1
					 : 0,
			 value, prefix[i], unit);
	return ret;
}

const char *format_count(double value, char ret[FORMAT_LEN])
{
	return format_scaled(value, "", ret);
}

const char *format_bytes(double value, char ret[FORMAT_LEN])
{
	return format_scaled(value, "B", ret);
}

const char *format_us(double us, char ret[FORMAT_LEN])
{
	static const char *const units[] = { "us", "ms", "s" };
	int unit = 0;

	for (; us >= 999.5 && unit < 2; unit++)
		us /= 1000;
	snprintf(ret, FORMAT_LEN, unit && us < 9.95 ? "%.1f%s" : "%.0f%s", us > 0 ? us : 0,
		 units[unit]);
	return ret;
}

const char *format_duration(uint64_t seconds, char ret[FORMAT_LEN])
{
	static const struct {
		char name;
		uint32_t seconds;
	} unit[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	size_t i = 0, n = sizeof(unit) / sizeof(unit[0]);
	uint64_t first, second;

	while (i + 1 < n && seconds < unit[i].seconds)
		i++;
	first = seconds / unit[i].seconds;
	second = i + 1 < n ? seconds % unit[i].seconds / unit[i + 1].seconds : 0;
	if (second)
		snprintf(ret, FORMAT_LEN, "%llu%c %llu%c", (unsigned long long)first, unit[i].name,
			 (unsigned long long)second, unit[i + 1].name);
	else
		snprintf(ret, FORMAT_LEN, "%llu%c", (unsigned long long)first, unit[i].name);
	return ret;
}

bool format_path_segment(const char *name, char *to, size_t size)
{
	size_t len = 0;

	for (; *name; name++) {
		unsigned char ch = *name;
		bool plain = isalnum(ch) || strchr("-._~", ch);

		if (len + (plain ? 1 : 3) >= size)
			return false;
		if (plain)
			to[len++] = ch;
		else
			len += snprintf(to + len, size - len, "%%%02X", ch);
	}
	if (!size)
		return false;
	to[len] = '\0';
	return true;
}

/* -- tables -- */

static struct table_cell *next_cell(struct table *t)
{
	size_t cap = t->cap ? 2 * t->cap : 64;
	struct table_cell *grown;

	if (t->n == t->cap) {
		grown = t->failed ? NULL : reallocarray(t->cell, cap, sizeof(*grown));
		if (!grown) {
			t->failed = true;
			return NULL;
		}
		t->cell = grown;
		t->cap = cap;
	}
	return &t->cell[t->n++];
}

void table_begin(struct table *t, const char *const *heads)
{
	*t = (struct table){};
	for (; *heads && t->columns < TABLE_COLUMNS; heads++) {
		bool right = **heads == '>';

		t->right[t->columns++] = right;
		table_add(t, TONE_BOLD, "%s", *heads + right);
	}
}

void table_add_text(struct table *t, enum tone tone, const char *text)
{
	struct table_cell *cell = next_cell(t);
	struct str s;

	if (!cell)
		return;
	cell->tone = tone;
	s = str_over(cell->text, sizeof(cell->text));
	str_add_safe(&s, text, sizeof(cell->text) - 4);
}

void table_add(struct table *t, enum tone tone, const char *fmt, ...)
{
	char text[2 * TABLE_CELL_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	table_add_text(t, tone, text);
}

static void measure(const struct table *t, size_t rows, size_t width[TABLE_COLUMNS])
{
	for (size_t i = 0; i < rows * t->columns && i < t->n; i++) {
		size_t len = strlen(t->cell[i].text);

		if (len > width[i % t->columns])
			width[i % t->columns] = len;
	}
}

/* One cell, cut at what is left of the line; returns what is left after it. */
static size_t print_cell(const struct table_cell *c, FILE *to, bool color, int pad, size_t left)
{
	size_t len = strlen(c->text), shown = len > left ? left : len;

	if (shown)
		fprintf(to, "%s%.*s%s", tone_begin(c->tone, color), (int)shown, c->text,
			tone_end(c->tone, color));
	left -= shown;
	if ((size_t)pad > left)
		pad = left;
	fprintf(to, "%*s", pad, "");
	return left - pad;
}

static void print_row(const struct table *t, size_t row, FILE *to, bool color,
		      const size_t width[TABLE_COLUMNS], size_t left)
{
	for (size_t col = 0; col < t->columns; col++) {
		size_t at = row * t->columns + col;
		bool last = col + 1 == t->columns || at + 1 >= t->n;
		size_t pad, gap = last ? 0 : 2;

		if (at >= t->n || !left)
			break;
		pad = width[col] - strlen(t->cell[at].text);
		if (t->right[col] && pad) {
			pad = pad < left ? pad : left;
			fprintf(to, "%*s", (int)pad, "");
			left -= pad;
			pad = 0;
		}
		left = print_cell(&t->cell[at], to, color, last ? 0 : pad + gap, left);
	}
	fputc('\n', to);
}

void table_print(const struct table *t, FILE *to, bool color, size_t width, size_t lines)
{
	size_t widths[TABLE_COLUMNS] = {}, rows;

	if (!t->columns)
		return;
	rows = (t->n + t->columns - 1) / t->columns;
	if (lines && rows > lines + 1)
		rows = lines + 1;
	measure(t, rows, widths);
	for (size_t row = 0; row < rows; row++)
		print_row(t, row, to, color, widths, width ? width : SIZE_MAX);
}

void table_free(struct table *t)
{
	free(t->cell);
	*t = (struct table){};
}

/* -- answers -- */

double json_number(const cJSON *o, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

const char *json_text(const cJSON *o, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return text ? text : "";
}

bool json_true(const cJSON *o, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, name));
}
