/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a scaling hook prints: where the server it started listens. Pure. */
#ifndef SL_HOOK_LINE_H
#define SL_HOOK_LINE_H

#include <stddef.h>
#include <stdint.h>
#include <sluice/abi.h>

#define HOOK_OUTPUT_MAX 4096 /* kept of a hook's output; the rest is read and dropped */
#define HOOK_LINE_MAX	128  /* of the line that counts */
#define HOOK_ERROR_MAX	192

/* The first line of @len bytes of output: "ADDRESS PORT", "ADDRESS:PORT" or
 * "[ADDRESS]:PORT", with blanks around it. The output ends where the hook has,
 * so the last line needs no newline. -EINVAL: something else, and @reterr says
 * what was printed and what is wanted; the outputs are untouched then.
 */
int hook_line_parse(const char *out, size_t len, struct sl_addr *ret, uint16_t *ret_port,
		    char reterr[HOOK_ERROR_MAX]);

#endif /* SL_HOOK_LINE_H */
