// The environment of the player. Either a process (process/kernel.c), which links the kernel's live update sources with
// it: calls are those of a user, kexec executes the process again with its preserved memory, and a crash or deadlock is
// reported and ends it. Or a guest (guest.c), as its init.
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <liveupdate.h>

int sys_open(const char *path);
int sys_close(int fd);
int sys_ioctl(int fd, unsigned long command, void *argument);
int sys_memfd(const char *text);
int sys_kexec(const char *release, int next);
int carrier_start(int argc, char **argv);
char *carrier_script(void);
void carrier_stop(void);
