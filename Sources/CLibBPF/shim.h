#ifndef CLIBBPF_SHIM_H
#define CLIBBPF_SHIM_H

#include <bpf/btf.h>
#include <bpf/libbpf.h>

/* libbpf tells standard error what it thinks of a file; the callers say it themselves. */
static inline void clibbpf_be_quiet(void) {
    libbpf_set_print(0);
}

#endif
