import Foundation
import TestSupport
import Testing

/// Checks that damaged data, and data found by a search, is neither lost nor silently ignored.
@Suite struct LossTests {
    private static let image = "captures/7.3/basic.elf"

    /// The image with some bytes changed.
    private func changed(_ change: (inout Data) throws -> Void) throws -> (directory: TemporaryPath, path: String) {
        let directory = try TemporaryPath()
        var bytes = try Data(contentsOf: Fixture.url(Self.image))
        try change(&bytes)
        let path = directory.path + "/image.elf"
        try bytes.write(to: URL(filePath: path))
        return (directory, path)
    }

    /// The tag before kexec-metadata's node is invalid; LUO's node comes before it.
    @Test func `a root whose structure is damaged is read as far as it goes`() throws {
        let (directory, path) = try changed { bytes in
            let name = try #require(bytes.range(of: Data([0, 0, 0, 1] + Array("kexec-metadata\0".utf8))))
            bytes[name.lowerBound + 3] = 7
        }
        let dump = try Command("dump", path)
        #expect(dump.status == 1)
        #expect(dump.text.contains("vm-beta   1 file"))
        #expect(dump.errors.contains("0x7 is not a tag"))
        let extract = try Command("extract", path, "--all", "-o", directory.path + "/files")
        #expect(extract.status == 1)
        #expect(FileManager.default.fileExists(atPath: directory.path + "/files/vm-beta/0xdeadbeef"))
        #expect(try Command("check", path).status == 3)
    }

