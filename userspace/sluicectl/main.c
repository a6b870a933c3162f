// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sluicectl: options, and which command. Speaks to the daemon's socket only; explain, to nobody. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <curl/curl.h>
#include <sluice/names.h>
#include "../common/num.h"
#include "ctl.h"

#define MAX_WORDS 64

enum color_when {
	COLOR_AUTO,
	COLOR_ALWAYS,
	COLOR_NEVER,
};

struct words {
	char *word[MAX_WORDS]; /* what is no option */
	int n;
	struct {
		char *arg, *next;  /* what stands behind it: its value, perhaps */
	} option[CTL_MAX_OPTIONS]; /* of the command, not known yet */
	int n_options;
	enum color_when color;
	bool help, version;
};

void ctl_error(const struct ctl *c, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%ssluicectl:%s ", c->color_err ? "\033[31m" : "",
		c->color_err ? "\033[0m" : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

enum ctl_result ctl_usage(const struct ctl *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ctl_error(c, "%s", text);
	if (c->cmd)
		cmd_print_usage(c->cmd, stderr);
	return CTL_USAGE;
}

const char *ctl_option(const struct ctl *c, const char *name)
{
	for (int i = 0; i < c->n_options; i++)
		if (!strcmp(c->option[i].name, name))
			return c->option[i].value;
	return NULL;
}

bool ctl_option_count(const struct ctl *c, const char *name, uint64_t min, uint64_t max,
		      uint64_t *io)
{
	const char *text = ctl_option(c, name);

	if (!text || !num_count(text, min, max, io))
		return true;
	ctl_usage(c, "%s: want an integer from %llu to %llu, not \"%s\"", name,
		  (unsigned long long)min, (unsigned long long)max, text);
	return false;
}

/* -- options -- */

/* "--socket PATH" and "--socket=PATH". */
static const char *value_of(int argc, char **argv, int *io_at, size_t name_len)
{
	const char *arg = argv[*io_at];

	if (arg[name_len] == '=')
		return arg + name_len + 1;
	return *io_at + 1 < argc ? argv[++*io_at] : NULL;
}

static bool color_parse(const char *text, enum color_when *ret)
{
	static const char *const when[] = { "auto", "always", "never" };

	for (int i = 0; text && i < 3; i++) {
		if (strcmp(text, when[i]))
			continue;
		*ret = i;
		return true;
	}
	return false;
}

static bool is_option(const char *arg, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(arg, name, len) && (!arg[len] || arg[len] == '=');
}

/* Global options may stand anywhere; what else begins with "--" is the command's. */
static enum ctl_result take_option(struct ctl *c, struct words *w, int argc, char **argv,
				   int *io_at)
{
	char *arg = argv[*io_at];

	if (is_option(arg, "--socket")) {
		c->socket = value_of(argc, argv, io_at, strlen("--socket"));
		if (!c->socket || !*c->socket)
			return ctl_usage(c, "--socket: want the path of the daemon's socket");
	} else if (is_option(arg, "--color")) {
		if (!color_parse(value_of(argc, argv, io_at, strlen("--color")), &w->color))
			return ctl_usage(c, "--color: want auto, always or never");
	} else if (!strcmp(arg, "--no-color")) {
		w->color = COLOR_NEVER;
	} else if (!strcmp(arg, "--json")) {
		c->json = true;
	} else if (!strcmp(arg, "--help") || !strcmp(arg, "-h")) {
		w->help = true;
	} else if (!strcmp(arg, "--version")) {
		w->version = true;
	} else if (w->n_options == CTL_MAX_OPTIONS) {
		return ctl_usage(c, "too many options");
	} else {
		w->option[w->n_options].next = *io_at + 1 < argc ? argv[*io_at + 1] : NULL;
		w->option[w->n_options++].arg = arg;
	}
	return CTL_OK;
}

static enum ctl_result take_words(struct ctl *c, struct words *w, int argc, char **argv)
{
	bool only_words = false;

	for (int i = 1; i < argc; i++) {
		enum ctl_result rc;

		/* A command line that is being completed is data. */
		if (w->n && !strcmp(w->word[0], "complete"))
			only_words = true;
		if (!only_words && !strcmp(argv[i], "--")) {
			only_words = true;
			continue;
		}
		if (only_words || argv[i][0] != '-' || !argv[i][1]) {
			if (w->n == MAX_WORDS)
				return ctl_usage(c, "too many arguments");
			w->word[w->n++] = argv[i];
			continue;
		}
		rc = take_option(c, w, argc, argv, &i);
		if (rc)
			return rc;
	}
	return CTL_OK;
}

/* Take @word out of the arguments; false: it is none of them. */
static bool take_argument(struct ctl *c, const char *word)
{
	for (int i = 0; i < c->argc; i++) {
		if (c->argv[i] != word)
			continue;
		memmove(c->argv + i, c->argv + i + 1, (c->argc - i - 1) * sizeof(*c->argv));
		c->argc--;
		return true;
	}
	return false;
}

/* An option among those that the command's table row lists: "--limit=5", "--limit 5". */
static enum ctl_result add_option(struct ctl *c, char *arg, char *next)
{
	size_t name = strcspn(arg, "=");
	const char *at = c->cmd->options;

	while (*at) {
		size_t len = strcspn(at, " "), known = strcspn(at, " =");

		if (known == name && !strncmp(at, arg, name)) {
			bool wants = at[known] == '=', has = arg[name] == '=';

			bool behind = wants && !has && next && take_argument(c, next);

			if (wants != (has || behind))
				return ctl_usage(c, "%.*s: %s", (int)len, at,
						 wants ? "want a value" : "takes no value");
			arg[name] = '\0';
			c->option[c->n_options++] = (struct ctl_option){ arg, has ? arg + name + 1
									      : behind ? next
										       : "" };
			return CTL_OK;
		}
		at += len + (at[len] == ' ');
	}
	return ctl_usage(c, "%s has no option %.*s", c->cmd->path, (int)name, arg);
}

static bool wants_color(enum color_when when, FILE *to)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (when != COLOR_AUTO)
		return when == COLOR_ALWAYS;
	return !(no && *no) && !(term && !strcmp(term, "dumb")) && isatty(fileno(to));
}

/* -- dispatch -- */

static enum ctl_result choose(struct ctl *c, struct words *w)
{
	int words = 0;

	c->cmd = cmd_find(w->n, w->word, &words);
	if (!c->cmd && w->n == 1 && cmd_is_group(w->word[0]))
		return ctl_usage(c, "%s: which command? try: sluicectl help %s", w->word[0],
				 w->word[0]);
	if (!c->cmd && cmd_is_group(w->word[0]))
		return ctl_usage(c, "%s: unknown command \"%s\"; try: sluicectl help %s",
				 w->word[0], w->word[1], w->word[0]);
	if (!c->cmd)
		return ctl_usage(c, "unknown command \"%s\"; try: sluicectl help", w->word[0]);
	c->argc = w->n - words;
	c->argv = w->word + words;
	/* First, as the 5 of "--limit 5" is no argument. */
	for (int i = 0; i < w->n_options; i++) {
		enum ctl_result rc = add_option(c, w->option[i].arg, w->option[i].next);

		if (rc)
			return rc;
	}
	if (c->argc < c->cmd->min_args)
		return ctl_usage(c, "%s: an argument is missing", c->cmd->path);
	if (c->argc > c->cmd->max_args)
		return ctl_usage(c, "%s: too many arguments", c->cmd->path);
	return CTL_OK;
}

static enum ctl_result run(struct ctl *c, int argc, char **argv)
{
	struct words w = {};
	enum ctl_result rc = take_words(c, &w, argc, argv);

	if (rc)
		return rc;
	c->color = wants_color(w.color, stdout);
	c->color_err = wants_color(w.color, stderr);
	if (w.version) {
		printf("sluicectl %s\n", SL_VERSION);
		return CTL_OK;
	}
	if (w.help) {
		c->argc = w.n;
		c->argv = w.word;
		return cmd_help(c);
	}
	if (!w.n)
		return ctl_usage(c, "want a command; try: sluicectl help");
	rc = choose(c, &w);
	return rc ? rc : c->cmd->run(c);
}

int main(int argc, char **argv)
{
	struct ctl c = { .socket = SL_SOCKET };
	const char *socket = getenv("SLUICE_SOCKET");
	enum ctl_result rc;

	if (socket && *socket)
		c.socket = socket;
	if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
		ctl_error(&c, "libcurl does not start");
		return CTL_FAILED;
	}
	rc = run(&c, argc, argv);
	if (fflush(stdout) || ferror(stdout))
		rc = rc ? rc : CTL_FAILED;
	curl_global_cleanup();
	return rc;
}
