/* Physical memory in an ELF core, as a plain C program reads it: mapped, the segments in a sorted table. */

#include <elf.h>
#include <err.h>
#include <fcntl.h>
#include <libfdt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_SIZE 4096

struct segment {
	uint64_t address, size;
	const unsigned char *bytes;
};

struct core {
	struct segment *segments;
	size_t count;
};

static int by_address(const void *left, const void *right)
{
	const struct segment *a = left, *b = right;

	return (a->address > b->address) - (a->address < b->address);
}

static struct core open_core(const char *path)
{
	struct core core = { 0 };
	struct stat status;
	int file = open(path, O_RDONLY);

	if (file < 0 || fstat(file, &status))
		err(2, "%s", path);
	uint64_t size = status.st_size;
	const unsigned char *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
	if (bytes == MAP_FAILED)
		err(2, "%s", path);
	close(file);

	const Elf64_Ehdr *header = (const void *)bytes;
	if (size < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_phnum == PN_XNUM ||
	    header->e_phoff > size || header->e_phnum > (size - header->e_phoff) / sizeof(Elf64_Phdr))
		errx(2, "%s: not an ELF core that is read here", path);
	const Elf64_Phdr *segment = (const void *)(bytes + header->e_phoff);
	core.segments = calloc(header->e_phnum, sizeof *core.segments);
	if (!core.segments)
		err(2, "%s", path);
	for (size_t i = 0; i < header->e_phnum; i++, segment++) {
		if (segment->p_type != PT_LOAD || !segment->p_filesz)
			continue;
		if (segment->p_offset > size || segment->p_filesz > size - segment->p_offset)
			errx(2, "%s: cut short", path);
		core.segments[core.count++] = (struct segment) {
			segment->p_paddr, segment->p_filesz, bytes + segment->p_offset
		};
	}
	qsort(core.segments, core.count, sizeof *core.segments, by_address);
	return core;
}

/* The bytes at an address, all of which have to be stored in one segment. */
static const void *at(const struct core *core, uint64_t address, uint64_t size)
{
	size_t low = 0, high = core->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (core->segments[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low) {
		const struct segment *segment = &core->segments[low - 1];
		uint64_t offset = address - segment->address;

		if (offset < segment->size && size <= segment->size - offset)
			return segment->bytes + offset;
	}
	errx(1, "no %llu bytes at 0x%llx", (unsigned long long)size, (unsigned long long)address);
}

/* The root FDT at a page, or NULL. */
static const void *root_in(const unsigned char *page, uint64_t size)
{
	int length;

	if (size < sizeof(struct fdt_header) || fdt_check_header(page) || fdt_totalsize(page) > size)
		return NULL;
	const char *compatible = fdt_getprop(page, 0, "compatible", &length);
	return compatible && length >= 6 && !memcmp(compatible, "kho-v", 5) ? page : NULL;
}

/* The root FDT at the address in the argument; without one, the first that a search of all pages finds. */
static const void *find_root(const struct core *core, const char *argument)
{
	if (argument) {
		const void *page = at(core, strtoull(argument, NULL, 0), PAGE_SIZE);

		if (!root_in(page, PAGE_SIZE))
			errx(1, "no root FDT at %s", argument);
		return page;
	}
	for (size_t i = 0; i < core->count; i++) {
		const struct segment *segment = &core->segments[i];
		uint64_t skipped = -segment->address % PAGE_SIZE;

		for (uint64_t offset = skipped; offset < segment->size; offset += PAGE_SIZE) {
			const void *root = root_in(segment->bytes + offset, segment->size - offset);

			if (root)
				return root;
		}
	}
	errx(1, "no root FDT");
}

/* The number in a property of a node of the root FDT: in the machine's byte order, unlike in other FDTs. */
static uint64_t number(const void *root, const char *node, const char *property)
{
	int length;
	const void *value = fdt_getprop(root, fdt_path_offset(root, node), property, &length);
	uint64_t result;

	if (!value || length != sizeof result)
		errx(1, "%s: no %s", node, property);
	memcpy(&result, value, sizeof result);
	return result;
}
