// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets of several CPUs at one bucket: whatever the interleaving, no charge is
 * lost and none is made twice.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "lib/gcra.h"

#define THREADS 4
#define PACKETS 400000 /* that the bucket has room for, of all threads */
#define COST	16
#define NOW	(1ull << 40)

static __u64 tat;

struct cpu {
	pthread_t thread;
	pthread_barrier_t *start;
	uint64_t passed;
};

/* Offer until the bucket says no. A race that is lost at every try is an answer too, but not a no. */
static void *offer(void *arg)
{
	struct cpu *cpu = arg;
	enum gcra_result res;

	pthread_barrier_wait(cpu->start);
	do {
		res = gcra_step(&tat, NOW, COST, (__u64)PACKETS * COST, 0);
		cpu->passed += res == GCRA_CONFORM;
	} while (res != GCRA_EXCEED);
	return NULL;
}

/* Pass and take back, so that the word ends where it began. */
static void *offer_and_refund(void *arg)
{
	struct cpu *cpu = arg;

	pthread_barrier_wait(cpu->start);
	for (int i = 0; i < PACKETS / THREADS; i++) {
		if (gcra_step(&tat, NOW, COST, (__u64)PACKETS * COST, 0) != GCRA_CONFORM)
			continue;
		cpu->passed++;
		gcra_refund(&tat, COST);
	}
	return NULL;
}

static uint64_t passed_of_all(void *(*work)(void *))
{
	struct cpu cpus[THREADS] = {};
	pthread_barrier_t start;
	uint64_t passed = 0;

	tat = NOW;
	assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
	for (int i = 0; i < THREADS; i++) {
		cpus[i].start = &start;
		assert_int_equal(pthread_create(&cpus[i].thread, NULL, work, &cpus[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(cpus[i].thread, NULL);
		passed += cpus[i].passed;
	}
	pthread_barrier_destroy(&start);
	return passed;
}

static void test_all_cpus_together_get_one_burst(void **state)
{
	(void)state;
	assert_int_equal(passed_of_all(offer), PACKETS);
	assert_int_equal(tat, NOW + (__u64)PACKETS * COST);
}

static void test_refunds_of_all_cpus_add_up(void **state)
{
	(void)state;
	assert_true(passed_of_all(offer_and_refund) > 0);
	assert_int_equal(tat, NOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_cpus_together_get_one_burst),
		cmocka_unit_test(test_refunds_of_all_cpus_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
