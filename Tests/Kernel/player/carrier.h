// What carries the player: a guest of its own, in which init makes system calls, or a process, in which the kernel's
// sources of live update are linked with it, and kexec is to execute the process anew.
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <liveupdate.h>

#ifdef PROCESS
int sys_open(const char *path);
int sys_close(int fd);
int sys_ioctl(int fd, unsigned long command, void *argument);
int sys_memfd(const char *text);
int sys_kexec(int next);
int carrier_start(int argc, char **argv);
char *carrier_script(void);
void carrier_stop(void);
#else
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/reboot.h>

static inline int sys_open(const char *path) { return open(path, O_RDWR | O_CLOEXEC); }
static inline int sys_close(int fd) { return close(fd); }
static inline int sys_ioctl(int fd, unsigned long command, void *argument) { return ioctl(fd, command, argument); }
static inline int sys_memfd(const char *text)
{
	int fd = memfd_create("player", 0);
	if (fd >= 0 && (ftruncate(fd, 4096) || pwrite(fd, text, strlen(text), 0) < 0)) return -1;
	return fd;
}

static char command_line[4096];

// The next kernel is this one, and its init goes on with the script's next line.
static int sys_kexec(int next)
{
	char line[200];
	int kernel = open("/kernel", O_RDONLY), initrd = open("/initrd", O_RDONLY);
	int length = snprintf(line, sizeof line, "console=ttyS0 quiet loglevel=7 kho=on liveupdate=on panic=-1 resume=%d", next);
	if (syscall(SYS_kexec_file_load, kernel, initrd, length + 1, line, 0UL)) return -1;
	close(kernel);
	close(initrd);
	return syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, 0);
}

static int carrier_start(int argc, char **argv)
{
	const char *resume;
	int fd;
	mkdir("/proc", 0755); mkdir("/dev", 0755); mkdir("/sys", 0755);
	mount("proc", "/proc", "proc", 0, 0); mount("dev", "/dev", "devtmpfs", 0, 0);
	mount("debug", "/sys", "debugfs", 0, 0);
	fd = open("/proc/cmdline", O_RDONLY);
	if (read(fd, command_line, sizeof command_line - 1) < 0) exit(1);
	close(fd);
	resume = strstr(command_line, "resume=");
	return resume ? atoi(resume + 7) : 0;
}

static char *carrier_script(void)
{
	static char script[1 << 20];
	int fd = open("/script", O_RDONLY);
	if (read(fd, script, sizeof script - 1) < 0) exit(1);
	close(fd);
	return script;
}

static void carrier_stop(void)
{
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF, 0);
	for (;;) pause();
}
#endif
