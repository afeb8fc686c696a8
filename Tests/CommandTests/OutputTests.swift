import Foundation
import TestSupport
import Testing

/// Checks that output never destroys data: it appears complete or not at all, and never replaces its input.
@Suite struct OutputTests {
    private static let capture = "captures/7.3/basic.elf"
    private static let extraction = "--session vm-beta --token 0xdeadbeef"

    /// The names in a directory and the contents of the files.
    private func contents(of directory: TemporaryPath) throws -> [String: Data] {
        var found: [String: Data] = [:]
        let names = try #require(FileManager.default.enumerator(atPath: directory.path))
        for case let name as String in names {
            found[name] = try? Data(contentsOf: directory.url.appending(path: name))
        }
        return found
    }

    // MARK: - Outputs that are inputs

    /// Commands that write to their input, in a directory with a copy of a capture, a document, a file with contents,
    /// and links to all of them.
    static let selfWrites = [
        "collect image.elf -o image.elf",
        "collect image.elf -o ./image.elf",
        "collect image.elf -o symlink",
        "collect symlink -o image.elf",
        "collect image.elf -o hardlink.elf",
        "collect --contents image.elf -o hardlink.dtb --output-format elf",
        "extract image.elf \(extraction) -o image.elf",
        "extract image.elf \(extraction) -o symlink",
        "extract blobs --fdt-pa 0x4c9000 --memory image.elf \(extraction) -o image.elf",
        "collect blobs --fdt-pa 0x4c9000 --memory image.elf -o image.elf",
        "collect blobs --fdt-pa 0x4c9000 --memory image.elf -o blobs/new.elf",
        "collect blobs --fdt-pa 0x4c9000 --memory image.elf -o blobs --output-format directory",
        "collect blobs --fdt-pa 0x4c9000 --memory image.elf -o . --output-format directory",
        "collect blobs --fdt-pa 0x4c9000 --memory image.elf -o blobs/sub_fdts/new.elf",
        "build document.json -o document.json --output-format elf",
        "build document.json -o guest.bin --output-format elf",
        "build document.json -o guest.bin --output-format bundle",
        "build document.json -o guest.bin --subtree LUO",
        "build - -o document.json --output-format elf <document.json",
        "build document.json -o - --output-format elf >>guest.bin",
        "collect image.elf -o - --output-format elf >>image.elf",
        "collect image.elf -o /dev/stdout --output-format elf >>image.elf",
        "extract image.elf \(extraction) -o - >>image.elf",
        "dump image.elf >>image.elf",
        "check image.elf >>image.elf",
        "diff image.elf image.elf >>image.elf",
        "simulate scenario.json --at first -o scenario.json --output-format elf",
        "simulate scenario.json >>scenario.json",
    ]

    @Test(arguments: selfWrites) func `an output that is an input is refused`(_ arguments: String) throws {
        let directory = try TemporaryPath()
        let prepare = try Command(
            shell: """
                cp captures/7.3/basic.elf $d/image.elf && cp scenarios/two-updates.json $d/scenario.json && cd $d &&
                ln image.elf hardlink.elf && ln image.elf hardlink.dtb && ln -s image.elf symlink &&
                \(arguments.contains("blobs") ? "$luo collect image.elf -o blobs && rm blobs/memory.elf" : "true") &&
                printf hello >guest.bin
                echo '{"sessions":[{"name":"s","files":[{"token":1,"memfd":{"content":"guest.bin"}}]}]}' >document.json
                """, environment: ["d": directory.path])
        try #require(prepare.status == 0, "\(prepare.errors)")
        let before = try contents(of: directory)
        let command = try Command(shell: "cd $d && $luo \(arguments)", environment: ["d": directory.path])
        #expect(command.status == 2)
        #expect(command.errors.contains(" is not written: "), "\(command.errors)")
        #expect(try contents(of: directory) == before)
    }

    // MARK: - Whole or not at all

