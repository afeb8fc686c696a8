import Foundation
import LiveUpdate
import TestSupport

extension Scenario {
    /// The names of all scenarios.
    static let names: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: Fixture.path("scenarios"))) ?? []
        return names.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }()

    static func named(_ name: String) throws -> Scenario {
        try Scenario.read(Fixture.bytes("scenarios/\(name).json"))
    }
}
