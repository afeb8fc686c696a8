/// Something in a handover that could not be read, or is not what it should be.
public struct Finding: Error, Hashable, Sendable {
    public var severity: Severity
    public var cause: Cause
    /// The owner of the structure.
    public var owner: Owner
    /// The structure or field concerned.
    public var place: Place
    public var found: String
    public var expected: String

    /// The severity.
    public enum Severity: String, Hashable, Sendable {
        /// Not in the input, so it is unknown whether it is correct.
        case unknown
        /// The handover is damaged or truncated here.
        case damage
    }

    /// The kind of problem.
    public enum Cause: String, Hashable, Sendable, CaseIterable {
        /// The input does not contain this memory.
        case notAvailable = "not-available"
        /// The kernel writes it only at kexec, and the input was taken earlier.
        case notYetWritten = "not-yet-written"
        /// The kernel has freed the memory, which may have been reused.
        case freed
        /// The input states that it omits this memory.
        case leftOut = "left-out"
        /// The input contains the memory, but it cannot be read.
        case unreadable
        /// The input, a file with memory in it, is truncated or damaged.
        case input
        /// A structure that must begin a page does not.
        case misaligned
        /// Two links refer to the same structure.
        case visitedBefore = "visited-before"
        /// A chain loops.
        case cyclic
        /// A chain is longer than kernels allow.
        case tooLong = "too-long"
        /// A count is 0 where that is invalid, or exceeds the available space.
        case count
        /// Two values that must agree do not: for example, a count and the number of records.
        case mismatch
        /// A required property, node or structure is missing.
        case missing
        /// A `compatible` string or version that is not supported here.
        case compatible
        /// A property or a blob has too few or too many bytes.
        case size
        /// A string is not NUL-terminated.
        case termination
        /// An address points to where nothing can be.
        case link
        /// Bytes that must be an FDT are not.
        case notATree = "not-a-tree"
        /// A value that no kernel writes or accepts.
        case outOfRange = "out-of-range"
        /// A name, token or page that must be unique is repeated.
        case duplicate
        /// Memory that must be preserved is not.
        case notPreserved = "not-preserved"
        /// Memory has two owners.
        case overlap
        /// Nonzero bytes after a structure.
        case slack
        /// A root left behind by an earlier handover.
        case stale
        /// A root that may be the live one is damaged, and another one is used.
        case damagedRoot = "damaged-root"
        /// A handler that the kernel does not have.
        case handler
        /// A payload version that no layout has.
        case version
        /// Several layouts fit a payload.
        case ambiguous
    }

    public init(
        _ cause: Cause, _ severity: Severity = .damage, of owner: Owner, at place: Place, found: String,
        expected: String
    ) {
        self.severity = severity
        self.cause = cause
        self.owner = owner
        self.place = place
        self.found = found
        self.expected = expected
    }
}

extension Finding: CustomStringConvertible {
    /// For example `luo_file_ser.compatible of session "vm", token 0x1 at 0xf80010: found "x", expected a handler`.
    public var description: String {
        return subject + (place.address.map { " at \($0)" } ?? "") + ": found \(found), expected \(expected)"
    }

    /// The place and its owner, or one of them if it names both.
    private var subject: String {
        if owner == .kho || owner == .input { return place.name }
        let (place, owner) = (place.name, "\(owner)")
        if owner == "the \(place)" { return place }
        return owner == place || owner.hasPrefix("\(place) ") ? owner : "\(place) of \(owner)"
    }
}
