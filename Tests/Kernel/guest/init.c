// The first process of a guest that runs commands on a machine that has received a handover, and again in the crash
// kernel after that one panics. Statically linked, for an initrd created by `run`.
//
// /steps has one line per step; steps before the line `crash` are for the machine, those after it for the crash kernel:
//   run COMMAND…        run it, and report its output, exit status, and peak memory in KiB
//   save FILE COMMAND…  the same, with its output in a file
//   hash FILE           report the size and the FNV-1a hash of a file
//   retrieve NAME       retrieve a session, and keep it
//   missing FILE        hide a file
//   crash               load /kernel as the crash kernel, and panic
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_WORDS = 32, KEXEC_FILE_ON_CRASH = 2, QUIET = 1, SET_CONSOLE_LEVEL = 8, RETRIEVE_SESSION = 0xba01 };

struct session_request { uint32_t size; int32_t fd; uint8_t name[64]; };

static void run(char *line, const char *file)
{
	char *words[MOST_WORDS + 1] = { 0 };
	int count = 0, status = 0;
	for (char *word = strtok(line, " "); word && count < MOST_WORDS; word = strtok(NULL, " ")) words[count++] = word;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		// Not a terminal: no colours, and no progress.
		int output = open("/tmp/output", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(output, 1), dup2(output, 2);
		if (file) dup2(open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
		execv(words[0], words);
		_exit(127);
	}
	struct rusage use = { 0 };
	wait4(child, &status, 0, &use);
	static char text[1 << 16];
	int output = open("/tmp/output", O_RDONLY);
	for (long size; (size = read(output, text, sizeof text)) > 0;) fwrite(text, 1, size, stdout);
	close(output);
	printf("\n@status %d signal %d memory %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1,
	       WIFSIGNALED(status) ? WTERMSIG(status) : 0, use.ru_maxrss);
}

static void hash(const char *path)
{
	static uint8_t buffer[1 << 16];
	uint64_t hash = 0xcbf29ce484222325;
	long size = 0, count;
	int file = open(path, O_RDONLY);
	while (file >= 0 && (count = read(file, buffer, sizeof buffer)) > 0) {
		for (long i = 0; i < count; i++) hash = (hash ^ buffer[i]) * 0x100000001b3;
		size += count;
	}
	printf("@hash %ld %016lx\n", file < 0 ? -1L : size, (unsigned long)hash);
	if (file >= 0) close(file);
}

static void retrieve(const char *name)
{
	struct session_request request = { .size = sizeof request };
	strncpy((char *)request.name, name, sizeof request.name - 1);
	int device = open("/dev/liveupdate", O_RDWR);
	int error = ioctl(device, RETRIEVE_SESSION, &request) ? errno : 0;
	printf("@errno %d\n", error);
}

static void crash(void)
{
	static const char line[] = "console=ttyS0 earlyprintk=ttyS0 nokaslr kho=off panic=-1 loglevel=4";
	int kernel = open("/kernel", O_RDONLY), initrd = open("/crash-initrd", O_RDONLY);
	long error = syscall(SYS_kexec_file_load, kernel, initrd, sizeof line, line, KEXEC_FILE_ON_CRASH);
	printf("@crash %d\n", error ? errno : 0);
	fflush(stdout);
	if (error) return;
	int trigger = open("/proc/sysrq-trigger", O_WRONLY);
	if (write(trigger, "c", 1) != 1) printf("@crash %d\n", errno);
}

int main(void)
{
	mkdir("/proc", 0755), mkdir("/sys", 0755), mkdir("/dev", 0755), mkdir("/tmp", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	int console = open("/dev/console", O_RDWR);
	for (int i = 0; i < 3; i++) dup2(console, i);
	klogctl(SET_CONSOLE_LEVEL, NULL, QUIET);

	static char line[4096];
	int after = access("/proc/vmcore", R_OK) == 0, mine = !after, number = 0;
	FILE *steps = fopen("/steps", "r");
	while (steps && fgets(line, sizeof line, steps)) {
		line[strcspn(line, "\n")] = 0;
		char *rest = line + strcspn(line, " ");
		if (*rest) *rest++ = 0;
		if (!strcmp(line, "crash") && after) mine = 1;
		number++;
		if (!mine || (!strcmp(line, "crash") && after)) continue;
		printf("@step %d\n", number);
		if (!strcmp(line, "run")) run(rest, NULL);
		else if (!strcmp(line, "save")) {
			char *command = rest + strcspn(rest, " ");
			if (*command) *command++ = 0;
			run(command, rest);
		}
		else if (!strcmp(line, "hash")) hash(rest);
		else if (!strcmp(line, "retrieve")) retrieve(rest);
		else if (!strcmp(line, "missing")) mount("/dev/null", rest, NULL, MS_BIND, NULL);
		else if (!strcmp(line, "crash")) crash();
		printf("@end %d\n", number);
		fflush(stdout);
	}
	printf("@done\n");
	fflush(stdout);
	sync();
	reboot(RB_AUTOBOOT);
	return 0;
}
