#ifndef CLIBFDT_SHIM_H
#define CLIBFDT_SHIM_H

#include <libfdt.h>

#endif
