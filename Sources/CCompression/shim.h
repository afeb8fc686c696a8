#ifndef CCOMPRESSION_SHIM_H
#define CCOMPRESSION_SHIM_H

#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#endif
