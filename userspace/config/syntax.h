/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SL_SYNTAX_H
#define SL_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include "config.h"

#define SYNTAX_MAX_DEPTH 32

/* Is this one JSON document as RFC 8259 has it, in UTF-8, no deeper than
 * SYNTAX_MAX_DEPTH, and without NUL in a string? If not, *@reterr has
 * "LINE:COLUMN: want ..., not ...", both counted from 1, columns in bytes.
 */
bool syntax_check(const char *text, size_t len, struct config_error *reterr);

#endif /* SL_SYNTAX_H */
