// The first and only process of a kernel booted by `luo-fdt boot`: follows /orders and reports through /dev/kmsg,
// where lines are not mixed with the kernel's own. Does not use a C library, so that one compiler builds it for every
// machine.
//
// /orders has one line per order; NAME is in hexadecimal:
//   session NAME   retrieve this session
//   file TOKEN     retrieve this file of it, and hash the first GiB of its contents; TOKEN is in hexadecimal, too
//   finish         finish the session
//   again NAME     create a session with this name and the files retrieved since the last `session`
//   kexec          load /kernel, wait for a line on the console, and start it
#include <stdarg.h>
#include <stdint.h>

enum { READ_ONLY = 0, WRITE_ONLY = 1, READ_WRITE = 2, AT_CWD = -100 };

// Machine-specific: how to make a system call, and the system call numbers.
#if defined(__x86_64__)
enum {
	SYS_read = 0, SYS_write = 1, SYS_close = 3, SYS_fstat = 5, SYS_lseek = 8, SYS_pread64 = 17, SYS_pause = 34,
	SYS_mount = 165, SYS_reboot = 169, SYS_openat = 257, SYS_mkdirat = 258, SYS_kexec_file_load = 320, SYS_ioctl = 16,
};
enum { SIZE_IN_STAT = 48 };
static long call(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e;
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}
__asm__(".globl _start\n_start: and $-16, %rsp\n call run\n");
#elif defined(__aarch64__)
enum {
	SYS_ioctl = 29, SYS_mkdirat = 34, SYS_mount = 40, SYS_openat = 56, SYS_close = 57, SYS_lseek = 62, SYS_read = 63,
	SYS_write = 64, SYS_pread64 = 67, SYS_fstat = 80, SYS_reboot = 142, SYS_kexec_file_load = 294,
};
enum { SIZE_IN_STAT = 48 };
static long call(long number, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
		x3 __asm__("x3") = d, x4 __asm__("x4") = e;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}
__asm__(".globl _start\n_start: bl run\n");
#endif

// Functions that the compiler may call.
void *memset(void *to, int byte, unsigned long count)
{
	for (volatile char *p = to; count; count--) *p++ = byte;
	return to;
}

// include/uapi/linux/liveupdate.h
enum {
	CREATE_SESSION = 0xba00, RETRIEVE_SESSION = 0xba01, PRESERVE_FD = 0xba40, RETRIEVE_FD = 0xba41,
	FINISH_SESSION = 0xba42,
};
struct session_request { uint32_t size; int32_t fd; uint8_t name[64]; };
struct file_request { uint32_t size; int32_t fd; uint64_t token; };
struct finish_request { uint32_t size, reserved; };

static int kmsg, device;

static int open_file(const char *path, int flags) { return call(SYS_openat, AT_CWD, (long)path, flags, 0, 0); }

static char *number(char *to, uint64_t value, int base)
{
	char digits[20];
	int count = 0;
	do digits[count++] = "0123456789abcdef"[value % base]; while (value /= base);
	while (count) *to++ = digits[--count];
	return to;
}

// Reports a line. %d is a long, %x an unsigned long in hexadecimal.
static void say(const char *format, ...)
{
	char line[256], *end = line;
	va_list arguments;
	va_start(arguments, format);
	for (const char *p = "luo-fdt: "; *p; p++) *end++ = *p;
	for (; *format; format++) {
		if (*format != '%') { *end++ = *format; continue; }
		long value = va_arg(arguments, long);
		if (*++format == 'd' && value < 0) { *end++ = '-'; value = -value; }
		end = number(end, value, *format == 'd' ? 10 : 16);
	}
	va_end(arguments);
	*end++ = '\n';
	call(SYS_write, kmsg, (long)line, end - line, 0, 0);
}

// Decodes a name from hexadecimal, up to the size of the request's field, and pads it with NULs.
static void copy_name(uint8_t *to, const char *from)
{
	memset(to, 0, 64);
	for (int i = 0; i < 63 && from[0] > ' ' && from[1] > ' '; i++, from += 2) {
		uint8_t high = from[0] <= '9' ? from[0] - '0' : from[0] - 'a' + 10;
		uint8_t low = from[1] <= '9' ? from[1] - '0' : from[1] - 'a' + 10;
		to[i] = high << 4 | low;
	}
}

static uint64_t parse(const char *text, int base)
{
	uint64_t value = 0;
	for (; *text > ' '; text++) value = value * base + (*text <= '9' ? *text - '0' : *text - 'a' + 10);
	return value;
}

enum { MOST_HASHED = 1 << 30 };
static uint8_t buffer[1 << 16];

// Reports a file's size, position and contents, as their FNV-1a hash.
static void report_file(long session, uint64_t token, int fd)
{
	uint8_t status[256];
	uint64_t hash = 0xcbf29ce484222325;
	long offset = 0, count = 0;
	if (call(SYS_fstat, fd, (long)status, 0, 0, 0)) memset(status, 0, sizeof status);
	while (offset < MOST_HASHED && (count = call(SYS_pread64, fd, (long)buffer, sizeof buffer, offset, 0)) > 0) {
		for (long i = 0; i < count; i++) hash = (hash ^ buffer[i]) * 0x100000001b3;
		offset += count;
	}
	say("file %d %x errno %d size %x position %x hash %x", session, token, count < 0 ? -count : 0L,
	    *(long *)(status + SIZE_IN_STAT), call(SYS_lseek, fd, 0, 1, 0, 0), hash);
}

