import ArgumentParser
import Handover
import SystemPackage

struct Collect: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collect",
        abstract: "Reduces a memory image to what belongs to the handover.",
        discussion: """
            A dump of many GiB becomes a small file that dump, check and boot read like the dump itself: all \
            pages that describe the handover, and with --contents all that are handed over, too. What is omitted is \
            reported.

            EXAMPLES
              luo-fdt collect /proc/vmcore -o handover.elf
              luo-fdt collect vmcore --contents -o handover.dtb

            \(ExitStatus.discussion)
            """)

    @Argument(help: "A memory image. Default: this machine.")
    var image: FilePath?

    @OptionGroup var destination: OutputArguments

    @Flag(help: "Keep all memory that is handed over: contents of files and regions, and other preserved memory.")
    var contents = false

    @OptionGroup var input: InputArguments

    func run() throws {
        let form = try destination.form()
        let read = try input.readImage(image)
        let capture = Capture(
            of: read.document.reading, in: read.document.memory, contents: contents, found: read.found.map(\.reading))
        try destination.write(capture, as: form, inputs: [image].compactMap(\.self) + input.options.files)
        let kept = CaptureReport.print(capture, of: destination.output)
        try kept.worse(read.input.isDamaged ? .damaged : .fine).end()
    }
}
