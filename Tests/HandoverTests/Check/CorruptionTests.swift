import Foundation
import KernelABI
import SystemPackage
import Testing

@testable import Handover

@Suite struct CorruptionTests {
    /// Writes the images into the directory that the environment names, for a real kernel to boot with.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["LUO_FDT_CORRUPTIONS"] != nil))
    func `corrupted handovers are written as images`() throws {
        let directory = URL(filePath: ProcessInfo.processInfo.environment["LUO_FDT_CORRUPTIONS"] ?? "")
        for corruption in Corruption.all {
            let image = try corruption.build()
            let writer = ELFCoreWriter(machine: .x86_64, pageSize: 4096)
            let bytes = try writer.bytes(of: image.memory)
            try Data(bytes).write(to: directory.appending(path: "\(corruption.name).elf"))
        }
    }
}
