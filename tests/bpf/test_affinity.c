// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every row of the decision table (bpf/README.md, "Pins") by a packet through the
 * program: which instance, and what became of pin and exchange. At the end each
 * row must have decided, so that none can be added without a packet. The rows'
 * arithmetic is the model's, tests/unit/test_pins_model.c; this is about maps and time.
 */
#include "affinity_tcp.h"
#include "affinity_coap.h"
#include "affinity_dtls.h"

/* All but what is not looked up, and therefore not counted. */
static void test_every_row_has_a_packet(void **state)
{
	(void)state;
	for (int row = 0; row < AFF__MAX; row++)
		if (row != AFF_QUIESCENT && !rows_met[row])
			fail_msg("no packet for row %s", row_names[row]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TCP_TESTS,
		COAP_TESTS,
		DTLS_TESTS,
		cmocka_unit_test(test_every_row_has_a_packet),
	};

	network_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
