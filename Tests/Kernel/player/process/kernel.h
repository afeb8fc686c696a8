// What kernel/liveupdate/luo_*.c and kho_block.c require of a kernel, in a single-threaded process. Included before
// each of them; the kernel's own headers for live update, private lists and refcount_t are used unchanged.
#pragma once
#include <errno.h>
#include <limits.h>
#include <linux/ioctl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8; typedef uint16_t u16; typedef uint32_t u32; typedef uint64_t u64; typedef int64_t s64;
typedef u64 phys_addr_t;
typedef struct { int counter; } atomic_t;

#define __init
#define __user
#define __private
#define __must_check
#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#define __cond_acquires(...)
#define __acquires(...)
#define __signed_wrap
#define ACCESS_PRIVATE(p, member) ((p)->member)
#define EXPORT_SYMBOL(x)
#define EXPORT_SYMBOL_GPL(x)
#define likely(x) (x)
#define unlikely(x) (x)
#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ul
#define GFP_KERNEL 0
#define SZ_4K 4096
#define KBUILD_MODNAME "luo"
#define THIS_MODULE NULL
#define ENOIOCTLCMD 515
#define min_t(type, a, b) ((type)(a) < (type)(b) ? (type)(a) : (type)(b))
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))
#define offsetofend(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))
#define ALIGN(x, a) (((x) + (a) - 1) & ~((typeof(x))(a) - 1))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BUILD_BUG_ON_ZERO(x) ((int)sizeof(struct { int : -!!(x); }))
#define IS_ERR(p) ((unsigned long)(p) >= -4095ul)
#define IS_ERR_OR_NULL(p) (!(p) || IS_ERR(p))
#define PTR_ERR(p) ((long)(p))
#define ERR_PTR(e) ((void *)(long)(e))
#define PTR_ERR_OR_ZERO(p) (IS_ERR(p) ? PTR_ERR(p) : 0)
#define READ_ONCE(x) (x)
#define lockdep_assert_held(x) ((void)(x))
#define lockdep_assert_held_write(x) ((void)(x))

// Logging: the player's messages are printed unchanged, and of the kernel's own messages only warnings.
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
#ifndef PLAYER
#define pr_info(...) ((void)0)
#else
#define pr_info(format, ...) log_line("player: " format, ##__VA_ARGS__)
#endif
#define pr_warn(...) ((void)0)
#define pr_err(...) ((void)0)
#define panic(...) do { log_line("Kernel panic\n"); exit(0); } while (0)
#define WARN_LINE() log_line("WARNING: %s:%d\n", __FILE__, __LINE__)
#define WARN_ON(x) ({ bool _w = (x); if (_w) WARN_LINE(); _w; })
#define WARN_ON_ONCE(x) ({ static bool _done; bool _w = (x); if (_w && !_done) { _done = true; WARN_LINE(); } _w; })
#define WARN_ONCE(x, text) ({ static bool _done; bool _w = (x); if (_w && !_done) { _done = true; log_line("%s", text "\n"); } _w; })

// refcount_t, from the kernel's own header and lib/refcount.c.
#define atomic_read(a) ((a)->counter)
#define atomic_set(a, v) ((a)->counter = (v))
#define ATOMIC_INIT(v) { v }
static inline int atomic_fetch_add_relaxed(int i, atomic_t *a) { int old = a->counter; a->counter = (int)((unsigned)old + i); return old; }
static inline int atomic_fetch_sub_release(int i, atomic_t *a) { int old = a->counter; a->counter = (int)((unsigned)old - i); return old; }
static inline bool atomic_try_cmpxchg(atomic_t *a, int *old, int new) { if (a->counter == *old) { a->counter = new; return true; } *old = a->counter; return false; }
static inline int atomic_cmpxchg(atomic_t *a, int old, int new) { int found = a->counter; if (found == old) a->counter = new; return found; }
#define atomic_try_cmpxchg_relaxed atomic_try_cmpxchg
#define atomic_try_cmpxchg_release atomic_try_cmpxchg
#define atomic_try_cmpxchg_acquire atomic_try_cmpxchg
#define atomic_fetch_add_acquire atomic_fetch_add_relaxed
#define smp_acquire__after_ctrl_dep() ((void)0)
#define smp_load_acquire(p) (*(p))
#define smp_store_release(p, v) (*(p) = (v))

