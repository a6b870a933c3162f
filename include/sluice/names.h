/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names of pins. The layout version is part of the path, so two builds with
 * different layouts never share a map:
 *
 *	ROOT/abi-N/maps/<map name>
 *	ROOT/abi-N/links/<interface>
 */
#ifndef SL_NAMES_H
#define SL_NAMES_H

#include <sluice/abi.h>

#define SL_STR_(x)	#x
#define SL_STR(x)	SL_STR_(x)

#define SL_PIN_ROOT	"/sys/fs/bpf/sluice"
#define SL_PIN_VERSION	"abi-" SL_STR(SL_ABI_VERSION)
#define SL_PIN_MAPS	"maps"
#define SL_PIN_LINKS	"links"
#define SL_PROGRAM_NAME "sl_xdp"

#define SL_SOCKET	"/run/sluice/control.sock"
#define SL_CONFIG	"/etc/sluice/sluice.json"

#endif /* SL_NAMES_H */
