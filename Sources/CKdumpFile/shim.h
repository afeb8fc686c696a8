#ifndef CKDUMPFILE_SHIM_H
#define CKDUMPFILE_SHIM_H

#include <dlfcn.h>
#include <libkdumpfile/kdumpfile.h>

// libkdumpfile is loaded when a dump needs it, not linked: the functions we call, and the casts from dlsym's result
// to their types, which the header's own declarations check.

#define CKDUMP_FUNCTIONS(each) \
    each(kdump_new) \
    each(kdump_free) \
    each(kdump_open_fdset) \
    each(kdump_get_err) \
    each(kdump_strerror) \
    each(kdump_get_typed_attr) \
    each(kdump_read) \
    each(kdump_bmp_find_set) \
    each(kdump_bmp_find_clear)

struct ckdump_library {
#define CKDUMP_MEMBER(function) __typeof__(&function) function;
    CKDUMP_FUNCTIONS(CKDUMP_MEMBER)
#undef CKDUMP_MEMBER
};

/// Loads the shared library `name` and fills in `library`.
///
/// Returns NULL, or dlerror's text. The library stays loaded for the life of the process.
static inline const char *_Nullable ckdump_load(const char *_Nonnull name, struct ckdump_library *_Nonnull library) {
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return dlerror();
#define CKDUMP_FIND(function) \
    if (!(library->function = (__typeof__(&function))dlsym(handle, #function))) return dlerror();
    CKDUMP_FUNCTIONS(CKDUMP_FIND)
#undef CKDUMP_FIND
    return 0;
}

// Attributes are unions, which C reads more plainly than Swift.

static inline kdump_status ckdump_number(
    const struct ckdump_library *_Nonnull library, kdump_ctx_t *_Nonnull context, const char *_Nonnull key,
    uint64_t *_Nonnull number) {
    kdump_attr_t attribute = {.type = KDUMP_NUMBER};
    kdump_status status = library->kdump_get_typed_attr(context, key, &attribute);
    if (status == KDUMP_OK) *number = attribute.val.number;
    return status;
}

static inline kdump_status ckdump_string(
    const struct ckdump_library *_Nonnull library, kdump_ctx_t *_Nonnull context, const char *_Nonnull key,
    const char *_Nullable *_Nonnull string) {
    kdump_attr_t attribute = {.type = KDUMP_STRING};
    kdump_status status = library->kdump_get_typed_attr(context, key, &attribute);
    if (status == KDUMP_OK) *string = attribute.val.string;
    return status;
}

static inline kdump_status ckdump_bitmap(
    const struct ckdump_library *_Nonnull library, kdump_ctx_t *_Nonnull context, const char *_Nonnull key,
    kdump_bmp_t *_Nullable *_Nonnull bitmap) {
    kdump_attr_t attribute = {.type = KDUMP_BITMAP};
    kdump_status status = library->kdump_get_typed_attr(context, key, &attribute);
    if (status == KDUMP_OK) *bitmap = attribute.val.bitmap;
    return status;
}

#endif