// Locks: waiting is always a deadlock, as there is only one thread, and is reported.
struct mutex { bool held; };
struct rw_semaphore { int readers; bool writer; };
typedef struct { bool held; } spinlock_t;
void deadlock(void);
#define DEFINE_SPINLOCK(name) spinlock_t name
#define DECLARE_RWSEM(name) struct rw_semaphore name
#define __RWSEM_INITIALIZER(name) { 0 }
static inline void mutex_init(struct mutex *m) { m->held = false; }
static inline void mutex_destroy(struct mutex *m) { }
static inline void mutex_lock(struct mutex *m) { if (m->held) deadlock(); m->held = true; }
static inline void mutex_unlock(struct mutex *m) { m->held = false; }
static inline void spin_lock(spinlock_t *l) { mutex_lock((struct mutex *)l); }
static inline void spin_unlock(spinlock_t *l) { mutex_unlock((struct mutex *)l); }
#define spin_lock_irqsave(l, f) ((f) = 0, spin_lock(l))
#define spin_unlock_irqrestore(l, f) ((void)(f), spin_unlock(l))
static inline void down_read(struct rw_semaphore *s) { if (s->writer) deadlock(); s->readers++; }
static inline void up_read(struct rw_semaphore *s) { s->readers--; }
static inline void down_write(struct rw_semaphore *s) { if (s->writer || s->readers) deadlock(); s->writer = true; }
static inline void up_write(struct rw_semaphore *s) { s->writer = false; }
#define GUARD(name, type, lock, unlock) \
	static inline type *guard_enter_##name(type *l) { lock(l); return l; } \
	static inline void guard_leave_##name(type **l) { if (*l) unlock(*l); } \
	typedef type guard_type_##name
