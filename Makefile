# Builds, tests and installs luo-fdt. Requires Swift 6.2 or later, libfdt, libbpf, zlib, zstd, snappy, and dtc and xz for
# tests.

PREFIX ?= /usr/local
PACKAGES = libfdt-dev libbpf-dev zlib1g-dev libzstd-dev libsnappy-dev device-tree-compiler xz-utils
HEADERS = libfdt.h bpf/btf.h zlib.h zstd.h snappy-c.h
CAPTURE = Fixtures/captures/7.3/basic.elf
EXAMPLE = Fixtures/examples/readme.json

# Links Swift's own libraries and these statically, so that the command runs where they are not installed, and starts
# faster. A library without an archive is linked dynamically. The addresses in Swift's metadata are fixed, as in every
# static Swift executable: relocating them takes a third of the time of a small dump.
ARCHIVES = fdt bpf elf z zstd snappy stdc++
ARCHIVE_DIRECTORY = .build/archives
SWIFT_BUILD = swift build -c release --static-swift-stdlib --product luo-fdt \
	-Xlinker -L$(CURDIR)/$(ARCHIVE_DIRECTORY) -Xlinker -lelf -Xlinker -lz -Xlinker --no-export-dynamic \
	-Xswiftc -Xclang-linker -Xswiftc -no-pie
COMMAND = .build/release/luo-fdt

.PHONY: all archives build corruptions deb dependencies dist docs fuzz fuzz-build fuzz-merge fuzz-smoke inits kernel kernel-test manual mutants test golden install clean

# Shows a real kernel's handover, then builds one from a few lines of JSON and shows that.
all: build
	$(COMMAND) dump $(CAPTURE)
	$(COMMAND) build $(EXAMPLE) -o .build/handover.elf
	$(COMMAND) dump .build/handover.elf

build: dependencies archives
	$(SWIFT_BUILD)
	@$(MAKE) --no-print-directory inits

# The init for guests of `boot`, for each machine; installed relative to the command's directory. The C compiler that
# comes with Swift builds it for all machines.
INITS = x86_64 aarch64
SHARE = .build/release/../share/luo-fdt
CLANG ?= $(dir $(shell readlink -f "$$(command -v swift)"))clang
inits:
	@mkdir -p $(SHARE)
	@for machine in $(INITS); do \
		$(CLANG) --target=$$machine-linux-gnu -std=c11 -Os -Wall -Wextra -Werror -ffreestanding -fno-builtin \
			-fno-stack-protector -nostdlib -static -fuse-ld=lld -s -o $(SHARE)/init-$$machine Sources/GuestInit/init.c \
			|| exit 1; \
	done

# Symbolic links only to the archives: the linker prefers a shared library that is next to its archive.
archives:
	@mkdir -p $(ARCHIVE_DIRECTORY)
	@for library in $(ARCHIVES); do \
		archive=$$($${CC:-cc} -print-file-name=lib$$library.a); \
		[ ! -f "$$archive" ] || ln -sf "$$archive" $(ARCHIVE_DIRECTORY)/lib$$library.a; \
	done
	@ln -sf "$$($${CC:-cc} -print-file-name=libgcc_eh.a)" $(ARCHIVE_DIRECTORY)/libgcc_s.a

# Does nothing if the libraries, and dtc and xz for the tests, are installed, from whatever package.
dependencies:
	@if ! command -v dtc >/dev/null || ! command -v xz >/dev/null || \
		! printf '#include <%s>\n' $(HEADERS) | $${CC:-cc} -E - >/dev/null 2>&1; then \
		if ! command -v apt-get >/dev/null; then \
			echo "luo-fdt needs libfdt, libbpf, zlib, zstd and snappy with their headers, dtc and xz: please install them" >&2; \
			exit 1; \
		fi; \
		sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		$$sudo apt-get update -q && $$sudo apt-get install -q -y --no-install-recommends $(PACKAGES); \
	fi

test: dependencies
	swift test

# Updates the golden files: review the changes before committing them.
golden: dependencies
	LUO_FDT_GOLDEN=write swift test --filter Golden

# What to do when a kernel is released: docs/new-release.md.
.PHONY: release
release: build
	-$(COMMAND) layout --btf $(VMLINUX)
	$(COMMAND) layout --btf $(VMLINUX) --skeleton $(VERSION)

# Checks the sources against .swift-format.
FORMATTED = Sources Tests
.PHONY: format-check
format-check:
	swift format lint --strict --configuration .swift-format --recursive $(FORMATTED)

# The manual page, from ArgumentParser's generator.
MANUAL = .build/luo-fdt.1
manual: build
	swift build -c release --static-swift-stdlib --product generate-manual
	.build/release/generate-manual $(COMMAND) --output-directory .build
	sed -i 's/^$$/.Pp/' $(MANUAL)

