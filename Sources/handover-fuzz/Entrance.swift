import Handover
import SystemPackage

/// A way for a user's bytes to come in.
struct Entrance: Sendable {
    /// The first byte of inputs meant for it.
    let mark: UInt8
    /// Reads the bytes after the mark, and processes them as the commands do.
    let read: @Sendable ([UInt8]) -> Void

    /// All entrances, by their marks. The working directory must contain `Fixtures`.
    static func all() -> [UInt8: @Sendable ([UInt8]) -> Void] {
        let captures = ["7.3/basic", "7.1/basic", "6.19/basic", "6.18/basic", "7.3/names"]
            .map { "Fixtures/captures/\($0).elf" }
        let dumps = ["small.kdump", "split-1.kdump", "real-zlib.kdump", "small.kdump.flat"]
            .map { "Fixtures/memory/\($0)" }
        var entrances: [Entrance] = []
        for (index, path) in captures.enumerated() {
            guard let base = ChangedHandover(path) else { continue }
            entrances.append(Entrance(mark: UInt8(index)) { base.readWithBytesChanged($0) })
            entrances.append(Entrance(mark: 0x20 + UInt8(index)) { base.readWithWordsChanged($0) })
        }
        for (index, path) in dumps.enumerated() {
            guard let base = ChangedFile(path) else { continue }
            entrances.append(Entrance(mark: 0x30 + UInt8(index)) { readFile(base.changed(by: $0)) })
        }
        entrances += [
            Entrance(mark: 0x10, read: readRoot), Entrance(mark: 0x11, read: readBlobs),
            Entrance(mark: 0x12, read: readFile), Entrance(mark: 0x13, read: readTree),
            Entrance(mark: 0x14, read: readDocument), Entrance(mark: 0x15, read: readScenario),
        ]
        if let described = DescribedHandover() {
            entrances.append(Entrance(mark: 0x16) { described.read(withKinds: $0) })
        }
        if entrances.count != 2 * captures.count + dumps.count + 7 {
            print("some fixtures are missing: not all entrances are fuzzed")
        }
        return Dictionary(entrances.map { ($0.mark, $0.read) }) { $1 }
    }
}
