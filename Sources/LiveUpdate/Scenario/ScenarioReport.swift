import SystemPackage

/// What happened in a scenario, step by step.
public struct ScenarioReport: Sendable {
    public var title: String
    public var about: String?
    /// Whether FLBs are finished as the kernel's documentation has it, and not as kernels do it.
    public var isAsDocumented = false
    public var entries: [Entry] = []
    /// The images that were handed over, in their order, with the names that the steps gave them.
    public var images: [(name: String?, image: HandedOver)] = []

    /// What success is called.
    static let ok = "ok"

    /// One step, or a kernel's coming up.
    public struct Entry: Sendable {
        /// Counted from 1; `nil` for what is no step of its own.
        public var number: Int?
        /// The release of the kernel in which the step ended.
        public var kernel: String
        /// Whether every kernel does this when it has come up.
        public var isBoot: Bool
        public var sentence: String
        public var note: String?
        public var events: [Event]
        public var result: ScenarioResult?
        /// What was not as expected.
        public var problems: [String]
    }

    /// Whether all expectations held.
    public var hasPassed: Bool { entries.allSatisfy { $0.problems.isEmpty } }

    /// The image that a step named, or the last one.
    public func image(named name: String?) -> HandedOver? {
        guard let name else { return images.last?.image }
        return images.first { $0.name == name }?.image
    }
}

/// How a step ended, other than well.
public enum ScenarioResult: Hashable, Sendable {
    /// The kernel returned an error.
    case errno(Errno)
    /// The step could not be done, or did not do what it should.
    case problem(String)
}
