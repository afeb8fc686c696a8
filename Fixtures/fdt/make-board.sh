#!/bin/sh
# Compiles board.dts anew; needs dtc.
set -eu
cd "$(dirname "$0")"
dtc -q -O dtb -o board.dtb board.dts
dtc -q -V 16 -O dtb -o board-v16.dtb board.dts
dtc -q -V 3 -O dtb -o board-v3.dtb board.dts
