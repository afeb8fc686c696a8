import Foundation
import Handover
import KernelABI
import SystemPackage

@testable import luo_fdt

/// What a renderer writes.
func text(_ render: (inout TextSink) -> Void) -> String {
    var bytes: [UInt8] = []
    var sink = TextSink(flushingEvery: 100) { piece in bytes.append(contentsOf: piece) }
    render(&sink)
    sink.finish()
    return String(decoding: bytes, as: UTF8.self)
}

/// The files of Fixtures.
enum RenderingFixture {
    static let directory = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures")

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: directory.appending(path: name)))
    }

    static let captures = Fixture.captures

    /// A captured image, and what is read of it.
    static func capture(_ name: String) throws -> (memory: any PhysicalMemory, reading: Reading) {
        let path = directory.appending(path: "captures/\(name).elf").path()
        let document = try HandoverInput(FilePath(path)).documents[0]
        return (document.memory, document.reading)
    }
}

/// Random numbers that are the same in every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
