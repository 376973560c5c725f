/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A byte string is a frame that the driver of examples/tapnic gets. Whatever it is: nothing beyond it is touched, what is not
 * answered stays as it was, and an answer is sound, no longer than the frame, and for whoever sent that.
 */
#include "fuzz.h"
#include "packets.h"

static const struct address self = { { 2, 0, 0, 0, 0, 1 }, { 10, 0, 0, 1 } };

/* What we send must be ours, and nobody may find fault with it; to ourselves it would be no request again. */
static void check_answer(const uint8_t *asked, const uint8_t *answer, size_t bytes, size_t limit)
{
	uint8_t again[FRAME_LIMIT_BYTES];
	size_t again_bytes = bytes;

	MUST(bytes >= FRAME_HEADER_BYTES && bytes <= limit);
	MUST(memcmp(answer, asked + FRAME_MAC_BYTES, FRAME_MAC_BYTES) == 0);
	MUST(memcmp(answer + FRAME_MAC_BYTES, self.mac, FRAME_MAC_BYTES) == 0);
	if (answer[12] == 8 && answer[13] == 0) {
		size_t header = (answer[14] & 15u) * 4;

		MUST(bytes == FRAME_HEADER_BYTES + (size_t)(answer[16] << 8 | answer[17]));
		MUST(frame_checksum(answer + 14, header, 0) == 0);
		if (answer[23] == 1)
			MUST(frame_checksum(answer + 14 + header, bytes - 14 - header, 0) == 0);
	}
	memcpy(again, answer, bytes);
	memcpy(again, self.mac, FRAME_MAC_BYTES);
	MUST(frame_handle(&self, again, &again_bytes) != FRAME_ANSWERED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *frame = malloc(size > 0 ? size : 1); /* of exactly that size, for a sanitizer to see */
	size_t bytes = size;
	enum frame_fate fate;

	if (frame == NULL)
		return 0;
	if (size > 0)
		memcpy(frame, data, size);
	fate = frame_handle(&self, frame, &bytes);
	MUST((unsigned int)fate < FRAME_FATES);
	if (fate == FRAME_ANSWERED)
		check_answer(data, frame, bytes, size);
	else
		MUST(bytes == size && (size == 0 || memcmp(frame, data, size) == 0));
	free(frame);
	return 0;
}
