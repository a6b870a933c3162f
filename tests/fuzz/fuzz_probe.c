// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Bytes from an instance, and from a hook. Whatever they are: no read past the
 * end, an answer that is whole stays so with more bytes behind it, one that is
 * wrong is never mended, and what a hook is believed reads back the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "common/addr.c"
#include "common/num.c"
#include "common/str.c"
#include "plan/hook_line.c"
#include "plan/probe_wire.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void fuzz_connack(const uint8_t *data, size_t len)
{
	enum probe_answer before = PROBE_ANSWER_MORE;
	uint8_t first_code = 0;

	for (size_t n = 0; n <= len && n <= 2 * PROBE_MQTT_ANSWER_MAX; n++) {
		uint8_t code = 0;
		enum probe_answer now = probe_mqtt_connack(data, n, &code);

		if (before != PROBE_ANSWER_MORE && (now != before || code != first_code))
			abort();
		if (n >= PROBE_MQTT_ANSWER_MAX && now == PROBE_ANSWER_MORE)
			abort();
		before = now;
		first_code = code;
	}
}

static void fuzz_reset(const uint8_t *data, size_t len)
{
	uint16_t id = len >= 4 ? data[2] << 8 | data[3] : 0;

	if (probe_coap_is_reset(data, len, id) && (len != 4 || data[0] != 0x70 || data[1]))
		abort();
	if (probe_coap_is_reset(data, len, id) && probe_coap_is_reset(data, len, id ^ 1))
		abort();
}

static void fuzz_hook(const char *out, size_t len)
{
	char text[ADDR_ENDPOINT_TEXT], error[HOOK_ERROR_MAX];
	struct sl_addr addr, again;
	uint16_t port, port_again;

	if (hook_line_parse(out, len, &addr, &port, error)) {
		if (!memchr(error, '\0', sizeof(error)) || !error[0])
			abort();
		return;
	}
	addr_endpoint_text(&addr, port, text);
	if (!port || hook_line_parse(text, strlen(text), &again, &port_again, error) ||
	    port != port_again || !addr_equal(&addr, &again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > HOOK_OUTPUT_MAX)
		return 0;
	fuzz_connack(data, len);
	fuzz_reset(data, len);
	fuzz_hook((const char *)data, len);
	return 0;
}
