#ifndef CKDUMPFILE_SHIM_H
#define CKDUMPFILE_SHIM_H

#include <libkdumpfile/kdumpfile.h>

#endif