install: build manual
	install -s -D -m 755 $(COMMAND) $(DESTDIR)$(PREFIX)/bin/luo-fdt
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/share/luo-fdt $(addprefix $(SHARE)/init-,$(INITS))
	install -D -m 644 $(MANUAL) $(DESTDIR)$(PREFIX)/share/man/man1/luo-fdt.1
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(COMMAND) --generate-completion-script bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/luo-fdt
	$(COMMAND) --generate-completion-script zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_luo-fdt
	$(COMMAND) --generate-completion-script fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/luo-fdt.fish

# One archive with everything that `make install` installs, and the licences of linked libraries: for machines without
# Swift.
LICENSED = swift-argument-parser swift-subprocess swift-system
RELEASE = $(shell sed -n 's/.*version: "\(.*\)".*/\1/p' Sources/luo-fdt/LuoFDT.swift)
DIST = luo-fdt-$(RELEASE)-$(shell uname -m)
dist:
	rm -rf .build/dist
	$(MAKE) install DESTDIR=$(CURDIR)/.build/dist/$(DIST) PREFIX=
	install -D -m 644 -t .build/dist/$(DIST)/share/doc/luo-fdt LICENSE README.md
	@$(MAKE) --no-print-directory licences LICENCES=.build/dist/$(DIST)/share/doc/luo-fdt/licences
	tar -C .build/dist --sort=name --owner=0 --group=0 --numeric-owner -czf .build/$(DIST).tar.gz $(DIST)
	@echo ".build/$(DIST).tar.gz"

# The licences of linked libraries.
.PHONY: licences
licences:
	@mkdir -p $(LICENCES) && cd $(LICENCES) && \
	for checkout in $(LICENSED); do \
		install -m 644 $(CURDIR)/.build/checkouts/$$checkout/LICENSE* $$checkout || exit 1; \
	done && \
	cp "$$(dirname "$$(readlink -f "$$(command -v swift)")")/../share/swift/LICENSE.txt" swift && \
	for library in $(ARCHIVES) gcc_s; do \
		archive=$$(readlink -f $(CURDIR)/$(ARCHIVE_DIRECTORY)/lib$$library.a) || continue; \
		package=$$(dpkg -S "$$archive" | cut -d: -f1) && cp /usr/share/doc/$$package/copyright $$package; \
	done

