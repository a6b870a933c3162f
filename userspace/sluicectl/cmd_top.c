// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* top: what each tenant offers, what is admitted and refused, and why, a second. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "../common/num.h"
#include "ctl.h"
#include "output.h"
#include "top.h"

#define INTERVAL_MAX_S	3600
#define INTERVAL_MIN_NS 100000000
#define LIMIT_DEF	1000
#define LIMIT_MAX	10000
#define HEAD_LINES	3 /* status line, table head, sum */
#define CLEAR		"\033[H\033[J"
#define ALTERNATE_ON	"\033[?1049h\033[?25l"
#define ALTERNATE_OFF	"\033[?25h\033[?1049l"

struct screen {
	bool terminal; /* draw over, take keys */
	bool keys;
	struct termios saved;
	size_t width, lines;
};

static volatile sig_atomic_t stopped;

static void on_stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static void on_resize(int signal)
{
	(void)signal; /* it ends poll(), which is all that is wanted */
}

/* -- the screen -- */

static void screen_measure(struct screen *s)
{
	struct winsize ws;

	if (!s->terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) || !ws.ws_col)
		return;
	s->width = ws.ws_col;
	s->lines = ws.ws_row > HEAD_LINES + 1 ? ws.ws_row - HEAD_LINES - 1 : 1;
}

static void screen_open(struct screen *s)
{
	struct sigaction stop = { .sa_handler = on_stop }, resize = { .sa_handler = on_resize };
	struct termios raw;

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	sigaction(SIGWINCH, &resize, NULL);
	if (!s->terminal)
		return;
	s->keys = isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &s->saved);
	if (s->keys) {
		raw = s->saved;
		raw.c_lflag &= ~(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	fputs(ALTERNATE_ON, stdout);
}

static void screen_close(const struct screen *s)
{
	if (!s->terminal)
		return;
	if (s->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &s->saved);
	fputs(ALTERNATE_OFF, stdout);
	fflush(stdout);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

static bool is_quit_key(void)
{
	char key[16];
	ssize_t n = read(STDIN_FILENO, key, sizeof(key));

	return n <= 0 || memchr(key, 'q', n) || memchr(key, 'Q', n);
}

/* Wait until @until_ms; false: told to end. */
static bool screen_wait(struct screen *s, int64_t until_ms)
{
	struct pollfd key = { .fd = s->keys ? STDIN_FILENO : -1, .events = POLLIN };

	while (!stopped) {
		int64_t left = until_ms - now_ms();

		if (left <= 0)
			return true;
		if (poll(&key, 1, left) == 1 && is_quit_key())
			return false;
	}
	return false;
}

/* -- drawing -- */

static void add_row(struct table *t, const struct top_rate *r, enum tone name, bool latency)
{
	char number[FORMAT_LEN];
	enum tone refused = r->refused >= 0.5 ? TONE_WARN : TONE_PLAIN;

	table_add_text(t, name, r->tenant);
	table_add_text(t, TONE_PLAIN, format_count(r->offered, number));
	table_add_text(t, TONE_GOOD, format_count(r->admitted, number));
	table_add_text(t, refused, format_count(r->refused, number));
	table_add_text(t, TONE_PLAIN, format_count(r->messages, number));
	table_add_text(t, TONE_PLAIN, format_bytes(r->bytes, number));
	if (latency)
		table_add_text(t, TONE_PLAIN, r->latency);
	table_add_text(t, TONE_DIM, r->why);
}

/* Where nothing is timed there is no column. */
static bool any_latency(const struct top_rate *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].latency[0])
			return true;
	return false;
}

static void draw(const struct ctl *c, const struct screen *s, const struct top_rate *rows, size_t n,
		 const cJSON *now)
{
	static const char *const heads[] = { "TENANT",		">OFFERED/s",  ">ADMITTED/s",
					     ">REFUSED/s",	">MESSAGES/s", ">BYTES/s",
					     "WHY (REFUSED/s)", NULL };
	static const char *const timed[] = { "TENANT",	   ">OFFERED/s",      ">ADMITTED/s",
					     ">REFUSED/s", ">MESSAGES/s",     ">BYTES/s",
					     "p50/p99",	   "WHY (REFUSED/s)", NULL };
	bool latency = any_latency(rows, n);
	struct top_rate sum = top_sum(rows, n);
	double folded = json_number(now, "folded");
	struct table t;

	if (s->terminal)
		printf(CLEAR "sluicectl top: %.0f tenants with figures%s    q ends\n",
		       json_number(now, "tenants"), folded ? ", the smallest in _other" : "");
	table_begin(&t, latency ? timed : heads);
	add_row(&t, &sum, TONE_BOLD, latency);
	for (size_t i = 0; i < n && (!s->lines || i < s->lines); i++)
		add_row(&t, &rows[i], TONE_BOLD, latency);
	table_print(&t, stdout, c->color, s->width, 0);
	table_free(&t);
	if (!s->terminal)
		fputc('\n', stdout);
	fflush(stdout);
}

