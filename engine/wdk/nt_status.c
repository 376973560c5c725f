/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nt_status.c - one table from the library's statuses to those of Windows.
 *
 * A registrant's own NTSTATUS travels through the engine as it is: both are numbers of 32 bits of which the failures are
 * below zero, and the library's own are small, where no NTSTATUS is.
 */
#include "binding.h"

#define SMALLEST_OF_OURS (-1024)

static const struct row {
	enum dhp_status ours;
	NTSTATUS theirs;
} rows[] = {
	{ DHP_TIMED_OUT, STATUS_TIMEOUT },
	{ DHP_HELD, STATUS_PENDING },
	{ DHP_REQUIREMENTS_CHANGED, STATUS_RESOURCE_REQUIREMENTS_CHANGED },
	{ DHP_BAD_NAME, STATUS_OBJECT_NAME_NOT_FOUND },
	{ DHP_BAD_ENGINE, STATUS_DEVICE_NOT_READY },
	{ DHP_NO_MEMORY, STATUS_INSUFFICIENT_RESOURCES },
	{ DHP_NO_THREAD, STATUS_INSUFFICIENT_RESOURCES },
	{ DHP_TOO_MANY, STATUS_INSUFFICIENT_RESOURCES },
	{ DHP_ALREADY_THERE, STATUS_OBJECTID_EXISTS },
	{ DHP_TOO_SMALL, STATUS_BUFFER_OVERFLOW },
	{ DHP_CLOSED, STATUS_DEVICE_NOT_READY },
	{ DHP_WRONG_LEVEL, STATUS_INVALID_DEVICE_STATE },
	{ DHP_IN_CALLBACK, STATUS_INVALID_DEVICE_STATE },
	{ DHP_IN_SECTION, STATUS_INVALID_DEVICE_STATE },
	{ DHP_IN_USE, STATUS_INVALID_DEVICE_STATE },
	{ DHP_NOT_SUPPORTED, STATUS_NOT_SUPPORTED },
	{ DHP_NO_PROCESSOR, STATUS_NO_SUCH_DEVICE },
	{ DHP_CANNOT_READ, STATUS_IO_DEVICE_ERROR },
	{ DHP_NO_DESCRIPTOR, STATUS_INSUFFICIENT_RESOURCES },
	{ DHP_INVALID_STATE, STATUS_INVALID_DEVICE_STATE },
	{ DHP_CANCELLED, STATUS_CANCELLED },
	{ DHP_DEVICE_GONE, STATUS_NO_SUCH_DEVICE },
	{ DHP_NOT_QUIET, STATUS_DEVICE_BUSY },
	{ DHP_DETACHED, STATUS_DEVICE_NOT_READY },
	{ DHP_RUN_DOWN, STATUS_DELETE_PENDING },
	{ DHP_NOT_RUN_DOWN, STATUS_INVALID_DEVICE_STATE },
	{ DHP_CANNOT_WRITE, STATUS_IO_DEVICE_ERROR },
	{ DHP_FULL, STATUS_INSUFFICIENT_RESOURCES },
};

static bool names_an_argument(enum dhp_status status)
{
	return status > DHP_NO_MEMORY && status < DHP_OK;
}

NTSTATUS dhp_wdk_status(enum dhp_status status)
{
	if ((int)status < SMALLEST_OF_OURS)
		return (NTSTATUS)status;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].ours == status)
			return rows[i].theirs;
	if (!dhp_failed(status))
		return STATUS_SUCCESS;
	return names_an_argument(status) ? STATUS_INVALID_PARAMETER : STATUS_UNSUCCESSFUL;
}
