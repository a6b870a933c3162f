/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* oneM2M's resource types: the names of TS-0004 6.3.4.2.1 for those that are common, numbers
 * for all.
 */
#ifndef SL_ONEM2M_H
#define SL_ONEM2M_H

#include <stdint.h>
#include "model.h"

#define ONEM2M_TYPE_TEXT 24

/* As a configuration says it: a name, else the number. Returns @ret. */
const char *onem2m_type_text(uint8_t type, char ret[ONEM2M_TYPE_TEXT]);

#endif /* SL_ONEM2M_H */
