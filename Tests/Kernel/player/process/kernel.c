// A process as a kernel: memory that survives when the process executes itself again, files, and the boot sequence.
#define _GNU_SOURCE
#include "kernel.h"
#include <liveupdate_kernel.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

// Memory, at the same address in every kernel.
#define ARENA ((struct arena *)0x200000000000ul)
#define ARENA_SIZE (256ul << 20)
static struct arena { u64 used, incoming, incoming_size, outgoing, outgoing_size; } *arena;
static int arena_fd = -1;
static const char *script_path, *self;

void *kho_alloc_preserve(size_t size)
{
	size_t order = PAGE_SIZE, start;
	while (order < size) order <<= 1;
	start = (arena->used + order - 1) & ~(order - 1);
	if (start + order > ARENA_SIZE) return ERR_PTR(-ENOMEM);
	arena->used = start + order;
	return (char *)arena + start;
}
void kho_unpreserve_free(void *memory) { }
void kho_restore_free(void *memory) { }
bool kho_is_enabled(void) { return true; }
int kho_add_subtree(const char *name, void *blob, ...) { arena->outgoing = virt_to_phys(blob); return 0; }
int kho_retrieve_subtree(const char *name, phys_addr_t *address, ...)
{
	if (!arena->incoming) return -ENOENT;
	*address = arena->incoming;
#ifdef SUBTREE_HAS_SIZE
	va_list list;
	va_start(list, address);
	*va_arg(list, size_t *) = PAGE_SIZE;
	va_end(list);
#endif
	return 0;
}

void log_line(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vprintf(format, list);
	va_end(list);
}

void deadlock(void) { log_line("deadlock\n"); exit(0); }
static void crash(int number) { log_line("crash\n"); fflush(stdout); _exit(0); }

// Files.
static struct file *files[8192];
static int file_limit = 3;
struct file *anon_inode_getfile(const char *name, const struct file_operations *ops, void *data, int flags)
{
	struct file *file = calloc(1, sizeof(*file));
	*file = (struct file){ ops, data, 1 };
	return file;
}
struct file *fget(int fd) { return fd < 0 || fd >= file_limit || !files[fd] ? NULL : get_file(files[fd]); }
void fput(struct file *file) { if (!--file->references && file->f_op->release) file->f_op->release(NULL, file); }
int get_unused_fd_flags(int flags) { return file_limit++; }
void put_unused_fd(int fd) { }
void fd_install(int fd, struct file *file) { files[fd] = file; }

static struct miscdevice *devices[8];
static int device_count;
int misc_register(struct miscdevice *device) { devices[device_count++] = device; return 0; }

static int result(long value) { if (value >= 0) return value; errno = -value; return -1; }

int sys_open(const char *path)
{
	for (int i = 0; i < device_count; i++) {
		struct file *file;
		int err;
		if (strcmp(devices[i]->name, path + strlen("/dev/"))) continue;
		// As misc_open() leaves it.
		file = anon_inode_getfile(path, devices[i]->fops, devices[i], 0);
		err = devices[i]->fops->open ? devices[i]->fops->open(NULL, file) : 0;
		if (err) return result(err);
		fd_install(file_limit, file);
		return file_limit++;
	}
	return result(-ENOENT);
}
int sys_close(int fd)
{
	struct file *file = fd < 0 ? NULL : files[fd];
	if (!file) return result(-EBADF);
	files[fd] = NULL;
	fput(file);
	return 0;
}
int sys_ioctl(int fd, unsigned long command, void *argument)
{
	struct file *file = fget(fd);
	long value;
	if (!file) return result(-EBADF);
	value = file->f_op->unlocked_ioctl(file, command, (unsigned long)argument);
	fput(file);
	return result(value);
}

// memfds, without contents: their handler is the first to be registered.
static const struct file_operations memfd_fops;
static bool memfd_can_preserve(struct liveupdate_file_handler *handler, struct file *file) { return file->f_op == &memfd_fops; }
static int memfd_preserve(struct liveupdate_file_op_args *args) { return 0; }
static void memfd_done(struct liveupdate_file_op_args *args) { }
static int memfd_retrieve(struct liveupdate_file_op_args *args) { args->file = anon_inode_getfile("memfd", &memfd_fops, NULL, 0); return 0; }
static const struct liveupdate_file_ops memfd_ops = { .can_preserve = memfd_can_preserve, .preserve = memfd_preserve,
	.unpreserve = memfd_done, .retrieve = memfd_retrieve, .finish = memfd_done };
static struct liveupdate_file_handler memfd_handler = { .ops = &memfd_ops, .compatible = "memfd-v2" };
static int memfd_init(void) { return liveupdate_register_file_handler(&memfd_handler); }
late_initcall(memfd_init);
int sys_memfd(const char *text)
{
	fd_install(file_limit, anon_inode_getfile("memfd", &memfd_fops, NULL, 0));
	return file_limit++;
}

// Boot and kexec.
static int (*calls[2][16])(void), call_counts[2];
void at_boot(int level, int (*call)(void)) { calls[level][call_counts[level]++] = call; }

int sys_kexec(const char *release, int next)
{
	char number[16], descriptor[16];
	int err = liveupdate_reboot();
	if (err) return result(err);
	arena->incoming = arena->outgoing;
	snprintf(number, sizeof number, "%d", next);
	snprintf(descriptor, sizeof descriptor, "%d", arena_fd);
	fflush(stdout);
	execl(self, self, script_path, number, descriptor, NULL);
	return result(-errno);
}

int carrier_start(int argc, char **argv)
{
	static char stack[65536];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
	struct sigaction action = { .sa_handler = crash, .sa_flags = SA_ONSTACK };
	self = "/proc/self/exe";
	script_path = argv[1];
	arena_fd = argc > 3 ? atoi(argv[3]) : memfd_create("arena", 0);
	if (argc <= 3 && ftruncate(arena_fd, ARENA_SIZE)) exit(1);
	arena = mmap(ARENA, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, arena_fd, 0);
	if (arena == MAP_FAILED) exit(1);
	if (!arena->used) arena->used = PAGE_SIZE;
	sigaltstack(&alternate, NULL);
	sigaction(SIGSEGV, &action, NULL);
	for (int level = 0; level < 2; level++)
		for (int i = 0; i < call_counts[level]; i++) calls[level][i]();
	return argc > 2 ? atoi(argv[2]) : 0;
}

char *carrier_script(void)
{
	static char script[1 << 20];
	FILE *file = fopen(script_path, "r");
	if (!file || !fread(script, 1, sizeof script - 1, file)) exit(1);
	fclose(file);
	return script;
}

void carrier_stop(void) { exit(0); }
