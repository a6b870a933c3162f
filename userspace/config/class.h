/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Quota classes by their words; numbers are enum sl_class. */
#ifndef SL_CONFIG_CLASS_H
#define SL_CONFIG_CLASS_H

#include "model.h"

/* "coap.observe"; NULL: there is no such class, or none that a quota may have. */
const char *class_word(unsigned int cls);
/* Of services whose messages may be of it. */
enum sl_protocol class_protocol(unsigned int cls);

#endif /* SL_CONFIG_CLASS_H */
