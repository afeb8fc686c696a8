import SystemPackage

/// The results of a scenario, step by step.
public struct ScenarioReport: Sendable {
    public var scenario: Scenario
    public var entries: [Entry] = []
    /// The images that were handed over, in order, with the names from the steps.
    public var images: [(name: String?, image: HandedOver)] = []

    /// The word for success.
    static let ok = "ok"

    /// A step, or the boot of a kernel.
    public struct Entry: Sendable {
        /// Counted from 1; `nil` for anything but a top-level step.
        public var number: Int?
        /// The release of the kernel in which the step began.
        public var kernel: String
        /// Whether this is a step that every kernel performs after booting.
        public var isBoot: Bool
        /// Whether the step booted another kernel.
        public var hasBooted = false
        /// Whether a kernel is running after the step.
        public var isRunning = true
        /// The step; `nil` for power-on.
        var step: ScenarioStep?
        public var sentence: String
        public var note: String?
        public var events: [Event]
        public var result: ScenarioResult?
        /// Counts and references after the step.
        public var counts: [Count] = []
        public var owners: [Owner] = []
        /// The unmet expectations.
        public var problems: [String]
        /// The result of a race.
        public var race: RaceReport?
        /// The owners whose references the step changed.
        public var moves: [OwnerMove] = []
    }

    /// The counts of an FLB.
    public struct Count: Hashable, Sendable {
        /// The name that steps use.
        public var flb: String
        public var outgoing: Int64
        public var incoming: Int64
    }

    /// The references to the module of a handler or FLB.
    public struct Owner: Hashable, Sendable {
        /// The name that steps use.
        public var name: String
        public var references: Int
    }

    /// A change of the references to the module of a handler or FLB.
    public struct OwnerMove: Hashable, Sendable {
        public var name: String
        public var from: Int
        public var to: Int
    }

    /// Whether all expectations held.
    public var hasPassed: Bool { entries.allSatisfy { $0.problems.isEmpty } }

    /// The number of steps performed, including those of every boot.
    public var stepCount: Int { entries.count { $0.step != nil } }

    /// The image that a step named, or the last one.
    public func image(named name: String?) -> HandedOver? {
        guard let name else { return images.last?.image }
        return images.first { $0.name == name }?.image
    }
}

/// The result of a step that did not succeed.
public enum ScenarioResult: Hashable, Sendable {
    /// The kernel returned an error.
    case errno(Errno)
    /// The step was not possible, or did not have its intended effect; includes the error that a kernel would have
    /// returned.
    case problem(String, errno: Errno?)

    init(_ error: any Error) {
        switch error {
        case let error as Errno: self = .errno(error)
        case let error as ScenarioProblem: self = .problem(error.text, errno: error.errno)
        default: self = .problem("\(error)", errno: nil)
        }
    }
}

extension ScenarioReport.OwnerMove {
    /// The differences between two states of the same owners.
    static func moves(from old: [ScenarioReport.Owner], to new: [ScenarioReport.Owner]) -> [Self] {
        zip(old, new).compactMap { old, new in
            old.references == new.references ? nil : Self(name: new.name, from: old.references, to: new.references)
        }
    }
}
