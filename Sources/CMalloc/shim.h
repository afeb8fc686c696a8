// glibc's own extensions of malloc, which Swift's module of it leaves out.
#include <malloc.h>