    @Test func `sessions without LUO's state are searched for, extracted, collected and reported`() throws {
        // The compatible of LUO's state: nothing refers to the sessions any more.
        let (directory, path) = try changed { bytes in
            let name = try #require(bytes.range(of: Data("luo-v5\0".utf8)))
            bytes[name.lowerBound] = 0
        }
        #expect(try Command("dump", path, "--session", "vm-beta").status == 2)
        let dump = try Command("dump", "--search", path, "--session", "vm-beta")
        #expect(dump.text.contains("0xdeadbeef"))
        #expect(!dump.errors.contains("no session"))
        let files = directory.path + "/files"
        _ = try Command("extract", "--search", path, "--all", "-o", files)
        let one = directory.path + "/one"
        #expect(
            try Command("extract", Self.image, "--session", "vm-beta", "--token", "0xdeadbeef", "-o", one).status == 0)
        #expect(FileManager.default.contentsEqual(atPath: files + "/vm-beta/0xdeadbeef", andPath: one))
        let copy = directory.path + "/copy.elf"
        let collect = try Command("collect", "--search", path, "--contents", "-o", copy)
        #expect(collect.errors.contains("3 sessions, 4 files"))
        #expect(try Command("dump", "--search", copy).text.contains("vm-beta"))
        let page = directory.path + "/page.html"
        _ = try Command("report", "--search", path, "-o", page)
        #expect(try String(contentsOfFile: page, encoding: .utf8).contains("Found by the search"))
    }

    /// After a crash, with a damaged count in the block of sessions.
    @Test func `sessions are found by their records, whatever their block states`() throws {
        let directory = try TemporaryPath()
        var bytes = try Data(contentsOf: Fixture.url("memory/after-crash.elf"))
        let name = try #require(bytes.range(of: Data("vm-alpha\0".utf8)))
        for count in [0, 9] as [UInt8] {
            bytes[name.lowerBound - 8] = count
            let path = directory.path + "/image.elf"
            try bytes.write(to: URL(filePath: path))
            let dump = try Command("dump", "--search", path)
            #expect(dump.text.contains("vm-alpha"), "\(dump.text)")
            #expect(dump.text.contains("whose number there is not the one stated"), "\(dump.text)")
        }
    }

    @Test func `a file of debugfs that cannot be read costs no other, and one without a node is named`() throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                cp -r captures/7.3/debugfs/receiver $d/kho && chmod -R u+w $d/kho
                rm $d/kho/in/sub_fdts/LUO && mkdir $d/kho/in/sub_fdts/LUO && touch $d/kho/in/sub_fdts/LUO/x
                cp $d/kho/in/sub_fdts/memblock $d/kho/in/sub_fdts/other
                mkdir -p $d/kho/more/fdt && touch $d/kho/more/fdt/x
                $luo dump $d/kho | grep -c testblk; $luo dump -q $d/kho; echo $?
                """, environment: ["d": directory.path])
        #expect(command.text == "1\n1\n")
        for text in ["file of LUO: found ", "no node of its name"] {
            #expect(command.errors.contains(text), "\(command.errors)")
        }
    }

    @Test func `a machine that hands nothing over is named`() throws {
        let (directory, path) = try changed { $0[18] = 243 }
        let dump = try Command("dump", path)
        #expect(dump.status == 1)
        #expect(dump.errors.contains("Elf64_Ehdr.e_machine: found 243, expected x86_64 or aarch64"), "\(dump.errors)")
        let build = try Command(
            shell: """
                echo '{"machine": "x86_64", "page_size": 65536, "sessions": []}' >$d/h.json
                $luo build $d/h.json -o $d/h.elf
                """, environment: ["d": directory.path])
        #expect(build.errors.contains(".page_size: kernels of x86_64 have pages of 4096 bytes"), "\(build.errors)")
    }

    @Test func `a size that no file can have costs that file alone`() throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                cat >$d/h.json <<END
                {"sessions": [{"name": "s", "files": [
                  {"token": 1, "memfd": {"size": 9223372036854775807, "folios": []}},
                  {"token": 2, "memfd": {"text": "x"}},
                  {"token": 3, "compatible": "other-v1", "data": "0x1"}]}]}
                END
                $luo build $d/h.json --force -o $d/h.elf 2>$d/built
                $luo extract $d/h.elf --all -o $d/files
                echo $?; ls $d/files/s
                """, environment: ["d": directory.path])
        #expect(command.text == "1\n0x2\n")
        #expect(command.errors.contains("token 0x1 is not written: "))
        #expect(command.errors.contains("token 0x3 is not written: its content is of an unknown kind"))
    }

    @Test func `what a record leaves out is said`() throws {
        let (directory, path) = try changed { bytes in
            // luo_ser.sessions_pa.
            let luo = try #require(bytes.range(of: Data("luo-v5\0\0".utf8)))
            bytes.replaceSubrange(luo.lowerBound + 16..<luo.lowerBound + 24, with: Data(count: 8))
        }
        let check = try Command("check", path)
        #expect(check.text.contains("[unreached]"), "\(check.text)")
        let built = try Command(
            shell: """
                cat >$d/h.json <<END
                {"sessions": [{"name": "s", "files": [
                  {"token": 1, "memfd": {"size": 4096, "folios": [{"pfn": "0x20000", "flags": 3, "index": 0},
                      {"pfn": "0x20001", "flags": 3, "index": 1}]}},
                  {"token": 2, "memfd": {"size": 8192, "folios": [{"pfn": "0x20002", "flags": 3, "index": 1}]}}]}]}
                END
                $luo build $d/h.json --force -o $d/h.elf 2>$d/built
                $luo check $d/h.elf | grep -c '^warning .memfd-tail. '
                $luo extract $d/h.elf --session s --token 2 -o $d/file; echo $?
                """, environment: ["d": directory.path])
        #expect(built.text == "1\n1\n")
        #expect(built.errors.contains("bytes 0 to 4095 of the file"))
    }

    // MARK: - debugfs

    @Test func `an empty file hides nothing that is beside it`() throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                cp -r captures/7.3/debugfs/sender $d/kho; : >$d/kho/out/sub_fdts/kho_test
                $luo dump $d/kho
                """, environment: ["d": directory.path])
        #expect(command.text.contains("kexec-metadata"))
        #expect(command.text.contains("luo-v5"))
        #expect(command.status == 0 || command.status == 1)
    }

    @Test(arguments: ["6.19", "7.1", "7.3", "7.3-arm64-16k"])
    func `a healthy machine is not damaged for being told its memory, nor for its name`(version: String) throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                cp -r captures/$v/debugfs/receiver/in $d/after
                $luo check --memory captures/$v/basic.elf captures/$v/debugfs/sender/out >$d/1; echo $?
                $luo check --memory captures/$v/basic.elf captures/$v/debugfs/receiver/in >$d/2; echo $?
                $luo check $d/after >$d/3; echo $?
                """, environment: ["d": directory.path, "v": version])
        for status in command.text.split(separator: "\n") { #expect(["0", "8"].contains(status), "\(command.text)") }
    }

    @Test func `bitmaps that debugfs does not show have no size that is wrong`() throws {
        let command = try Command("check", "captures/6.17/debugfs/sender/out", "--kernel", "6.17.8")
        #expect(!command.text.contains("expected 512"))
        #expect(command.status == 8)
    }

    @Test func `an address that no machine has is wrong, though debugfs has no memory`() throws {
        let directory = try TemporaryPath()
        try FileManager.default.copyItem(
            at: Fixture.url("captures/7.3/debugfs/sender/out"),
            to: directory.url.appending(path: "out"))
        let root = directory.url.appending(path: "out/fdt")
        var bytes = try Data(contentsOf: root)
        // In LUO's node, the size comes before the address.
        let node = try #require(bytes.range(of: Data("LUO\0".utf8)))
        bytes.replaceSubrange(node.upperBound + 32..<node.upperBound + 40, with: Data(count: 8))
        try bytes.write(to: root)
        let command = try Command("check", directory.path + "/out")
        #expect(command.text.contains("[luo-address]"))
        #expect(command.status == 5)
    }

    @Test func `what is wrong with a file is said by every command that reads it`() throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                cp memory/real-zlib.kdump $d/marked; printf '\\011' | dd of=$d/marked bs=1 seek=424 conv=notrunc 2>$d/dd
                $luo diff memory/real-zlib.kdump $d/marked; echo $?
                $luo extract $d/marked --all -o $d/files; echo $?
                cp memory/real-zlib.kdump $d/pages; printf '\\210\\023' | dd of=$d/pages bs=1 seek=$((32768 + 8)) \
                conv=notrunc 2>$d/dd
                $luo dump $d/pages >$d/text; echo $?; grep -c 'found session' $d/text
                """, environment: ["d": directory.path])
        #expect(command.text == "3\n1\n1\n2\n")
        #expect(command.errors.components(separatedBy: "mark that the dump is incomplete").count == 3)
        #expect(command.errors.contains("page_desc.size is 5000"))
    }

    @Test func `a property that a node has twice is damage`() throws {
        let directory = try TemporaryPath()
        var bytes = try Data(contentsOf: Fixture.url("fdt/board.dtb"))
        // Gives two properties of the root the same name.
        let first = try #require(bytes.range(of: Data([0, 0, 0, 3])))
        let second = try #require(bytes.range(of: Data([0, 0, 0, 3]), in: first.upperBound + 8..<bytes.count))
        bytes.replaceSubrange(
            second.upperBound + 4..<second.upperBound + 8, with: bytes[first.upperBound + 4..<first.upperBound + 8])
        try bytes.write(to: directory.url.appending(path: "twice.dtb"))
        let command = try Command("dump", directory.path + "/twice.dtb")
        #expect(command.status == 1)
        #expect(command.errors.contains(" twice, expected each once"))
    }

    /// Within the names of its properties, which lie at the end, before them, and in its first node.
    @Test(arguments: [8, 100, 1000])
    func `a bundle that is cut short is said to be one`(missing: Int) throws {
        let directory = try TemporaryPath()
        let bundle = directory.url.appending(path: "bundle.dtb")
        #expect(try Command("build", "examples/readme.json", "-o", bundle.path()).status == 0)
        try Data(contentsOf: bundle).dropLast(missing).write(to: bundle)
        let dump = try Command("dump", bundle.path())
        #expect(dump.status == 2)
        #expect(dump.errors.contains("bundle"), "\(dump.errors)")
        #expect(dump.errors.contains("it is truncated or damaged"), "\(dump.errors)")
    }

    // MARK: - diff

    @Test func `what was cut off is not compared, and not said to be gone`() throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                head -c 184320 captures/7.3/basic.elf >$d/cut.elf
                $luo diff captures/7.3/basic.elf $d/cut.elf; $luo diff memory/real-zlib.kdump memory/split-1.kdump
                """, environment: ["d": directory.path])
        #expect(command.text.contains("? some of the map of preserved memory: not in the second input"))
        #expect(!command.text.contains("- preserved memory"))
        #expect(!command.text.contains("~ bytes at"))
    }

    @Test func `the contents of described files are compared, wherever they lie`() throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                for text in one two; do
                  cat >$d/$text.json <<END
                {"sessions": [{"name": "s", "files": [
                  {"token": 1, "compatible": "guest_memfd_luo_v1", "payload": {"text": "$text"}}]}]}
                END
                  $luo build $d/$text.json -o $d/$text.elf 2>>$d/built
                done
                $luo build $d/one.json --base 0x40000000 -o $d/high.elf 2>>$d/built
                $luo diff $d/one.elf $d/two.elf; echo $?
                $luo diff --ignore-addresses $d/one.elf $d/high.elf; echo $?
                """, environment: ["d": directory.path])
        #expect(
            command.text == """
                ~ session "s", file 0x1, contents of 1 page, the first being page 0
                1
                0

                """)
    }
}
