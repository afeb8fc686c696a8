import Foundation
import Handover
import KernelABI
import SystemPackage

/// A capture of a real handover: `Fixtures/captures/NAME.elf`.
public struct CapturedHandover: CustomStringConvertible, Sendable {
    /// The name, such as `7.3/basic`.
    public let name: String

    public init(name: String) {
        self.name = name
    }

    public static let all: [CapturedHandover] = (FileManager.default.subpaths(atPath: Fixture.path("captures")) ?? [])
        .filter { $0.hasSuffix(".elf") }.map { String($0.dropLast(4)) }.sorted().map(Self.init)

    public static let names = all.map(\.name)

    public var description: String { name }
    public var path: FilePath { Fixture.file("captures/\(name).elf") }

    public var pageSize: PageSize {
        name.contains("-16k/") ? .kib16 : name.contains("-64k/") ? .kib64 : .kib4
    }

    public func read(_ options: InputOptions = InputOptions()) throws -> HandoverDocument {
        try HandoverInput(path, options: options).documents[0]
    }
}
