/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who hears of something: of arrivals and of changes of the set, by a callback object; and threads, whose end is heard of.
 */
#include "wdk.h"

static struct {
	PVOID entry; /* NULL: nobody listens */
	uint64_t told, expected; /* the first by any thread */
} arrivals;

static struct {
	PS_AVAILABLE_CPUS_CHANGE_REGISTRATION registration; /* likewise */
	uint64_t told;
} changes;

static struct {
	PCALLBACK_OBJECT object;
	PVOID registrations[2];
	uint64_t calls;
} callbacks;

/* ---- arrivals ---- */

static NTSTATUS on_arrival(PVOID structure, PVOID context)
{
	PDEVICE_INTERFACE_CHANGE_NOTIFICATION notification = structure;

	MUST(context == &arrivals && notification->Size == sizeof(*notification) && notification->SymbolicLinkName != NULL);
	(void)__atomic_fetch_add(&arrivals.told, 1, __ATOMIC_SEQ_CST);
	return STATUS_UNSUCCESSFUL; /* S-226: ignored */
}

void listeners_arrived(void)
{
	arrivals.expected++;
}

static void arrivals_end(void)
{
	MUST(dhp_arrival_drain(program.engine) == DHP_OK);
	if (arrivals.entry == NULL)
		return;
	MUST(__atomic_load_n(&arrivals.told, __ATOMIC_SEQ_CST) == arrivals.expected);
	if (take_below(2) != 0) {
		MUST(IoUnregisterPlugPlayNotificationEx(arrivals.entry) == STATUS_SUCCESS);
	} else {
		MUST(IoUnregisterPlugPlayNotification(arrivals.entry) == STATUS_SUCCESS);
		MUST(!MISUSE_HAS_A_STATUS || IoUnregisterPlugPlayNotification(arrivals.entry) == STATUS_INVALID_PARAMETER); /* S-246 */
	}
	arrivals.entry = NULL;
}

static void arrivals_begin(void)
{
	bool existing = take_below(2) != 0;
	PVOID none = NULL;

	arrivals_end();
	arrivals.told = 0;
	arrivals.expected = existing ? program.active : 0;
	MUST(IoRegisterPlugPlayNotification(EventCategoryTargetDeviceChange, 0, &GUID_DEVICE_PROCESSOR, NULL, on_arrival, &arrivals,
					    &none) == STATUS_NOT_SUPPORTED && none == NULL);
	MUST(IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange,
					    existing ? PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES : 0,
					    &GUID_DEVICE_PROCESSOR, NULL, on_arrival, &arrivals, &arrivals.entry) == STATUS_SUCCESS);
}

/* ---- changes ---- */

static VOID on_set_change(PVOID context, ULONG64 sequence)
{
	MUST(context == &changes && __atomic_exchange_n(&changes.told, sequence, __ATOMIC_SEQ_CST) < sequence);
}

static void changes_end(void)
{
	if (changes.registration != NULL)
		PsUnregisterAvailableCpusChangeNotification(changes.registration);
	changes.registration = NULL;
}

static void changes_begin(void)
{
	ULONG64 seen;
	ULONG usable = 0;

	changes_end();
	MUST(PsQuerySystemAvailableCpusCount(&usable, &seen) == STATUS_SUCCESS && usable == program.active);
	MUST(PsQueryProcessAvailableCpusCount(PsGetCurrentProcess(), &usable, &seen) == STATUS_SUCCESS && usable == program.active);
	changes.told = 0;
	MUST((take_below(2) != 0 ? PsRegisterSystemAvailableCpusChangeNotification(on_set_change, &changes, &seen, &changes.registration) :
	      PsRegisterProcessAvailableCpusChangeNotification(PsGetCurrentProcess(), on_set_change, &changes, &seen,
							       &changes.registration)) == STATUS_SUCCESS);
	MUST(changes.told == 0);
}

