/*
 * Reads every page of a dump by libkdumpfile, on all processors, and looks for root FDTs as a plain program would: by
 * the first word of each page.
 */
#include <err.h>
#include <endian.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <libkdumpfile/kdumpfile.h>

#define MAGIC 0xd00dfeedu

struct share {
	kdump_ctx_t *dump;
	kdump_num_t first, end;
	unsigned long long trees, pages;
};

static unsigned long page_size;

static void *read_share(void *argument)
{
	struct share *share = argument;
	unsigned char *page = malloc(page_size);

	if (!page)
		err(1, "malloc");
	for (kdump_num_t number = share->first; number < share->end; number++) {
		size_t size = page_size;

		if (kdump_read(share->dump, KDUMP_MACHPHYSADDR, number * page_size, page, &size) != KDUMP_OK)
			continue;
		share->pages++;
		share->trees += be32toh(*(uint32_t *)page) == MAGIC;
	}
	free(page);
	return NULL;
}

int main(int argc, char **argv)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	struct share shares[count];
	pthread_t threads[count];
	kdump_ctx_t *dump = kdump_new();
	kdump_num_t size, last;
	unsigned long long trees = 0, pages = 0;
	int file = argc == 2 ? open(argv[1], O_RDONLY) : -1;

	if (file < 0)
		errx(64, "usage: pages DUMP");
	if (kdump_open_fd(dump, file) != KDUMP_OK || kdump_get_number_attr(dump, KDUMP_ATTR_PAGE_SIZE, &size) != KDUMP_OK
	    || kdump_get_number_attr(dump, "max_pfn", &last) != KDUMP_OK)
		errx(1, "%s", kdump_get_err(dump));
	page_size = size;
	for (long index = 0; index < count; index++) {
		/* A context is one thread's; clones share the file and its cache. */
		shares[index] = (struct share){
			.dump = index ? kdump_clone(dump, KDUMP_CLONE_XLAT) : dump,
			.first = last * index / count,
			.end = last * (index + 1) / count,
		};
		if (!shares[index].dump)
			errx(1, "no clone");
	}
	for (long index = 0; index < count; index++)
		if (pthread_create(&threads[index], NULL, read_share, &shares[index]))
			errx(1, "no thread");
	for (long index = 0; index < count; index++) {
		pthread_join(threads[index], NULL);
		trees += shares[index].trees;
		pages += shares[index].pages;
	}
	printf("%llu pages, %llu trees\n", pages, trees);
	return 0;
}
