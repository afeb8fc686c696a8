/*
 * Walks the radix tree of preserved memory of a handover of Linux 7.1 or later: counts its blocks by order, and
 * makes out the ranges of memory, sorted and merged.
 * usage: map CORE [ROOT-ADDRESS]
 */

#include <stdio.h>
#include "core.h"

#define PAGE_SHIFT 12
#define LEAF_BITS (PAGE_SHIFT + 3)
#define TABLE_BITS (PAGE_SHIFT - 3)
#define LEVELS 6
#define ORDERS (64 - PAGE_SHIFT + 1)

struct range {
	uint64_t start, end; /* in pages */
};

static struct core core;
static uint64_t blocks[ORDERS], leaves;
static struct range *ranges;
static size_t count, capacity;

static void add_range(uint64_t start, uint64_t end)
{
	if (count && ranges[count - 1].start <= start && start <= ranges[count - 1].end) {
		if (end > ranges[count - 1].end)
			ranges[count - 1].end = end;
		return;
	}
	if (count == capacity) {
		capacity = capacity ? capacity * 2 : 1024;
		ranges = realloc(ranges, capacity * sizeof *ranges);
		if (!ranges)
			err(2, "ranges");
	}
	ranges[count++] = (struct range) { start, end };
}

/* Adds the blocks of adjacent keys, whose highest bit tells their order. */
static void add_keys(uint64_t first, uint64_t last)
{
	while (first <= last) {
		int marker = 63 - __builtin_clzll(first);
		uint64_t end = last >> marker == 1 ? last : (UINT64_C(2) << marker) - 1;
		int order = 64 - PAGE_SHIFT - marker;

		if (order < 0)
			errx(1, "key 0x%llx", (unsigned long long)first);
		blocks[order] += end - first + 1;
		add_range((first - (UINT64_C(1) << marker)) << order, (end + 1 - (UINT64_C(1) << marker)) << order);
		first = end + 1;
	}
}

static void walk_leaf(const uint64_t *words, uint64_t key)
{
	uint64_t start = 0;
	int is_open = 0;

	leaves++;
	for (size_t i = 0; i < PAGE_SIZE / 8; i++) {
		uint64_t base = key + i * 64, changes;

		/* A bit for each place where a run begins or ends. */
		for (changes = words[i] ^ (words[i] << 1 | is_open); changes; changes &= changes - 1) {
			uint64_t place = base + __builtin_ctzll(changes);

			if (is_open)
				add_keys(start, place - 1);
			else
				start = place;
			is_open = !is_open;
		}
	}
	if (is_open)
		add_keys(start, key + PAGE_SIZE * 8 - 1);
}

static void walk(uint64_t address, int level, uint64_t key)
{
	const uint64_t *words = at(&core, address, PAGE_SIZE);

	if (!level) {
		walk_leaf(words, key);
		return;
	}
	for (uint64_t i = 0; i < PAGE_SIZE / 8; i++)
		if (words[i])
			walk(words[i], level - 1, key | i << (LEAF_BITS + (level - 1) * TABLE_BITS));
}

static int by_start(const void *left, const void *right)
{
	const struct range *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

/* The orders' ranges follow each other, the highest order first. */
static void merge(void)
{
	size_t merged = 0;

	for (size_t i = 1; i < count; i++) {
		if (ranges[i].start < ranges[i - 1].start) {
			qsort(ranges, count, sizeof *ranges, by_start);
			break;
		}
	}
	for (size_t i = 1; i < count; i++) {
		if (ranges[i].start > ranges[merged].end)
			ranges[++merged] = ranges[i];
		else if (ranges[i].end > ranges[merged].end)
			ranges[merged].end = ranges[i].end;
	}
	if (count)
		count = merged + 1;
}

int main(int argc, char **argv)
{
	uint64_t pages = 0, sum = 0;

	if (argc < 2)
		errx(64, "usage: map CORE [ROOT-ADDRESS]");
	core = open_core(argv[1]);
	walk(number(find_root(&core, argv[2]), "/", "preserved-memory-map"), LEVELS - 1, 0);
	merge();
	for (size_t i = 0; i < count; i++)
		sum = sum * 31 + (ranges[i].start ^ ranges[i].end << 32);
	for (int order = 0; order < ORDERS; order++) {
		pages += blocks[order] << order;
		if (blocks[order])
			printf("order %d: %llu blocks\n", order, (unsigned long long)blocks[order]);
	}
	printf("%llu pages in %zu ranges, sum 0x%llx, %llu leaves\n", (unsigned long long)pages, count,
	       (unsigned long long)sum, (unsigned long long)leaves);
	return 0;
}
