// The guest environment: init makes system calls. resume= tells the next kernel at which line to continue.
#define _GNU_SOURCE
#include "carrier.h"
#include <dirent.h>
#include <linux/reboot.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int sys_open(const char *path) { return open(path, O_RDWR | O_CLOEXEC); }
int sys_close(int fd) { return close(fd); }
int sys_ioctl(int fd, unsigned long command, void *argument) { return ioctl(fd, command, argument); }
int sys_memfd(const char *text)
{
	int fd = memfd_create("player", 0);
	if (fd >= 0 && (ftruncate(fd, 4096) || pwrite(fd, text, strlen(text), 0) < 0)) return -1;
	return fd;
}

// Reports, in words that no kernel uses, something after which a guest cannot continue.
static void check(bool isRight, const char *what)
{
	char text[200];
	int fd;
	if (isRight) return;
	snprintf(text, sizeof text, "<0>guest: %s: %s\n", what, strerror(errno));
	fd = open("/dev/kmsg", O_WRONLY);
	if (fd < 0 || write(fd, text, strlen(text)) < 0) perror(what);
	carrier_stop();
}

static char *read_whole(const char *path, size_t *size)
{
	size_t capacity = 1 << 20;
	char *bytes = malloc(capacity);
	ssize_t got;
	int fd = open(path, O_RDONLY);
	check(fd >= 0, path);
	for (*size = 0; (got = read(fd, bytes + *size, capacity - *size - 1)) > 0;) {
		*size += got;
		if (*size == capacity - 1) bytes = realloc(bytes, capacity *= 2);
	}
	close(fd);
	bytes[*size] = 0;
	return bytes;
}

// A member of a cpio archive in "newc" format.
static void archive(FILE *out, const char *path, unsigned mode)
{
	static const char zeros[4];
	size_t size = 0, length = strlen(path) + 1;
	char *bytes = mode ? read_whole(path, &size) : NULL;
	unsigned fields[] = { 0, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, length, 0 };
	fprintf(out, "070701");
	for (int i = 0; i < 13; i++) fprintf(out, "%08x", fields[i]);
	fwrite(path, 1, length, out);
	fwrite(zeros, 1, -(110 + length) & 3, out);
	fwrite(bytes, 1, size, out);
	fwrite(zeros, 1, -size & 3, out);
	free(bytes);
}

int sys_kexec(const char *release, int next)
{
	char *line, *options, *end, path[100];
	struct dirent *entry;
	DIR *root = opendir("/");
	size_t size;
	int kernel, initrd = memfd_create("initrd", 0);
	FILE *out = fdopen(dup(initrd), "w");
	snprintf(path, sizeof path, "kernel-%s", release);
	kernel = open(path, O_RDONLY);
	check(kernel >= 0 && out, "kexec");
	archive(out, "init", 0100755);
	archive(out, "script", 0100644);
	while ((entry = readdir(root)))
		if (!strncmp(entry->d_name, "kernel-", 7)) archive(out, entry->d_name, 0100644);
	closedir(root);
	archive(out, "TRAILER!!!", 0);
	fclose(out);
	// The options of this kernel, except for the line at which to continue.
	options = read_whole("/proc/cmdline", &size);
	if ((end = strstr(options, " resume=")) || (end = strchr(options, '\n'))) *end = 0;
	check(asprintf(&line, "%s resume=%d", options, next) > 0, "kexec");
	check(!syscall(SYS_kexec_file_load, kernel, initrd, strlen(line) + 1, line, 0UL), "kexec_file_load");
	free(line);
	free(options);
	close(kernel);
	close(initrd);
	return syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, 0);
}

int carrier_start(int argc, char **argv)
{
	const char *resume;
	size_t size;
	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, 0);
	mount("dev", "/dev", "devtmpfs", 0, 0);
	resume = strstr(read_whole("/proc/cmdline", &size), "resume=");
	return resume ? atoi(resume + strlen("resume=")) : 0;
}

char *carrier_script(void)
{
	size_t size;
	return read_whole("/script", &size);
}

// QEMU exits when its machine is reset.
void carrier_stop(void)
{
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, 0);
	for (;;) pause();
}
