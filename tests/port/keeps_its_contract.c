/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keeps_its_contract.c - the port of this build; the same questions are asked of the kernel's by its module.
 */
#include "support.h"

#include "conformance.h"

static void the_port_keeps_its_contract(void **state)
{
	const char *fault = port_conformance();

	(void)state;
	if (fault != NULL)
		fail_msg("the port does not hold: %s", fault);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_port_keeps_its_contract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
