// What glibc has for files under _GNU_SOURCE alone, which Swift's module of it leaves out.
#include <sys/types.h>

int renameat2(int, const char *, int, const char *, unsigned int);
static const unsigned int RENAME_EXCHANGE = 1 << 1;

ssize_t copy_file_range(int, off_t *, int, off_t *, size_t, unsigned int);
// SEEK_DATA and SEEK_HOLE.
static const int LSEEK_DATA = 3;
static const int LSEEK_HOLE = 4;