GUARD(mutex, struct mutex, mutex_lock, mutex_unlock);
GUARD(spinlock, spinlock_t, spin_lock, spin_unlock);
GUARD(rwsem_read, struct rw_semaphore, down_read, up_read);
GUARD(rwsem_write, struct rw_semaphore, down_write, up_write);
#define GUARD_PASTE(a, b) a##b
#define GUARD_NAME(line) GUARD_PASTE(guard_, line)
#define guard(name) __attribute__((cleanup(guard_leave_##name))) guard_type_##name *GUARD_NAME(__LINE__) = guard_enter_##name
#define scoped_guard(name, lock) \
	for (__attribute__((cleanup(guard_leave_##name))) guard_type_##name *_once = guard_enter_##name(lock), *_again = _once; \
	     _again; _again = NULL)
static inline void free_kfree(void *p) { free(*(void **)p); }
#define __free(how) __attribute__((cleanup(free_##how)))
#define no_free_ptr(p) ({ typeof(p) _p = (p); (p) = NULL; _p; })

// Memory.
#define kzalloc(size, flags) calloc(1, size)
#define kzalloc_obj(object) calloc(1, sizeof(object))
#define kfree(p) free(p)
#define kstrdup(s, flags) strdup(s)
void *kho_alloc_preserve(size_t size);
void kho_unpreserve_free(void *memory);
void kho_restore_free(void *memory);
int kho_add_subtree(const char *name, void *blob, ...);
int kho_retrieve_subtree(const char *name, phys_addr_t *address, ...);
bool kho_is_enabled(void);
#define virt_to_phys(p) ((u64)(uintptr_t)(p))
#define phys_to_virt(a) ((void *)(uintptr_t)(a))
#define __pa(p) virt_to_phys(p)
#define __va(a) phys_to_virt(a)
#define get_unaligned(p) ({ typeof(*(p)) _v; memcpy(&_v, p, sizeof _v); _v; })

// Strings.
static inline long strscpy_size(char *to, const char *from, size_t size)
{
	size_t length = strnlen(from, size - 1);
	memcpy(to, from, length);
	to[length] = 0;
	return length;
}
#define strscpy_2(to, from) strscpy_size(to, from, sizeof(to))
#define strscpy_pick(_1, _2, _3, name, ...) name
#define strscpy(...) strscpy_pick(__VA_ARGS__, strscpy_size, strscpy_2)(__VA_ARGS__)
static inline int kstrtou64(const char *text, int base, u64 *value) { *value = strtoull(text, NULL, base); return 0; }
static inline int kstrtoint(const char *text, int base, int *value) { *value = strtol(text, NULL, base); return 0; }
static inline int kstrtobool(const char *text, bool *value) { *value = true; return 0; }

// Lists.
struct list_head { struct list_head *next, *prev; };
#define LIST_HEAD_INIT(name) { &(name), &(name) }
#define LIST_HEAD(name) struct list_head name = LIST_HEAD_INIT(name)
#define LIST_POISON1 ((void *)0xdead000000000100ul)
#define LIST_POISON2 ((void *)0xdead000000000122ul)
static inline void INIT_LIST_HEAD(struct list_head *l) { l->next = l->prev = l; }
static inline void list_add_tail(struct list_head *l, struct list_head *head) { l->prev = head->prev; l->next = head; head->prev->next = l; head->prev = l; }
static inline void list_unlink(struct list_head *l) { l->next->prev = l->prev; l->prev->next = l->next; }
static inline void list_del(struct list_head *l) { list_unlink(l); l->next = LIST_POISON1; l->prev = LIST_POISON2; }
static inline void list_del_init(struct list_head *l) { list_unlink(l); INIT_LIST_HEAD(l); }
static inline int list_empty(const struct list_head *l) { return l->next == l; }
static inline int list_is_head(const struct list_head *l, const struct list_head *head) { return l == head; }
static inline int list_is_first(const struct list_head *l, const struct list_head *head) { return l->prev == head; }
static inline int list_is_last(const struct list_head *l, const struct list_head *head) { return l->next == head; }
#define list_entry(p, type, member) container_of(p, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_last_entry(head, type, member) list_entry((head)->prev, type, member)
#define list_first_entry_or_null(head, type, member) (list_empty(head) ? NULL : list_first_entry(head, type, member))
#define list_last_entry_or_null(head, type, member) (list_empty(head) ? NULL : list_last_entry(head, type, member))
#define list_next_entry(p, member) list_entry((p)->member.next, typeof(*(p)), member)
#define list_prev_entry(p, member) list_entry((p)->member.prev, typeof(*(p)), member)
#define list_for_each_entry(p, head, member) \
	for (p = list_first_entry(head, typeof(*p), member); &p->member != (head); p = list_next_entry(p, member))
#define list_for_each_entry_reverse(p, head, member) \
	for (p = list_last_entry(head, typeof(*p), member); &p->member != (head); p = list_prev_entry(p, member))
#define list_for_each_entry_continue_reverse(p, head, member) \
	for (p = list_prev_entry(p, member); &p->member != (head); p = list_prev_entry(p, member))
#define list_for_each_entry_safe(p, n, head, member) \
	for (p = list_first_entry(head, typeof(*p), member), n = list_next_entry(p, member); &p->member != (head); \
	     p = n, n = list_next_entry(n, member))

// Modules.
enum module_state { MODULE_STATE_LIVE, MODULE_STATE_GOING };
struct module { enum module_state state; atomic_t refcnt; };
static inline bool try_module_get(struct module *m) { if (m && m->state == MODULE_STATE_GOING) return false; if (m) m->refcnt.counter++; return true; }
static inline void module_put(struct module *m) { if (m) m->refcnt.counter--; }

// Files.
struct inode;
struct file;
struct file_operations {
	struct module *owner;
	int (*open)(struct inode *, struct file *);
	int (*release)(struct inode *, struct file *);
	long (*unlocked_ioctl)(struct file *, unsigned int, unsigned long);
};
struct file { const struct file_operations *f_op; void *private_data; int references; };
#define O_RDWR 2
#define O_CLOEXEC 02000000
struct file *anon_inode_getfile(const char *name, const struct file_operations *ops, void *data, int flags);
struct file *fget(int fd);
void fput(struct file *file);
static inline struct file *get_file(struct file *file) { file->references++; return file; }
int get_unused_fd_flags(int flags);
void put_unused_fd(int fd);
void fd_install(int fd, struct file *file);
struct miscdevice { int minor; const char *name; const struct file_operations *fops; };
#define MISC_DYNAMIC_MINOR 255
int misc_register(struct miscdevice *device);

// The preserved files.
struct xarray { struct { unsigned long index; bool used; } slots[4096]; };
#define DEFINE_XARRAY(name) struct xarray name
static inline int xa_insert(struct xarray *x, unsigned long index, void *entry, int flags)
{
	int free = -1;
	for (int i = 0; i < 4096; i++) {
		if (x->slots[i].used && x->slots[i].index == index) return -EBUSY;
		if (!x->slots[i].used && free < 0) free = i;
	}
	x->slots[free].index = index;
	x->slots[free].used = true;
	return 0;
}
static inline void xa_erase(struct xarray *x, unsigned long index)
{
	for (int i = 0; i < 4096; i++) if (x->slots[i].used && x->slots[i].index == index) x->slots[i].used = false;
}

// User space shares the address space.
#define get_user(value, pointer) ((value) = *(pointer), 0)
static inline unsigned long copy_to_user(void *to, const void *from, size_t size) { memcpy(to, from, size); return 0; }
static inline int copy_struct_from_user(void *to, size_t size, const void *from, size_t given) { memset(to, 0, size); memcpy(to, from, given < size ? given : size); return 0; }
#define strndup_user(text, size) strdup(text)

// Boot.
void at_boot(int level, int (*call)(void));
#define initcall(level, function) \
	static __attribute__((constructor)) void boot_##function(void) { at_boot(level, function); }
#define early_initcall(function) initcall(0, function)
#define late_initcall(function) initcall(1, function)
#define early_param(name, function) static __attribute__((constructor)) void boot_##function(void) { function(NULL); }
