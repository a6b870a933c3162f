// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The decision table of bpf/README.md is the one that decides: its lines are made
 * from AFFINITY_ROWS. `test_affinity_table print` prints them, to be put there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "config_edit.h"
#include "lib/affinity.h"

#define README "bpf/README.md" /* tests run in the top folder */
#define HEAD                                                                                   \
	"| row | slot | packet | what is known of its flow | goes to | what becomes of it |\n" \
	"|---|---|---|---|---|---|\n"

static const char *const go_words[] = {
	[GO_CUR] = "`cur`",	    [GO_PREV] = "`prev`",
	[GO_PIN] = "the pin's",	    [GO_EXCHANGE] = "the exchange's",
	[GO_CID] = "the id's",	    [GO_SENDER] = "the device",
	[GO_RESET] = "back, a RST",
};

static const char *const action_words[] = {
	[PIN_LEAVE] = "nothing",
	[PIN_REFRESH] = "pin refreshed, and no longer closing",
	[PIN_TOUCH] = "pin refreshed, still closing",
	[PIN_PROMOTE] = "pin established",
	[PIN_SHORTEN] = "pin closing",
	[PIN_MAKE_HALF_OPEN] = "new pin, half-open",
	[PIN_MAKE_ESTABLISHED] = "new pin, established",
	[PIN_WAIT] = "pin refreshed, to last",
	[PIN_MAKE_WAITING] = "new pin, half-open, to last",
	[PIN_FAIL] = "counted, so that the transition is prolonged",
	[PIN_DROP] = "pin dropped if there is one",
	[PIN_MAKE_EXCHANGE] = "Message-ID remembered",
	[PIN_REFRESH_EXCHANGE] = "Message-ID remembered for longer",
};

static const struct {
	const char *name, *slot, *packet, *known;
} texts[] = {
#define X(name, slot, packet, pin, go, action) [AFF_##name] = { #name, slot, packet, pin },
	AFFINITY_ROWS(X)
#undef X
};

static void render(enum affinity_row row, char *buf, size_t size)
{
	char name[32] = "";
	int n;

	for (size_t i = 0; texts[row].name[i] && i < sizeof(name) - 1; i++)
		name[i] = texts[row].name[i] == '_' ? '_' : texts[row].name[i] | 0x20;
	n = snprintf(buf, size, "| `%s` | %s | %s | %s | %s | %s |\n", name, texts[row].slot,
		     texts[row].packet, texts[row].known, go_words[affinity_go(row)],
		     action_words[affinity_do(row)]);
	assert_in_range(n, 1, size - 1);
}

static void test_readme_has_the_table(void **state)
{
	char line[512], *text, *at;
	size_t len = 0;

	(void)state;
	text = edit_slurp(README, &len);
	assert_non_null(text);
	at = strstr(text, HEAD);
	if (!at)
		fail_msg(README ": no table that begins with\n" HEAD);
	at += strlen(HEAD);
	for (int row = 0; row < AFF__MAX; row++) {
		render(row, line, sizeof(line));
		if (strncmp(at, line, strlen(line)))
			fail_msg(README ": row %s: %.*s\nwant: %s", texts[row].name,
				 (int)strcspn(at, "\n"), at, line);
		at += strlen(line);
	}
	if (*at == '|')
		fail_msg(README ": no such row: %.*s", (int)strcspn(at, "\n"), at);
	free(text);
}

/* Two rows of the same text would be one to the reader. */
static void test_rows_differ(void **state)
{
	(void)state;
	for (int a = 0; a < AFF__MAX; a++)
		for (int b = 0; b < a; b++)
			if (!strcmp(texts[a].slot, texts[b].slot) &&
			    !strcmp(texts[a].packet, texts[b].packet) &&
			    !strcmp(texts[a].known, texts[b].known))
				fail_msg("rows %s and %s", texts[a].name, texts[b].name);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readme_has_the_table),
		cmocka_unit_test(test_rows_differ),
	};
	char line[512];

	if (argc < 2 || strcmp(argv[1], "print"))
		return cmocka_run_group_tests(tests, NULL, NULL);
	fputs(HEAD, stdout);
	for (int row = 0; row < AFF__MAX; row++) {
		render(row, line, sizeof(line));
		fputs(line, stdout);
	}
	return 0;
}
