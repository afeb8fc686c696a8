// What glibc has for files under _GNU_SOURCE alone, which Swift's module of it leaves out.
#include <sys/types.h>

int renameat2(int, const char *, int, const char *, unsigned int);
static const unsigned int RENAME_EXCHANGE = 1 << 1;
