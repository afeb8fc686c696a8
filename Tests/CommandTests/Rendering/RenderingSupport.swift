import Foundation
import Handover
import KernelABI
import SystemPackage

@testable import luo_fdt

/// The output of a renderer.
func text(_ render: (inout TextSink) -> Void) -> String {
    var bytes: [UInt8] = []
    var sink = TextSink(flushingEvery: 100) { piece in bytes.append(contentsOf: piece) }
    render(&sink)
    sink.finish()
    return String(decoding: bytes, as: UTF8.self)
}