# Tests the release build, as installed and as packed, against the README: runs the command's tests on it, and checks that
# it requires only the C library, has a readable manual page and completions, and runs without Swift.
.PHONY: promise
promise: dist
	LUO_FDT_COMMAND=$(CURDIR)/.build/dist/$(DIST)/bin/luo-fdt swift test --filter CommandTests
	rm -rf .build/unpacked && mkdir .build/unpacked && tar -C .build/unpacked -xzf .build/$(DIST).tar.gz
	cd .build/unpacked/$(DIST) && \
	! ldd bin/luo-fdt | grep -vE 'linux-vdso|libc\.so|libm\.so|ld-linux' && \
	env -i bin/luo-fdt dump $(CURDIR)/$(CAPTURE) | cmp - $(CURDIR)/Fixtures/golden/7.3-basic.tree && \
	bash -n share/bash-completion/completions/luo-fdt && \
	for shell in zsh fish; do \
		! command -v $$shell >/dev/null || $$shell -n share/$$shell/*/*luo-fdt* || exit 1; \
	done
	! LC_ALL=C.UTF-8 man --warnings -l .build/dist/$(DIST)/share/man/man1/luo-fdt.1 2>&1 >/dev/null | grep .
	$(MAKE) format-check

# A Debian package of the same, for machines with this architecture and release. dpkg-shlibdeps determines its dependency
# on the C library; lintian is told about the statically linked libraries.
DEB = .build/deb
DEB_ROOT = $(DEB)/luo-fdt
DEB_ARCH = $(shell dpkg --print-architecture)
DEB_DATE = $(shell git log -1 --format=%cD 2>/dev/null || date -R)
define DEB_CONTROL
Source: luo-fdt
Section: utils
Priority: optional
Maintainer: $(DEBFULLNAME) <$(DEBEMAIL)>

Package: luo-fdt
Architecture: $(DEB_ARCH)
Description: Look into, check and build what Linux hands over by kexec
 Kexec HandOver (KHO) hands memory to the next kernel, and the Live Update
 Orchestrator (LUO) hands over open files with it. luo-fdt shows what one kernel
 hands to the next, says what the next one makes of it, compares and extracts
 it, and builds what a kernel would have handed over.
endef
define DEB_LICENSES
Linked in are the libraries of Swift, swift-argument-parser, swift-subprocess and swift-system: Apache License 2.0 with
Runtime Library Exception. The licence is in /usr/share/common-licenses/Apache-2.0. The exception:

As an exception, if you use this Software to compile your source code and portions of this Software are embedded into
the binary product as a result, you may redistribute such product without providing attribution as would otherwise be
required by Sections 4(a), 4(b) and 4(d) of the License.

Linked in, too, are libfdt (BSD-2-Clause or GPL-2+), libbpf (BSD-2-Clause or LGPL-2.1), libelf (LGPL-3+ or GPL-2+), zlib
(Zlib), zstd (BSD-3-Clause or GPL-2) and snappy (BSD-3-Clause): /usr/share/doc/luo-fdt/licences has their texts as
Debian's packages have them.
endef
define DEB_OVERRIDES
# Linked in, so that the command starts fast and runs where these are not installed.
luo-fdt: embedded-library
# The init of the guests that `luo-fdt boot` starts: it runs in no machine that the package is installed on.
luo-fdt: arch-dependent-file-in-usr-share
luo-fdt: binary-from-other-architecture
luo-fdt: statically-linked-binary
# Linked at a fixed address, which saves a third of the start: docs/performance.md.
luo-fdt: hardening-no-pie
endef
DEBEMAIL ?= luo-fdt@users.noreply.github.com
DEBFULLNAME ?= The luo-fdt maintainers
export DEB_CONTROL DEB_LICENSES DEB_OVERRIDES
deb:
	rm -rf $(DEB)
	$(MAKE) install DESTDIR=$(CURDIR)/$(DEB_ROOT) PREFIX=/usr
	mkdir -p $(DEB)/debian $(DEB_ROOT)/DEBIAN $(DEB_ROOT)/usr/share/doc/luo-fdt $(DEB_ROOT)/usr/share/lintian/overrides
	printf '%s\n' "$$DEB_CONTROL" >$(DEB)/debian/control
	mv $(DEB_ROOT)/usr/share/zsh/site-functions $(DEB_ROOT)/usr/share/zsh/vendor-completions
	sed -i '1{/^#!/d}' $(DEB_ROOT)/usr/share/bash-completion/completions/luo-fdt
	gzip -9n $(DEB_ROOT)/usr/share/man/man1/luo-fdt.1
	{ cat LICENSE; printf '\n%s\n' "$$DEB_LICENSES"; } >$(DEB_ROOT)/usr/share/doc/luo-fdt/copyright
	@$(MAKE) --no-print-directory licences LICENCES=$(DEB_ROOT)/usr/share/doc/luo-fdt/licences
	printf 'luo-fdt ($(RELEASE)) unstable; urgency=medium\n\n  * See README.md.\n\n -- %s  %s\n' \
		"$$(sed -n 's/^Maintainer: //p' $(DEB)/debian/control)" '$(DEB_DATE)' | \
		gzip -9n >$(DEB_ROOT)/usr/share/doc/luo-fdt/changelog.gz
	printf '%s\n' "$$DEB_OVERRIDES" >$(DEB_ROOT)/usr/share/lintian/overrides/luo-fdt
	cd $(DEB) && dpkg-shlibdeps -e luo-fdt/usr/bin/luo-fdt && \
		dpkg-gencontrol -v$(RELEASE) -Pluo-fdt -cdebian/control -lluo-fdt/usr/share/doc/luo-fdt/changelog.gz -fdebian/files \
			-DDepends="$$(sed -n 's/^shlibs:Depends=//p' debian/substvars)"
	dpkg-deb --root-owner-group --build $(DEB_ROOT) .build
	@ls .build/luo-fdt_*.deb

# The library's documentation, for a browser: `python3 -m http.server -d .build/docs` shows it. Warnings are errors.
MODULES = FDT KernelABI Handover LiveUpdate
docs: dependencies
	LUO_FDT_DOCS=1 swift package --scratch-path .build-docs --allow-writing-to-directory .build/docs \
		generate-documentation $(addprefix --target ,$(MODULES)) --enable-experimental-combined-documentation \
		--transform-for-static-hosting --warnings-as-errors --output-path .build/docs

clean:
	swift package clean

# Feeds hostile bytes to everything that accepts a user's bytes, on all processors, for FUZZ_SECONDS. Inputs with new
# coverage are kept in .build-fuzz/corpus, where the next run continues; failures are in .build-fuzz.
FUZZ_SECONDS ?= 60
FUZZ = .build-fuzz/release/handover-fuzz
FUZZ_RUN = SWIFT_BACKTRACE=enable=no $(FUZZ) -max_len=65536 -entropic=0 -timeout=10 -rss_limit_mb=2048 \
	-artifact_prefix=.build-fuzz/ -dict=.build-fuzz/seeds.dict
FUZZ_INPUTS = .build-fuzz/corpus .build-fuzz/seeds Fixtures/fuzz
fuzz: fuzz-build
	$(FUZZ_RUN) -fork=$$(nproc) -max_total_time=$(FUZZ_SECONDS) -ignore_timeouts=0 -ignore_ooms=0 $(FUZZ_INPUTS)

# The same for a fixed number of inputs: the corpus, and changes to it that are the same in each run.
fuzz-smoke: fuzz-build
	$(FUZZ_RUN) -seed=1 -runs=10000 $(FUZZ_INPUTS)

fuzz-build: dependencies
	LUO_FDT_FUZZ=1 swift build -c release --scratch-path .build-fuzz --sanitize fuzzer --product handover-fuzz
	Tests/Fuzz/seeds .build-fuzz/seeds
	mkdir -p .build-fuzz/corpus
	tar -C .build-fuzz/corpus --skip-old-files -xJf $(CORPUS)

# Minimizes the corpus while keeping its coverage, and stores it for the next run elsewhere.
CORPUS = Fixtures/fuzz/corpus.tar.xz
fuzz-merge:
	rm -rf .build-fuzz/merged && mkdir .build-fuzz/merged
	SWIFT_BACKTRACE=enable=no $(FUZZ) -merge=1 -max_len=65536 .build-fuzz/merged .build-fuzz/corpus
	tar -C .build-fuzz/merged --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cJf $(CORPUS) .

# A small kernel of x86_64 or arm64 for `boot` and for kernel-test; PLAYER=1 for player-test. See Tests/Kernel/README.md.
VERSION ?= 7.3
ARCH ?= x86_64
PAGE ?= 4k
KERNELS ?= .build-kernels
kernel:
	Tests/Kernel/build-kernel $(VERSION) $(ARCH) $(PAGE) $(KERNELS) $(if $(PLAYER),player)

# Verifies what is documented about real kernels: writes docs/kernels.md and docs/lifecycle-kernels.md.
kernel-test: build
	swift build --product kernel-oracle
	Tests/Kernel/run --luo-fdt $(COMMAND) --kernels $(KERNELS) --oracle $(CURDIR)/$(ORACLE)
	Tests/Kernel/player/play $(COMMAND) $(KERNELS)

# Compares check with a kernel: for the recipes in Fixtures/corruptions, and for captures with random changes.
ORACLE = .build/debug/kernel-oracle
ORACLE_KERNEL = --kernel $(KERNELS)/bzImage-$(VERSION) --inits $(SHARE)
SEED ?= 1
COUNT ?= 1000
corruptions: dependencies inits
	mkdir -p .build-corruptions
	LUO_FDT_CORRUPTIONS=$(CURDIR)/.build-corruptions swift test --filter CorruptionTests
	$(ORACLE) corruptions $(ORACLE_KERNEL) .build-corruptions

mutants: dependencies inits
	swift build --product kernel-oracle
	$(ORACLE) mutants $(ORACLE_KERNEL) --seed $(SEED) --count $(COUNT) \
		--journal $(KERNELS)/mutants-$(VERSION).jsonl Fixtures/captures/$(VERSION)/*.elf

# Measures the library, then whole commands and their peers; Benchmarks/README.md explains the results.
BENCH = .build-bench
BENCH_RUNS ?= 10
INSTALLED = $(BENCH)/bin/luo-fdt
.PHONY: bench bench-build bench-dependencies $(INSTALLED)
bench: $(INSTALLED) bench-dependencies $(addprefix $(BENCH)/reference/,walk map copy pages)
	swift build -c release --package-path Benchmarks --scratch-path $(BENCH) --product make-inputs
	swift package --package-path Benchmarks --scratch-path $(BENCH) benchmark --no-progress
	Benchmarks/compare --luo-fdt $(INSTALLED) --runs $(BENCH_RUNS) --output $(BENCH)/comparison.md

# Compiles the benchmarks.
bench-build:
	swift build --package-path Benchmarks --scratch-path $(BENCH)

# Installed, like its peers: the file written by the linker takes a fifth longer to start than a copy of it.
$(INSTALLED): build
	install -s -D -m 755 $(COMMAND) $@

$(BENCH)/reference/%: Benchmarks/reference/%.c Benchmarks/reference/core.h
	mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -o $@ $< -lfdt -lkdumpfile

bench-dependencies: dependencies
	@if ! command -v hyperfine >/dev/null || ! [ -x /usr/bin/time ]; then \
		if ! command -v apt-get >/dev/null; then \
			echo "make bench needs hyperfine and GNU time: please install them" >&2; \
			exit 1; \
		fi; \
		sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		$$sudo apt-get update -q && $$sudo apt-get install -q -y --no-install-recommends hyperfine time; \
	fi

# Plays scenarios on live update of the kernels whose sources are in KERNELS, and on the model of simulate.
KERNELS ?= .build-kernels
.PHONY: player-test
player-test: build
	Tests/Kernel/player/play $(COMMAND) $(KERNELS)
