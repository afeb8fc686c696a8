/// Something in a handover that could not be read, or is not what it should be.
public struct Finding: Error, Hashable, Sendable {
    public var severity: Severity
    public var cause: Cause
    /// Whose it is.
    public var owner: Owner
    /// What it is about, and where that is.
    public var place: Place
    public var found: String
    public var expected: String

    /// How bad it is.
    public enum Severity: String, Hashable, Sendable {
        /// It is not in the input: whether it is as it should be is unknown.
        case unknown
        /// The handover is broken, or cut off, here.
        case damage
    }

    /// What is wrong, of the kinds of things that can be.
    public enum Cause: String, Hashable, Sendable, CaseIterable {
        /// The input has no memory there.
        case notAvailable = "not-available"
        /// The kernel writes it at the moment of kexec, and this was taken before.
        case notYetWritten = "not-yet-written"
        /// The kernel has freed the memory since, and something else may have it.
        case freed
        /// The input says that it leaves this memory out.
        case leftOut = "left-out"
        /// The input has the memory, but it cannot be read.
        case unreadable
        /// The input, a file with memory in it, is itself cut short or damaged.
        case input
        /// A structure that has to begin a page does not.
        case misaligned
        /// Two links lead to one structure.
        case visitedBefore = "visited-before"
        /// A chain leads back into itself.
        case cyclic
        /// A chain is longer than a kernel's.
        case tooLong = "too-long"
        /// A count is 0 where it must not be, or larger than what there is room for.
        case count
        /// Two places that have to agree do not: a count, and the records that it counts.
        case mismatch
        /// A property, a node or a structure that has to be there is not.
        case missing
        /// A `compatible` string or a version is not the one that is read here.
        case compatible
        /// A property or a blob has too few or too many bytes.
        case size
        /// A string has no NUL.
        case termination
        /// An address leads to where nothing can be.
        case link
        /// Bytes that have to be an FDT are none.
        case notATree = "not-a-tree"
        /// A value that no kernel writes or takes.
        case outOfRange = "out-of-range"
        /// A name, a token or a page that has to be there once is there again.
        case duplicate
        /// Memory that has to be preserved is not.
        case notPreserved = "not-preserved"
        /// Memory has two owners.
        case overlap
        /// Bytes after a structure that are not zero.
        case slack
        /// A root that an earlier handover left behind.
        case stale
        /// A root that may be the live one is damaged, and another one was taken.
        case damagedRoot = "damaged-root"
        /// A handler that the kernel does not have.
        case handler
        /// A payload's version is one that no layout has.
        case version
        /// Several layouts of a payload fit.
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
        let whose = owner == .kho || owner == .input ? "" : " of \(owner)"
        return "\(place.name)\(whose)" + (place.address.map { " at \($0)" } ?? "")
            + ": found \(found), expected \(expected)"
    }
}