/* -- the command -- */

struct top_opts {
	int64_t interval_ms;
	enum top_sort by;
	bool once;
	char path[CTL_PATH_LEN];
};

/* "2" is seconds, too. */
static bool interval_parse(const char *text, int64_t *ret_ms)
{
	uint64_t s, ns;

	if (!num_count(text, 1, INTERVAL_MAX_S, &s))
		ns = s * NUM_NS_PER_S;
	else if (num_duration(text, &ns) || ns < INTERVAL_MIN_NS ||
		 ns > INTERVAL_MAX_S * NUM_NS_PER_S)
		return false;
	*ret_ms = ns / NUM_NS_PER_MS;
	return true;
}

static bool options(const struct ctl *c, struct top_opts *o)
{
	uint64_t limit = LIMIT_DEF;
	const char *interval = ctl_option(c, "--interval"), *sort = ctl_option(c, "--sort");

	if (interval && !interval_parse(interval, &o->interval_ms)) {
		ctl_usage(c, "--interval: want a time from 100ms to 1h such as 2s, not \"%s\"",
			  interval);
		return false;
	}
	if (sort && !top_sort_parse(sort, &o->by)) {
		ctl_usage(c, "--sort: want offered, admitted, refused, bytes or tenant");
		return false;
	}
	if (!ctl_option_count(c, "--limit", 1, LIMIT_MAX, &limit))
		return false;
	o->once = ctl_option(c, "--once");
	snprintf(o->path, sizeof(o->path), "/v1/top?limit=%llu", (unsigned long long)limit);
	return true;
}

/* One answer a line, as the API gives them. */
static enum ctl_result run_json(struct ctl *c, const struct top_opts *o, struct screen *s)
{
	enum ctl_result rc;
	cJSON *none = NULL;

	do {
		rc = ctl_fetch(c, "GET", o->path, NULL, &none);
		fflush(stdout);
	} while (!rc && !o->once && screen_wait(s, now_ms() + o->interval_ms));
	return rc;
}

static enum ctl_result turn(struct ctl *c, const struct top_opts *o, struct screen *s,
			    cJSON **io_before)
{
	struct top_rate *rows = NULL;
	cJSON *now = NULL;
	enum ctl_result rc = ctl_ask(c, "GET", o->path, NULL, &now);
	size_t n;

	if (rc)
		return rc;
	n = top_rates(*io_before, now, o->by, &rows);
	if (n != SIZE_MAX) {
		screen_measure(s);
		draw(c, s, rows, n, now);
		free(rows);
	}
	cJSON_Delete(*io_before);
	*io_before = now;
	return CTL_OK;
}

static enum ctl_result run(struct ctl *c, const struct top_opts *o, struct screen *s)
{
	cJSON *before = NULL;
	enum ctl_result rc = ctl_ask(c, "GET", o->path, NULL, &before);
	int64_t next = now_ms();

	while (!rc) {
		next += o->interval_ms;
		if (next < now_ms())
			next = now_ms();
		if (!screen_wait(s, next))
			break;
		rc = turn(c, o, s, &before);
		if (o->once)
			break;
	}
	cJSON_Delete(before);
	return rc;
}

enum ctl_result cmd_top(struct ctl *c)
{
	struct top_opts o = { .interval_ms = 1000, .by = TOP_BY_OFFERED };
	struct screen s = {};
	enum ctl_result rc;
	cJSON *probe = NULL;

	if (!options(c, &o))
		return CTL_USAGE;
	if (!c->json) {
		/* What is wrong is said before the screen is taken. */
		rc = ctl_ask(c, "GET", o.path, NULL, &probe);
		cJSON_Delete(probe);
		if (rc)
			return rc;
		s.terminal = !o.once && isatty(STDOUT_FILENO);
	}
	screen_open(&s);
	rc = c->json ? run_json(c, &o, &s) : run(c, &o, &s);
	screen_close(&s);
	return rc;
}
