import CLibFDT

/// An error from libfdt: the reason, the function that returned it, and what it is about.
public struct FDTError: Error, Sendable, Hashable, CustomStringConvertible {
    /// libfdt's reason.
    public let code: Code

    /// The name of the libfdt function that returned the error, such as `fdt_check_full`.
    public let operation: String

    /// The path, property, offset or size that the error is about, if known.
    public let location: String?

    public init(_ code: Code, in operation: String, at location: String? = nil) {
        self.code = code
        self.operation = operation
        self.location = location
    }

    /// libfdt's name for the code, such as `FDT_ERR_TRUNCATED`.
    public var text: String { code.description }

    public var description: String {
        guard let location else { return "\(operation): \(text)" }
        return "\(operation): \(text): \(location)"
    }
}

extension FDTError {
    /// One of libfdt's `FDT_ERR_*` numbers.
    ///
    /// A structure rather than an enumeration, because the libfdt at run time may be newer than this list.
    public struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The positive number; libfdt's functions return it negated.
        public let rawValue: Int32

        public init(rawValue: Int32) { self.rawValue = rawValue }

        /// libfdt's name for the number, or the number if it is not in this list.
        public var description: String { Self.names[self].map { "FDT_ERR_\($0)" } ?? "FDT_ERR \(rawValue)" }

        /// No such node or property. C: `FDT_ERR_NOTFOUND`.
        public static let notFound = Code(rawValue: FDT_ERR_NOTFOUND)
        /// A node with this name already exists. C: `FDT_ERR_EXISTS`.
        public static let exists = Code(rawValue: FDT_ERR_EXISTS)
        /// The buffer is too small. C: `FDT_ERR_NOSPACE`.
        public static let noSpace = Code(rawValue: FDT_ERR_NOSPACE)
        /// The offset is not that of the requested kind of object. C: `FDT_ERR_BADOFFSET`.
        public static let badOffset = Code(rawValue: FDT_ERR_BADOFFSET)
        /// A path does not begin with a slash, or its alias does not resolve. C: `FDT_ERR_BADPATH`.
        public static let badPath = Code(rawValue: FDT_ERR_BADPATH)
        /// A phandle is 0 or all ones. C: `FDT_ERR_BADPHANDLE`.
        public static let badPhandle = Code(rawValue: FDT_ERR_BADPHANDLE)
        /// The sequential writer is not in a state that allows the call. C: `FDT_ERR_BADSTATE`.
        public static let badState = Code(rawValue: FDT_ERR_BADSTATE)
        /// A block or string extends past the end of the tree. C: `FDT_ERR_TRUNCATED`.
        public static let truncated = Code(rawValue: FDT_ERR_TRUNCATED)
        /// The tree does not begin with `0xd00dfeed`. C: `FDT_ERR_BADMAGIC`.
        public static let badMagic = Code(rawValue: FDT_ERR_BADMAGIC)
        /// The version of the format is not supported. C: `FDT_ERR_BADVERSION`.
        public static let badVersion = Code(rawValue: FDT_ERR_BADVERSION)
        /// The structure block is not a valid sequence of tokens. C: `FDT_ERR_BADSTRUCTURE`.
        public static let badStructure = Code(rawValue: FDT_ERR_BADSTRUCTURE)
        /// The blocks are not in the order that editing requires. C: `FDT_ERR_BADLAYOUT`.
        public static let badLayout = Code(rawValue: FDT_ERR_BADLAYOUT)
        /// A bug in libfdt. C: `FDT_ERR_INTERNAL`.
        public static let `internal` = Code(rawValue: FDT_ERR_INTERNAL)
        /// `#address-cells` or `#size-cells` is out of range. C: `FDT_ERR_BADNCELLS`.
        public static let badNCells = Code(rawValue: FDT_ERR_BADNCELLS)
        /// A value does not have the form that its property requires, or a name cannot be written. C:
        /// `FDT_ERR_BADVALUE`.
        public static let badValue = Code(rawValue: FDT_ERR_BADVALUE)
        /// An overlay refers to something that does not exist. C: `FDT_ERR_BADOVERLAY`.
        public static let badOverlay = Code(rawValue: FDT_ERR_BADOVERLAY)
        /// The tree has no phandles left. C: `FDT_ERR_NOPHANDLES`.
        public static let noPhandles = Code(rawValue: FDT_ERR_NOPHANDLES)
        /// Unknown sequential-writer flag. C: `FDT_ERR_BADFLAGS`.
        public static let badFlags = Code(rawValue: FDT_ERR_BADFLAGS)
        /// The tree, or a block in it, is misaligned. C: `FDT_ERR_ALIGNMENT`.
        public static let alignment = Code(rawValue: FDT_ERR_ALIGNMENT)

        // libfdt 1.6 has no text for the last one.
        private static let names: [Code: String] = [
            .notFound: "NOTFOUND", .exists: "EXISTS", .noSpace: "NOSPACE", .badOffset: "BADOFFSET", .badPath: "BADPATH",
            .badPhandle: "BADPHANDLE", .badState: "BADSTATE", .truncated: "TRUNCATED", .badMagic: "BADMAGIC",
            .badVersion: "BADVERSION", .badStructure: "BADSTRUCTURE", .badLayout: "BADLAYOUT", .internal: "INTERNAL",
            .badNCells: "BADNCELLS", .badValue: "BADVALUE", .badOverlay: "BADOVERLAY", .noPhandles: "NOPHANDLES",
            .badFlags: "BADFLAGS", .alignment: "ALIGNMENT",
        ]
    }
}

extension FDTError.Code {
    /// The code of a negative libfdt return value.
    init(negated result: Int32) { self.init(rawValue: result == .min ? .max : -result) }
}
