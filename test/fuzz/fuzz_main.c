/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/**
 * @file
 * In the place of libFuzzer: runs a target with each file of a folder, once.
 * usage: fuzz_TARGET FOLDER|FILE...
 */

#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned int n_run;

/* In memory of its own, so that sanitizers see a step beyond. */
static bool
run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	uint8_t *data;
	size_t size;

	if (file == NULL || fstat(fileno(file), &st) != 0) {
		perror(path);
		return false;
	}
	size = (size_t)st.st_size;
	data = malloc(size + 1);
	if (data == NULL || fread(data, 1, size, file) != size)
		abort();
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	n_run++;
	return true;
}

static bool
run_folder(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool good = true;
	char file[4096];

	if (dir == NULL)
		return run_file(path);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		good = run_file(file) && good;
	}
	closedir(dir);
	return good;
}

int
main(int argc, char **argv)
{
	bool good = true;
	int i;

	for (i = 1; i < argc; i++)
		good = run_folder(argv[i]) && good;
	printf("%u inputs\n", n_run);
	return good && n_run != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
