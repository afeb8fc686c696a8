# Builds, tests and installs luo-fdt. Needs Swift 6.2 or later, libfdt, libkdumpfile, libbpf, and dtc for the tests.

PREFIX ?= /usr/local
PACKAGES = libfdt-dev libkdumpfile-dev libbpf-dev device-tree-compiler
HEADERS = libfdt.h libkdumpfile/kdumpfile.h bpf/btf.h
CAPTURE = Fixtures/captures/7.3/basic.elf
EXAMPLE = Fixtures/examples/readme.json

# Linking Swift's own libraries in makes the command run where Swift is not installed, and start faster.
SWIFT_BUILD = swift build -c release --static-swift-stdlib --product luo-fdt
COMMAND = .build/release/luo-fdt

.PHONY: all build dependencies fuzz test golden install clean

# Looks at a real kernel's handover, then builds one from a few lines of JSON and looks at that.
all: build
	$(COMMAND) dump $(CAPTURE)
	$(COMMAND) build $(EXAMPLE) -o .build/handover.elf
	$(COMMAND) dump .build/handover.elf

build: dependencies
	$(SWIFT_BUILD)

# Asks nothing of a system that has the libraries, and dtc for the tests, whatever package they came from.
dependencies:
	@if ! command -v dtc >/dev/null || \
		! printf '#include <%s>\n' $(HEADERS) | $${CC:-cc} -E - >/dev/null 2>&1; then \
		if ! command -v apt-get >/dev/null; then \
			echo "luo-fdt needs libfdt, libkdumpfile and libbpf with their headers, and dtc: please install them" >&2; \
			exit 1; \
		fi; \
		sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		$$sudo apt-get update -q && $$sudo apt-get install -q -y --no-install-recommends $(PACKAGES); \
	fi

test: dependencies
	swift test

# Writes the golden files anew: look at what has changed before committing it.
golden: dependencies
	LUO_FDT_GOLDEN=write swift test --filter Golden

install: build
	install -s -D -m 755 $(COMMAND) $(DESTDIR)$(PREFIX)/bin/luo-fdt
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(COMMAND) --generate-completion-script bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/luo-fdt
	$(COMMAND) --generate-completion-script zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_luo-fdt
	$(COMMAND) --generate-completion-script fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/luo-fdt.fish

clean:
	swift package clean

# Feeds hostile handovers to the readers and to check for FUZZ_SECONDS; what it finds lies in .build-fuzz/corpus.
FUZZ_SECONDS ?= 60
fuzz: dependencies
	LUO_FDT_FUZZ=1 swift build -c release --scratch-path .build-fuzz --sanitize fuzzer --product handover-fuzz
	mkdir -p .build-fuzz/corpus
	.build-fuzz/release/handover-fuzz -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -timeout=10 -rss_limit_mb=2048 \
		.build-fuzz/corpus Fixtures/fuzz

# Measures the library, then whole commands beside their peers: Benchmarks/README.md tells how to read it.
BENCH = .build-bench
BENCH_RUNS ?= 10
.PHONY: bench bench-dependencies
bench: build bench-dependencies $(addprefix $(BENCH)/reference/,walk map copy)
	swift build -c release --package-path Benchmarks --scratch-path $(BENCH) --product make-inputs
	swift package --package-path Benchmarks --scratch-path $(BENCH) benchmark --no-progress
	Benchmarks/compare --runs $(BENCH_RUNS) --output $(BENCH)/comparison.md

$(BENCH)/reference/%: Benchmarks/reference/%.c Benchmarks/reference/core.h
	mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -o $@ $< -lfdt

bench-dependencies: dependencies
	@if ! command -v hyperfine >/dev/null || ! [ -x /usr/bin/time ]; then \
		if ! command -v apt-get >/dev/null; then \
			echo "make bench needs hyperfine and GNU time: please install them" >&2; \
			exit 1; \
		fi; \
		sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		$$sudo apt-get update -q && $$sudo apt-get install -q -y --no-install-recommends hyperfine time; \
	fi
