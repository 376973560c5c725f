/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c - calls a harness without a fuzzer:
 *
 *	replay FILE|FOLDER...   with each file, in order of the names; status 1 when there is none
 *	replay                  with the standard input, as AFL++ gives it
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

#define INPUT_BYTES_LIMIT ((size_t)1 << 20)
#define PATH_BYTES 4096

static void run(FILE *file, const char *name)
{
	uint8_t *room = malloc(INPUT_BYTES_LIMIT), *exact;
	size_t size;

	MUST(room != NULL);
	size = fread(room, 1, INPUT_BYTES_LIMIT, file);
	exact = malloc(size + (size == 0));
	MUST(exact != NULL);
	memcpy(exact, room, size);
	free(room);
	(void)fprintf(stderr, "%s\n", name); /* the last one is the one that failed */
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static int run_path(const char *path)
{
	FILE *file = fopen(path, "rb");

	if (file == NULL) {
		perror(path);
		exit(2);
	}
	run(file, path);
	(void)fclose(file);
	return 1;
}

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int run_folder(const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_shown, alphasort);

	for (int i = 0; i < count; i++) {
		char path[PATH_BYTES];

		MUST(snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name) < PATH_BYTES);
		(void)run_path(path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return count;
}

int main(int count, char **arguments)
{
	struct stat status;
	int ran = 0;

	if (count == 1)
		run(stdin, "standard input");
	for (int i = 1; i < count; i++) {
		if (stat(arguments[i], &status) == 0 && S_ISDIR(status.st_mode))
			ran += run_folder(arguments[i]);
		else
			ran += run_path(arguments[i]);
	}
	if (count > 1)
		(void)printf("%d inputs\n", ran);
	return count > 1 && ran <= 0;
}
