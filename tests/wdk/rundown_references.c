/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Run-down protection by its Windows names: in one word, and with a count for each processor.
 */
#include "bound.h"

#define TAG 0x52756e64u

/* The same story for each form. */
struct form {
	BOOLEAN (*acquire)(void *ref);
	BOOLEAN (*acquire_many)(void *ref, ULONG count);
	VOID (*release)(void *ref);
	VOID (*release_many)(void *ref, ULONG count);
	VOID (*wait)(void *ref);
	VOID (*completed)(void *ref);
	VOID (*again)(void *ref);
};

#define FORM(kind, type)                                                                                      \
	static BOOLEAN kind##_acquire(void *ref) { return ExAcquireRundownProtection##type(ref); }            \
	static BOOLEAN kind##_acquire_many(void *ref, ULONG n) { return ExAcquireRundownProtection##type##Ex(ref, n); } \
	static VOID kind##_release(void *ref) { ExReleaseRundownProtection##type(ref); }                      \
	static VOID kind##_release_many(void *ref, ULONG n) { ExReleaseRundownProtection##type##Ex(ref, n); } \
	static VOID kind##_wait(void *ref) { ExWaitForRundownProtectionRelease##type(ref); }                  \
	static VOID kind##_completed(void *ref) { ExRundownCompleted##type(ref); }                            \
	static VOID kind##_again(void *ref) { ExReInitializeRundownProtection##type(ref); }                   \
	static const struct form kind = { kind##_acquire, kind##_acquire_many, kind##_release,                \
					  kind##_release_many, kind##_wait, kind##_completed, kind##_again }

FORM(plain, );
FORM(cache_aware, CacheAware);

static void tell(const struct form *form, void *ref)
{
	assert_int_equal(form->acquire(ref), TRUE);
	assert_int_equal(form->acquire(ref), TRUE); /* many holders at once */
	assert_int_equal(form->acquire_many(ref, 5), TRUE);
	assert_int_equal(form->acquire_many(ref, 0), FALSE);
	form->release(ref);
	form->release_many(ref, 6);
	form->wait(ref); /* nobody holds it: at once */
	assert_int_equal(form->acquire(ref), FALSE);
	assert_int_equal(form->acquire_many(ref, 3), FALSE);
	form->wait(ref); /* does nothing more */
	form->completed(ref);
	form->wait(ref);
	assert_int_equal(form->acquire(ref), FALSE);
	form->again(ref);
	assert_int_equal(form->acquire(ref), TRUE);
	form->release(ref);
	form->wait(ref);
}

struct waiter {
	const struct form *form;
	void *ref;
	uint64_t begun, ended;
};

static void *wait_for_release(void *argument)
{
	struct waiter *waiter = argument;

	(void)bump(&waiter->begun);
	waiter->form->wait(waiter->ref);
	(void)bump(&waiter->ended);
	return NULL;
}

/* A reference keeps the owner waiting, and new ones are refused meanwhile. */
static void keep(const struct form *form, void *ref)
{
	struct waiter waiter = { .form = form, .ref = ref };
	struct helper helper;

	form->again(ref);
	assert_int_equal(form->acquire(ref), TRUE);
	helper_start(&helper, wait_for_release, &waiter);
	while (form->acquire(ref)) /* until run-down has begun */
		form->release(ref);
	assert_int_equal(peek(&waiter.ended), 0);
	form->release(ref);
	assert_true(wait_for_count(&waiter.ended, 1));
	helper_join(&helper);
}

static void one_word_S720_to_S727(void **state)
{
	EX_RUNDOWN_REF ref;
	KIRQL old;

	(void)state;
	memset(&ref, 0xff, sizeof(ref));
	ExInitializeRundownProtection(&ref);
	KeRaiseIrql(DISPATCH_LEVEL, &old); /* acquiring never waits (S-721) */
	assert_int_equal(ExAcquireRundownProtection(&ref), TRUE);
	ExReleaseRundownProtection(&ref);
	KeLowerIrql(old);
	tell(&plain, &ref);
	keep(&plain, &ref);
}

static void counts_for_each_processor_S728(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 2);
	PEX_RUNDOWN_REF_CACHE_AWARE ref = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, TAG);

	(void)state;
	assert_non_null(ref);
	assert_status(dhp_wdk_unbind(), DHP_IN_USE);
	tell(&cache_aware, ref);
	keep(&cache_aware, ref);
	ExReInitializeRundownProtectionCacheAware(ref);
	assert_int_equal(ExAcquireRundownProtectionCacheAware(ref), TRUE);
	add_positions(engine, 2, 8);
	assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, 7))); /* given back on another processor */
	ExReleaseRundownProtectionCacheAware(ref);
	dhp_sim_exit();
	ExWaitForRundownProtectionReleaseCacheAware(ref);
	ExFreeCacheAwareRundownProtection(ref);
	ExFreeCacheAwareRundownProtection(NULL);
	unbind_sim(engine);
	assert_null(ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, TAG)); /* no engine */
	assert_int_equal(ExSizeOfRundownProtectionCacheAware(), 0);
}

/* In memory of the caller's, wherever it begins. */
static void in_the_callers_memory_S728(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 2);
	SIZE_T bytes = ExSizeOfRundownProtectionCacheAware();

	(void)state;
	assert_true(bytes >= 8 * sizeof(LONG64));
	for (size_t offset = 0; offset <= 128; offset += 8) {
		char *memory = ExAllocatePoolWithTag(NonPagedPoolNx, bytes + offset, TAG);
		PEX_RUNDOWN_REF_CACHE_AWARE ref = (void *)(memory + offset);

		assert_non_null(memory);
		memset(memory, 0xff, bytes + offset);
		ExInitializeRundownProtectionCacheAware(ref, bytes);
		tell(&cache_aware, ref);
		ExFreePoolWithTag(memory, TAG);
	}
#if DHP_CHECKS < 2
	{
		uint64_t small[16];
		PEX_RUNDOWN_REF_CACHE_AWARE ref = (void *)small;

		ExInitializeRundownProtectionCacheAware(ref, sizeof(small)); /* too small: nothing is given */
		assert_int_equal(ExAcquireRundownProtectionCacheAware(ref), FALSE);
		ExReleaseRundownProtectionCacheAware(ref);
		ExWaitForRundownProtectionReleaseCacheAware(ref);
		ExInitializeRundownProtectionCacheAware(ref, 8);
		assert_int_equal(ExAcquireRundownProtectionCacheAware(ref), FALSE);
	}
#endif
	unbind_sim(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_word_S720_to_S727),
		cmocka_unit_test(counts_for_each_processor_S728),
		cmocka_unit_test(in_the_callers_memory_S728),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
