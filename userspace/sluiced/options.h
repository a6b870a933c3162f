/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sluiced's command line. */
#ifndef SL_OPTIONS_H
#define SL_OPTIONS_H

#include <stdbool.h>
#include "../common/log.h"

#define OPTIONS_STATE "/var/lib/sluice/state.json"

struct options {
	const char *config, *socket, *state, *pin_path;
	enum log_level level;
	const char *detach; /* an interface; NULL: none */
	bool check, remove;
};

/* Returns -1 to go on, else the exit code: 0 after --help and --version, 2 for a
 * mistake, which has been told.
 */
int options_parse(int argc, char **argv, struct options *ret);

#endif /* SL_OPTIONS_H */
