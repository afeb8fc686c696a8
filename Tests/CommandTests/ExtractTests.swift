import TestSupport
import Testing

/// Tests `extract` on incomplete dumps.
@Suite struct ExtractTests {
    /// The list of the file's folios is cut off: bytes without a folio are unknown, not zero.
    @Test func `a file whose folios are not all listed is not whole`() throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                head -c 300000 captures/7.3/basic.elf >$d/cut.elf
                $luo extract $d/cut.elf --session vm-beta --token 0xdeadbeef -o $d/file
                echo $?
                $luo check $d/cut.elf >$d/findings
                echo $?
                grep -c error $d/findings
                """, environment: ["d": directory.path])
        #expect(command.text == "1\n8\n0\n")
        #expect(command.errors.contains("bytes 0 to 65535 of the file cannot be read from the image"))
    }
}
