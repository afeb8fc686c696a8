// What carries the player. A process (process/kernel.c), in which the kernel's sources of live update are linked with it:
// calls are those of a user, kexec is to execute the process anew with its preserved memory, and a crash or deadlock is
// said and the end. Or a guest (guest.c), whose init this is.
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
