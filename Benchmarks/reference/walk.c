/*
 * Walks the sessions, files, and memfds of a handover of Linux 7.2, and sums all of their fields.
 * usage: walk CORE [ROOT-ADDRESS]
 */

#include <stdio.h>
#include "core.h"

#define MAX_BLOCKS 10000

struct luo_ser {
	char compatible[8];
	uint64_t liveupdate_num, sessions_pa, flbs_pa;
};

struct block_header {
	uint64_t next, count;
};

struct session {
	char name[64];
	uint64_t files, count;
};

struct file {
	char compatible[48];
	uint64_t data, token;
};

struct vmalloc {
	uint64_t first;
	uint32_t total_pages;
	uint16_t flags, order;
};

struct memfd {
	uint64_t pos, size;
	uint32_t seals, flags;
	uint64_t nr_folios;
	struct vmalloc folios;
};

struct folio {
	uint64_t place; /* 52 bits of page frame number, 12 of flags */
	uint64_t index;
};

struct chunk {
	uint64_t next;
	uint64_t pages[PAGE_SIZE / 8 - 1];
};

static struct core core;
static uint64_t sum, sessions, files, memfds, folios;

static void add(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i += 8) {
		uint64_t word;

		memcpy(&word, text + i, 8);
		sum += word;
	}
}

static void walk_memfd(uint64_t address)
{
	const struct memfd *memfd = at(&core, address, sizeof *memfd);
	uint64_t next = memfd->folios.first, rest = memfd->nr_folios;
	uint64_t page_size = (uint64_t)PAGE_SIZE << memfd->folios.order;

	memfds++;
	sum += memfd->pos + memfd->size + memfd->seals + memfd->flags + memfd->nr_folios + memfd->folios.first +
	       memfd->folios.total_pages + memfd->folios.flags + memfd->folios.order;
	while (next) {
		const struct chunk *chunk = at(&core, next, sizeof *chunk);

		sum += chunk->next;
		for (size_t i = 0; i < PAGE_SIZE / 8 - 1 && chunk->pages[i]; i++) {
			uint64_t here = page_size / sizeof(struct folio);
			const struct folio *folio = at(&core, chunk->pages[i], page_size);

			if (here > rest)
				here = rest;
			sum += chunk->pages[i];
			for (uint64_t j = 0; j < here; j++)
				sum += folio[j].place + folio[j].index;
			folios += here;
			rest -= here;
		}
		next = chunk->next;
	}
	if (rest)
		errx(1, "%llu folios are missing", (unsigned long long)rest);
}

/* Hands every record of a chain of blocks to body. */
static void walk_chain(uint64_t address, size_t record_size, void (*body)(const void *record))
{
	for (size_t blocks = 0; address; blocks++) {
		const struct block_header *header = at(&core, address, PAGE_SIZE);
		const unsigned char *records = (const void *)(header + 1);

		if (blocks == MAX_BLOCKS || header->count > (PAGE_SIZE - sizeof *header) / record_size)
			errx(1, "a bad chain");
		sum += header->next + header->count;
		for (uint64_t i = 0; i < header->count; i++)
			body(records + i * record_size);
		address = header->next;
	}
}

static void walk_file(const void *record)
{
	const struct file *file = record;

	files++;
	add(file->compatible, sizeof file->compatible);
	sum += file->data + file->token;
	if (!strncmp(file->compatible, "memfd-v2", sizeof file->compatible))
		walk_memfd(file->data);
}

static void walk_session(const void *record)
{
	const struct session *session = record;

	sessions++;
	add(session->name, sizeof session->name);
	sum += session->files + session->count;
	walk_chain(session->files, sizeof(struct file), walk_file);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		errx(64, "usage: walk CORE [ROOT-ADDRESS]");
	core = open_core(argv[1]);
	const void *root = find_root(&core, argv[2]);
	const struct luo_ser *luo = at(&core, number(root, "/LUO", "preserved-data"), sizeof *luo);

	sum += luo->liveupdate_num + luo->sessions_pa + luo->flbs_pa;
	walk_chain(luo->sessions_pa, sizeof(struct session), walk_session);
	printf("%llu sessions, %llu files, %llu memfds, %llu folios, sum 0x%llx\n", (unsigned long long)sessions,
	       (unsigned long long)files, (unsigned long long)memfds, (unsigned long long)folios,
	       (unsigned long long)sum);
	return 0;
}