    @Test func `a file is replaced as a whole, and keeps its permissions`() throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                echo old >$d/real.elf && chmod 640 $d/real.elf && ln -s real.elf $d/link.elf && exec 3<$d/real.elf &&
                $luo collect \(Self.capture) -o $d/link.elf && cat <&3 && stat -c %a $d/real.elf && \
                test -L $d/link.elf &&
                ln -s new.elf $d/dangling.elf && $luo collect \(Self.capture) -o $d/dangling.elf && ls -A $d
                """, environment: ["d": directory.path])
        #expect(command.text == "old\n640\ndangling.elf\nlink.elf\nnew.elf\nreal.elf\n", "\(command.errors)")
    }

    @Test(arguments: ["elf", "bundle", "directory"])
    func `a failure in the middle leaves what was there`(form: String) throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                \(form == "directory" ? "mkdir $d/old" : "echo old >$d/old") && before=$(ls -lR $d) && ulimit -f 16
                $luo collect --contents \(Self.capture) -o $d/old --output-format \(form); echo $?
                $luo collect --contents \(Self.capture) -o $d/new --output-format \(form); echo $?
                test "$before" = "$(ls -lR $d)"
                """, environment: ["d": directory.path])
        #expect(command.text == "2\n2\n")
        #expect(command.errors.contains(/\/old(\/memory.elf)?: File too large\n/), "\(command.errors)")
        #expect(command.errors.contains(/\/new(\/memory.elf)?: File too large\n/))
        #expect(command.status == 0)
    }

    private static let hasNamespaces = (try? Command(shell: "unshare -rm true").status) == 0

    @Test(.enabled(if: hasNamespaces), arguments: ["elf", "bundle", "directory"])
    func `a full disk is said, and left as it was`(form: String) throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                unshare -rm sh -c 'mount -t tmpfs -o size=64k none $d && $luo collect --contents \(Self.capture) \
                -o $d/x --output-format \(form); echo $?; ls -A $d | wc -l'
                """, environment: ["d": directory.path])
        #expect(command.text == "2\n0\n")
        #expect(command.errors.contains(": No space left on device\n"), "\(command.errors)")
    }

    static let fullOutputs = [
        "dump \(capture)", "dump -f json \(capture)", "dump -f hex \(capture)", "check \(capture)", "schema", "layout",
        "layout -f json", "simulate scenarios/first-and-last.json", "diff \(capture) captures/7.1/names.elf",
        "collect \(capture) -o - --output-format elf", "build examples/readme.json -o - --output-format bundle",
        "help dump", "--version", "check --explain region-tail", "extract \(capture) \(extraction) -o -",
        "collect \(capture) -o /dev/full --output-format elf",
        "extract \(capture) \(extraction) -o /dev/full",
    ]

    @Test(arguments: fullOutputs) func `a full output is an error`(_ arguments: String) throws {
        let command = try Command(shell: "$luo \(arguments) >/dev/full")
        #expect(command.status == 2)
        #expect(command.errors.contains(": No space left on device\n"), "\(command.errors)")
    }

    // MARK: - Directories

    @Test func `a directory is replaced as a whole`() throws {
        let directory = try TemporaryPath()
        let place = directory.url.appending(path: "out")
        for capture in ["7.1/names", "7.3/basic"] {
            let command = try Command("collect", "captures/\(capture).elf", "-o", place.path())
            #expect(command.status == 0, "\(command.errors)")
        }
        let fresh = directory.url.appending(path: "fresh")
        try #require(try Command("collect", Self.capture, "-o", fresh.path()).status == 0)
        let compare = try Command(shell: "diff -r $d/out $d/fresh && ls -A $d", environment: ["d": directory.path])
        #expect(compare.text == "fresh\nout\n")
    }

    /// Contents that make a directory the user's own.
    @Test(arguments: [
        "touch $d/out/notes", "rm $d/out/memory.elf", "cp \(capture) $d/out/memory.elf",
        "truncate -s -1 $d/out/memory.elf",
    ])
    func `a directory that holds more is not replaced`(_ change: String) throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                $luo collect \(Self.capture) -o $d/out 2>/dev/null && \(change) && cp -r $d/out $d/copy
                $luo collect captures/7.1/names.elf -o $d/out; echo $?; diff -r $d/out $d/copy && ls -A $d
                """, environment: ["d": directory.path])
        #expect(command.text == "2\ncopy\nout\n")
        #expect(command.errors.contains("out is not written: it is a directory with other files;"))
    }

    @Test func `a directory is no stream, and no file`() throws {
        let directory = try TemporaryPath()
        let wrong = try Command("collect", Self.capture, "-o", "-", "--output-format", "directory")
        #expect(wrong.status == 64)
        let device = try Command("collect", Self.capture, "-o", "/dev/null", "--output-format", "directory")
        #expect(device.status == 2)
        #expect(device.errors == "luo-fdt: /dev/null is not written: a directory cannot be written to a stream\n")
        let file = try Command("collect", Self.capture, "-o", directory.path, "--output-format", "elf")
        #expect(file.status == 2)
        #expect(file.errors.contains("Is a directory"))
    }

    @Test func `an input that the kernel cannot read is unreadable, and the output stays as it was`() throws {
        let directory = try TemporaryPath()
        // In a tmpfs, reading a mapped hole allocates memory.
        let command = try Command(
            shell: """
                unshare -rm sh -c 'mount -t tmpfs -o size=4m none $d && truncate -s 1M $d/sparse &&
                dd if=/dev/zero of=$d/full bs=64k 2>/dev/null; for c in dump check "collect --contents -o $d/out"; do
                $luo $c $d/sparse >/dev/null; echo $?; done; ls -A $d'
                """, environment: ["d": directory.path])
        #expect(command.text == "2\n2\n2\nfull\nsparse\n")
        #expect(command.errors.contains("luo-fdt: an input cannot be read: "), "\(command.errors)")
    }

    // MARK: - Streams

    @Test func `streams are appended to`() throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                cd $d; image=$OLDPWD/\(Self.capture)
                $luo extract $image \(Self.extraction) -o file &&
                $luo extract $image \(Self.extraction) -o - | cmp - file &&
                $luo extract $image \(Self.extraction) -o /dev/stdout | cmp - file &&
                $luo extract $image \(Self.extraction) -o /dev/null &&
                mkfifo fifo && { cmp file fifo & } && $luo extract $image \(Self.extraction) -o fifo && wait $! &&
                echo before >log && $luo extract $image \(Self.extraction) -o - >>log && tail -c +8 log | cmp - file &&
                $luo extract $image \(Self.extraction) -o /dev/fd/3 3>>log && wc -c <log && head -n 1 log &&
                $luo collect $image -o core.elf 2>/dev/null && echo before >log &&
                $luo collect $image -o - --output-format elf >>log 2>/dev/null && tail -c +8 log | cmp - core.elf
                """, environment: ["d": directory.path])
        #expect(command.text == "\(7 + 2 * 65536)\nbefore\n")
        #expect(command.status == 0, "\(command.errors)")
    }

    @Test func `what is built into a stream is what is built into a file`() throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                for form in elf bundle; do
                $luo build examples/readme.json -o $d/$form --output-format $form 2>/dev/null &&
                $luo build examples/readme.json -o - --output-format $form 2>/dev/null | cmp - $d/$form || exit 1
                done
                """, environment: ["d": directory.path])
        #expect(command.status == 0, "\(command.text)\(command.errors)")
    }

    // MARK: - Signals

    /// How often to kill a command; the environment can increase it.
    static let kills = Int(ProcessInfo.processInfo.environment["LUO_FDT_KILLS"] ?? "") ?? 12

    @Test(arguments: ["elf", "directory"])
    func `a signal leaves what was there, or what is to be there`(form: String) throws {
        let directory = try TemporaryPath()
        let document = #"{"sessions":[{"name":"s","files":[{"token":1,"memfd":{"content":"guest"}}]}]}"#
        try Data(document.utf8).write(to: directory.url.appending(path: "document.json"))
        try Data((0..<8 << 20).map { UInt8(truncatingIfNeeded: $0 / 4096 &+ 1) })
            .write(to: directory.url.appending(path: "guest"))
        let arguments = ["build", directory.path + "/document.json", "--output-format", form, "-o"]
        let clock = ContinuousClock()
        let took = try clock.measure { try #require(try Command(arguments + [directory.path + "/whole"]).status == 0) }
        let whole = try contents(of: directory)
        for number in 0..<Self.kills {
            // A directory has a temporary name meanwhile, which SIGKILL leaves behind.
            let signals = [SIGINT, SIGTERM, SIGHUP] + (form == "elf" ? [SIGKILL] : [])
            let process = Process()
            process.executableURL = Command.executable
            process.arguments = arguments + [directory.path + (number % 2 == 0 ? "/whole" : "/new")]
            process.standardError = FileHandle.nullDevice
            try process.run()
            Thread.sleep(forTimeInterval: Double.random(in: 0...1.2) * (took / .seconds(1)))
            kill(process.processIdentifier, signals[number % signals.count])
            process.waitUntilExit()
            var found = try contents(of: directory)
            if process.terminationReason == .exit {
                #expect(process.terminationStatus == 0)
            } else {
                #expect(process.terminationStatus == signals[number % signals.count])
            }
            for (name, bytes) in whole where name.hasPrefix("whole") {
                guard let new = found.removeValue(forKey: name.replacing("whole", with: "new")) else { continue }
                #expect(new == bytes)
            }
            #expect(found == whole, "\(found.keys)")
            try? FileManager.default.removeItem(at: directory.url.appending(path: "new"))
        }
    }
}
