/*
 * Copies the memory that a collected core has from the core that it was collected from: what reading and writing
 * these bytes takes by itself. The result is the collected core once more.
 * usage: copy SOURCE COLLECTED RESULT
 */

#include <elf.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define PORTION (1 << 20)

static unsigned char buffer[PORTION];

static void read_all(int file, void *bytes, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t done = pread(file, bytes, size, offset);

		if (done <= 0)
			err(2, "read");
		bytes = (char *)bytes + done;
		size -= done;
		offset += done;
	}
}

static void write_all(int file, const void *bytes, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t done = pwrite(file, bytes, size, offset);

		if (done < 0)
			err(2, "write");
		bytes = (const char *)bytes + done;
		size -= done;
		offset += done;
	}
}

static void copy(int source, uint64_t from, int result, uint64_t to, uint64_t size)
{
	while (size) {
		size_t portion = size < PORTION ? size : PORTION;

		read_all(source, buffer, portion, from);
		write_all(result, buffer, portion, to);
		from += portion;
		to += portion;
		size -= portion;
	}
}

struct core {
	int file;
	Elf64_Ehdr header;
	Elf64_Phdr *segments;
};

static struct core open_core(const char *path)
{
	struct core core = { .file = open(path, O_RDONLY) };

	if (core.file < 0)
		err(2, "%s", path);
	read_all(core.file, &core.header, sizeof core.header, 0);
	core.segments = calloc(core.header.e_phnum, sizeof *core.segments);
	if (!core.segments)
		err(2, "%s", path);
	read_all(core.file, core.segments, core.header.e_phnum * sizeof *core.segments, core.header.e_phoff);
	return core;
}

/* Where the source has a segment's bytes: a collected core has few segments, and so has a host. */
static uint64_t find(const struct core *source, const Elf64_Phdr *wanted)
{
	for (size_t i = 0; i < source->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &source->segments[i];
		uint64_t offset = wanted->p_paddr - segment->p_paddr;

		if (segment->p_type == PT_LOAD && wanted->p_paddr >= segment->p_paddr &&
		    offset <= segment->p_filesz && wanted->p_filesz <= segment->p_filesz - offset)
			return segment->p_offset + offset;
	}
	errx(1, "the source lacks 0x%llx", (unsigned long long)wanted->p_paddr);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(64, "usage: copy SOURCE COLLECTED RESULT");
	struct core source = open_core(argv[1]), collected = open_core(argv[2]);
	int result = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	uint64_t start = UINT64_MAX;

	if (result < 0)
		err(2, "%s", argv[3]);
	for (size_t i = 0; i < collected.header.e_phnum; i++) {
		const Elf64_Phdr *segment = &collected.segments[i];

		if (segment->p_type != PT_LOAD || !segment->p_filesz)
			continue;
		copy(source.file, find(&source, segment), result, segment->p_offset, segment->p_filesz);
		if (segment->p_offset < start)
			start = segment->p_offset;
	}
	if (start != UINT64_MAX)
		copy(collected.file, 0, result, 0, start);
	if (close(result))
		err(2, "%s", argv[3]);
	return 0;
}
