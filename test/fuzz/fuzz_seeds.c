/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/** @file Writes the table of cases as a corpus: fuzz_seeds FOLDER */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "fuzz_input.h"

static void
make_head(const struct test_case *c, struct fuzz_head *head)
{
	memset(head, 0, sizeof(*head));
	head->types[0] = c->types & 0xff;
	head->types[1] = c->types >> 8 & 0xff;
	head->types[2] = c->types >> 16 & 0xff;
	head->modifiers = (uint8_t)c->modifiers;
	head->algo = c->algo;
	head->prefix = c->prefix == 0 ? 0 : (uint8_t)((c->prefix - 24) / 8);
	head->inner = c->inner;
	memset(head->contig, 0xff, sizeof(head->contig));
}

static void
write_seed(const char *folder, unsigned int n, const struct test_case *c)
{
	struct fuzz_head head;
	struct frame f;
	char path[4096];
	FILE *file;

	case_frame(c, &f);
	make_head(c, &head);
	snprintf(path, sizeof(path), "%s/%04u", folder, n);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(&head, sizeof(head), 1, file) != 1 ||
	    fwrite(f.data, 1, f.len, file) != f.len || fclose(file) != 0) {
		perror(path);
		exit(EXIT_FAILURE);
	}
}

int
main(int argc, char **argv)
{
	const struct case_list *const *list;
	unsigned int i, n = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return EXIT_FAILURE;
	}
	for (list = case_lists; *list != NULL; list++)
		for (i = 0; i < (*list)->n; i++)
			write_seed(argv[1], n++, &(*list)->cases[i]);
	printf("%u seeds\n", n);
	return EXIT_SUCCESS;
}
