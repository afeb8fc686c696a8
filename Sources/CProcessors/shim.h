// What glibc has for processors under _GNU_SOURCE alone, which Swift's module of it leaves out.
#include <sched.h>

int sched_getcpu(void);
int sched_getaffinity(pid_t, size_t, cpu_set_t *);
int sched_setaffinity(pid_t, size_t, const cpu_set_t *);
