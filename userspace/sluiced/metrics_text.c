// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <inttypes.h>
#include <math.h>
#include "metrics.h"

/* Label values escape backslash, quote and newline; help only the first and
 * the last (exposition format 0.0.4).
 */
static void put_escaped(FILE *f, const char *text, bool quote)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", f);
		else if (*text == '\\' || (quote && *text == '"'))
			fprintf(f, "\\%c", *text);
		else
			fputc(*text, f);
	}
}

void metric_family(FILE *f, const char *name, enum metric_type type, const char *help)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };

	fprintf(f, "# HELP %s ", name);
	put_escaped(f, help, false);
	fprintf(f, "\n# TYPE %s %s\n", name, types[type]);
}

static void put_head(FILE *f, const char *name, const char *const *labels)
{
	const char *before = "{";

	fputs(name, f);
	for (; labels && labels[0]; labels += 2) {
		fprintf(f, "%s%s=\"", before, labels[0]);
		put_escaped(f, labels[1], true);
		fputc('"', f);
		before = ",";
	}
	if (*before == ',')
		fputc('}', f);
	fputc(' ', f);
}

void metric_int(FILE *f, const char *name, const char *const *labels, uint64_t value)
{
	put_head(f, name, labels);
	fprintf(f, "%" PRIu64 "\n", value);
}

void metric_float(FILE *f, const char *name, const char *const *labels, double value)
{
	put_head(f, name, labels);
	if (isnan(value))
		fputs("NaN\n", f);
	else if (isinf(value))
		fputs(value > 0 ? "+Inf\n" : "-Inf\n", f);
	else
		fprintf(f, "%.17g\n", value);
}
