/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the commands of sluicectl share: the command table's shape, the options,
 * the way to the daemon.
 */
#ifndef SL_CTL_H
#define SL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cjson/cJSON.h>

/* Also the exit code. */
enum ctl_result {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_UNREACHABLE = 3,
};

#define CTL_MAX_OPTIONS 12
#define CTL_PATH_LEN	512

struct ctl;

struct cmd {
	const char *path;    /* "tenant quota" */
	const char *args;    /* for usage and completion: "TENANT KEY=RATE..." */
	const char *options; /* "--now --timeout=SECONDS": with '=' a value is wanted */
	const char *help;
	int min_args, max_args;
	enum ctl_result (*run)(struct ctl *c);
};
extern const struct cmd cmds[]; /* up to one without a path */

struct ctl_option {
	const char *name; /* with its dashes */
	const char *value;
};

struct ctl {
	const char *socket;
	bool json, color, color_err;
	const struct cmd *cmd;
	int argc;
	char **argv; /* what is left: the command's own arguments */
	struct ctl_option option[CTL_MAX_OPTIONS];
	int n_options;
};

/* An option of the command: NULL if it was not given, "" if it takes no value. */
const char *ctl_option(const struct ctl *c, const char *name);
/* A number in an option; false: malformed, and said so. Absent: *@io stays. */
bool ctl_option_count(const struct ctl *c, const char *name, uint64_t min, uint64_t max,
		      uint64_t *io);

/* Say what is wrong, on stderr. */
void ctl_error(const struct ctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, with the command's usage; returns CTL_USAGE. */
enum ctl_result ctl_usage(const struct ctl *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* -- cmd.c -- */
const struct cmd *cmd_find(int argc, char **argv, int *ret_words);
/* Is @word the first of several commands' two words? */
bool cmd_is_group(const char *word);
void cmd_print_usage(const struct cmd *cmd, FILE *to);
enum ctl_result cmd_help(struct ctl *c);
enum ctl_result cmd_complete(struct ctl *c);

/* -- client.c -- */
struct client_reply {
	long status;
	char *text;
	size_t len;
};

/* One request. CTL_OK: there is an answer, whatever its status; the text is the
 * caller's to free. CTL_UNREACHABLE: nobody answered; nothing is said.
 */
enum ctl_result client_call(const struct ctl *c, const char *method, const char *path,
			    const char *body, struct client_reply *ret);
void client_say_unreachable(const struct ctl *c);

/* Follow a stream of lines until it ends or @fn returns false. */
typedef bool (*client_line_fn)(void *arg, char *line);
enum ctl_result client_lines(const struct ctl *c, const char *path, uint64_t last_id,
			     client_line_fn fn, void *arg);

/* A request as most commands want it: what goes wrong is said, and with --json
 * the answer is printed. *@ret is set only where there is something left to do
 * with it, and the caller's to free then.
 */
enum ctl_result ctl_fetch(const struct ctl *c, const char *method, const char *path,
			  const cJSON *body, cJSON **ret);
/* The same, never printed. */
enum ctl_result ctl_ask(const struct ctl *c, const char *method, const char *path,
			const cJSON *body, cJSON **ret);

/* "/v1/services/%s/instances" with each "%s" a name, percent-encoded. False: too
 * long, and said so.
 */
bool ctl_path(const struct ctl *c, char ret[CTL_PATH_LEN], const char *fmt, ...);

/* Run the daemon's own program, which lies beside this one, for what needs no
 * daemon. Returns its exit code as a result.
 */
enum ctl_result ctl_run_sluiced(const struct ctl *c, const char *const *argv);

/* -- commands, by file -- */
enum ctl_result cmd_status(struct ctl *c); /* cmd_status.c */
enum ctl_result cmd_reasons(struct ctl *c);
enum ctl_result cmd_doctor(struct ctl *c);	 /* cmd_doctor.c */
enum ctl_result cmd_service_list(struct ctl *c); /* cmd_service.c */
enum ctl_result cmd_service_show(struct ctl *c);
enum ctl_result cmd_instance_list(struct ctl *c); /* cmd_instance.c */
enum ctl_result cmd_instance_add(struct ctl *c);
enum ctl_result cmd_instance_remove(struct ctl *c);
enum ctl_result cmd_instance_drain(struct ctl *c);
enum ctl_result cmd_instance_up(struct ctl *c);
enum ctl_result cmd_instance_down(struct ctl *c);
enum ctl_result cmd_instance_weight(struct ctl *c);
enum ctl_result cmd_tenant_list(struct ctl *c); /* cmd_tenant.c */
enum ctl_result cmd_tenant_show(struct ctl *c);
enum ctl_result cmd_tenant_quota(struct ctl *c);
enum ctl_result cmd_response_list(struct ctl *c); /* cmd_response.c */
enum ctl_result cmd_response_set(struct ctl *c);
enum ctl_result cmd_response_remove(struct ctl *c);
enum ctl_result cmd_devices(struct ctl *c); /* cmd_devices.c */
enum ctl_result cmd_top(struct ctl *c);	    /* cmd_top.c */
enum ctl_result cmd_events(struct ctl *c);  /* cmd_events.c */
enum ctl_result cmd_trace(struct ctl *c);   /* cmd_trace.c */
enum ctl_result cmd_reload(struct ctl *c);  /* cmd_config.c */
enum ctl_result cmd_check(struct ctl *c);
enum ctl_result cmd_config_show(struct ctl *c);
enum ctl_result cmd_detach(struct ctl *c);
enum ctl_result cmd_explain(struct ctl *c); /* cmd_explain.c */

#endif /* SL_CTL_H */
