#!/usr/bin/env python3
"""Reads or writes a handover's JSON document with Python's json module.

usage: json_peer.py load FILE       reads the document
       json_peer.py dump FILE OUT   reads it, and writes it anew with json.dump, indented by two as luo-fdt does
       json_peer.py dumps FILE OUT  reads it, and writes it on one line with json.dumps, which is in C

Prints how long each step took, and the most memory that was resident, on standard error.
"""

import json
import resource
import sys
import time


def timed(name, step):
    start = time.perf_counter()
    result = step()
    print(f"{name}: {time.perf_counter() - start:.3f} s", file=sys.stderr)
    return result


def main():
    if sys.argv[1:2] not in (["load"], ["dump"], ["dumps"]) or len(sys.argv) < 3 + (sys.argv[1] != "load"):
        sys.exit(__doc__)
    with open(sys.argv[2]) as file:
        document = timed("load", lambda: json.load(file))
    if sys.argv[1] != "load":
        with open(sys.argv[3], "w") as file:
            if sys.argv[1] == "dump":
                timed("dump", lambda: json.dump(document, file, indent=2))
            else:
                timed("dumps", lambda: file.write(json.dumps(document)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak: {peak / 1024:.0f} MiB", file=sys.stderr)


main()