// The address of machine_kexec from /proc/kallsyms; 0 if not listed.
static uint64_t machine_kexec(void)
{
	static const char name[] = " T machine_kexec";
	enum { DIGITS = 16 };
	char line[DIGITS + sizeof name];
	unsigned length = 0;
	int fd = open_file("/proc/kallsyms", READ_ONLY);
	for (long count; (count = call(SYS_read, fd, (long)buffer, sizeof buffer, 0, 0)) > 0;) {
		for (long i = 0; i < count; i++) {
			if (buffer[i] != '\n') {
				if (length < sizeof line) line[length] = buffer[i];
				length++;
				continue;
			}
			unsigned same = 0;
			while (length == sizeof line - 1 && same < sizeof name - 1 && line[DIGITS + same] == name[same]) same++;
			if (same == sizeof name - 1) return parse(line, 16);
			length = 0;
		}
	}
	return 0;
}

static void kexec(void)
{
	static char line[4096];
	int kernel = open_file("/kernel", READ_ONLY), file = open_file("/proc/cmdline", READ_ONLY);
	long length = call(SYS_read, file, (long)line, sizeof line - 1, 0, 0);
	line[length > 0 ? length - 1 : 0] = 0;
	long error = call(SYS_kexec_file_load, kernel, -1, length > 0 ? length : 1, (long)line, 4 /* no initrd */);
	say("kexec errno %d machine_kexec %x", -error, machine_kexec());
	if (error) return;
	call(SYS_read, open_file("/dev/console", READ_ONLY), (long)buffer, 1, 0, 0);
	error = call(SYS_reboot, 0xfee1dead, 672274793, 0x45584543, 0, 0);
	say("reboot errno %d", -error);
}

enum { MOST_FILES = 4096 };
static struct { uint64_t token; int fd; } files[MOST_FILES];

static void follow(const char *order)
{
	static long index = -1, count;
	static int session = -1;
	if (order[0] == 's') {
		struct session_request request = { .size = sizeof request };
		copy_name(request.name, order + sizeof "session");
		index++, count = 0;
		long error = call(SYS_ioctl, device, RETRIEVE_SESSION, (long)&request, 0, 0);
		session = error ? -1 : request.fd;
		say("session %d errno %d", index, -error);
	} else if (order[0] == 'f' && order[2] == 'l' && session >= 0) {
		struct file_request request = { sizeof request, -1, parse(order + sizeof "file", 16) };
		long error = call(SYS_ioctl, session, RETRIEVE_FD, (long)&request, 0, 0);
		if (error) say("file %d %x errno %d", index, request.token, -error);
		else report_file(index, request.token, request.fd);
		if (!error && count < MOST_FILES) files[count].token = request.token, files[count++].fd = request.fd;
	} else if (order[0] == 'f' && order[2] == 'n' && session >= 0) {
		struct finish_request request = { .size = sizeof request };
		say("finish %d errno %d", index, -call(SYS_ioctl, session, FINISH_SESSION, (long)&request, 0, 0));
		call(SYS_close, session, 0, 0, 0, 0);
	} else if (order[0] == 'a' && session >= 0) {
		struct session_request request = { .size = sizeof request };
		copy_name(request.name, order + sizeof "again");
		say("again %d errno %d", index, -call(SYS_ioctl, device, CREATE_SESSION, (long)&request, 0, 0));
		for (long i = 0; i < count; i++) {
			struct file_request file = { sizeof file, files[i].fd, files[i].token };
			long error = call(SYS_ioctl, request.fd, PRESERVE_FD, (long)&file, 0, 0);
			if (error) say("preserve %d %x errno %d", index, file.token, -error);
		}
	} else if (order[0] == 'k') {
		kexec();
	}
}

static void mount(const char *type, const char *directory)
{
	call(SYS_mkdirat, AT_CWD, (long)directory, 0755, 0, 0);
	call(SYS_mount, (long)type, (long)directory, (long)type, 0, 0);
}

void run(void)
{
	static char orders[1 << 20];
	mount("proc", "/proc");
	mount("devtmpfs", "/dev");
	kmsg = open_file("/dev/kmsg", WRITE_ONLY);
	device = open_file("/dev/liveupdate", READ_WRITE);
	say("open errno %d", device < 0 ? -(long)device : 0L);
	int file = open_file("/orders", READ_ONLY);
	long length = 0, count;
	while ((count = call(SYS_read, file, (long)orders + length, sizeof orders - 1 - length, 0, 0)) > 0) length += count;
	orders[length] = 0;
	for (char *order = orders; *order;) {
		follow(order);
		while (*order && *order++ != '\n') continue;
	}
	say("done");
	call(SYS_reboot, 0xfee1dead, 672274793, 0x01234567, 0, 0);
	for (;;) continue;
}