static void changes_query(void)
{
	KAFFINITY_EX room = { .Size = DHP_WDK_GROUPS };
	ULONG64 sequence = 0, again = 0;
	int count = 0;

	MUST(PsQuerySystemAvailableCpus(&room, NULL, &sequence) == STATUS_SUCCESS && room.Count <= DHP_WDK_GROUPS);
	for (USHORT i = 0; i < room.Count; i++)
		count += __builtin_popcountll(room.StaticBitmap[i]);
	MUST(count == (int)program.active);
	MUST(PsQueryProcessAvailableCpus(PsGetCurrentProcess(), &room, &sequence, &again) == STATUS_NO_WORK_DONE);
}

/* ---- callback objects ---- */

static VOID on_notify(PVOID context, PVOID first, PVOID second)
{
	MUST(context == &callbacks && first == &callbacks && second == NULL);
	callbacks.calls++;
}

static void object_open(void)
{
	OBJECT_ATTRIBUTES description;
	UNICODE_STRING name;

	if (callbacks.object != NULL)
		return;
	RtlInitUnicodeString(&name, L"\\Callback\\Fuzzed");
	InitializeObjectAttributes(&description, &name, 0, NULL, NULL);
	MUST(ExCreateCallback(&callbacks.object, &description, FALSE, TRUE) == STATUS_OBJECT_NAME_NOT_FOUND);
	MUST(ExCreateCallback(&callbacks.object, &description, TRUE, TRUE) == STATUS_SUCCESS && callbacks.object != NULL);
}

static void object_use(void)
{
	uint32_t at = take_below(2), how = take_below(3);
	uint64_t expected = (callbacks.registrations[0] != NULL) + (uint64_t)(callbacks.registrations[1] != NULL);

	if (callbacks.object == NULL)
		return;
	if (how == 0 && callbacks.registrations[at] == NULL) {
		callbacks.registrations[at] = ExRegisterCallback(callbacks.object, on_notify, &callbacks);
		MUST(callbacks.registrations[at] != NULL);
	} else if (how == 1 && callbacks.registrations[at] != NULL) {
		ExUnregisterCallback(callbacks.registrations[at]);
		callbacks.registrations[at] = NULL;
	} else {
		callbacks.calls = 0;
		ExNotifyCallback(callbacks.object, &callbacks, NULL);
		MUST(callbacks.calls == expected);
	}
}

static void object_close(void)
{
	for (uint32_t at = 0; at < 2; at++)
		if (callbacks.registrations[at] != NULL)
			ExUnregisterCallback(callbacks.registrations[at]);
	if (callbacks.object != NULL)
		ObDereferenceObject(callbacks.object);
	memset(&callbacks, 0, sizeof(callbacks));
}

/* ---- threads ---- */

static VOID thread(PVOID context)
{
	MUST(KeSetPriorityThread(KeGetCurrentThread(), LOW_REALTIME_PRIORITY) == 8);
	(void)__atomic_fetch_add((uint64_t *)context, 1, __ATOMIC_SEQ_CST);
}

static void start_thread(void)
{
	HANDLE handle = NULL;
	uint64_t runs = 0;

	MUST(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, thread, &runs) == STATUS_SUCCESS);
	MUST(ZwWaitForSingleObject(handle, FALSE, NULL) == STATUS_SUCCESS && runs == 1);
	MUST(ZwClose(handle) == STATUS_SUCCESS);
}

/* ---- the part ---- */

static void begin(void)
{
	memset(&arrivals, 0, sizeof(arrivals));
	memset(&changes, 0, sizeof(changes));
	memset(&callbacks, 0, sizeof(callbacks));
}

static void end(void)
{
	arrivals_end();
	changes_end();
	object_close();
}

static void (*const operations[])(void) = { arrivals_begin, arrivals_end, changes_begin, changes_end, changes_query, object_open,
	object_use, object_use, object_use, object_close, start_thread };

const struct part listeners_part = { "listeners", operations, COUNT(operations), begin, end };
