import Foundation
import Handover
import KernelABI
import SystemPackage
import Testing

@testable import LiveUpdate

/// Files of the repository that tests read.
enum Fixtures {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures")

    /// The names of all scenarios.
    static let scenarios: [String] = {
        let path = directory.appending(path: "scenarios").path()
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }()

    static func scenario(_ name: String) throws -> Scenario {
        let data = try Data(contentsOf: directory.appending(path: "scenarios/\(name).json"))
        return try JSONDecoder().decode(Scenario.self, from: data)
    }

    static func golden(_ name: String) throws -> String {
        try String(contentsOf: directory.appending(path: "golden/simulate/\(name)"), encoding: .utf8)
    }

    /// A captured image, and what is read of it.
    static func capture(_ name: String) throws -> (image: ELFCore, reading: Reading) {
        let path = directory.appending(path: "captures/\(name).elf").path()
        let image = try ELFCore(file: try MappedFile(path: FilePath(path)))
        let reader = HandoverReader(memory: image, pageSize: .kib4)
        return (image, try RootChoice(among: RootScan(of: image).candidates, reader: reader).reading)
    }
}
