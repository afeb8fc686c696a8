import CLibFDT

/// What libfdt said when it refused, which of its functions said so, and about what.
public struct FDTError: Error, Sendable, Hashable, CustomStringConvertible {
    /// libfdt's reason.
    public let code: Code

    /// The name of the libfdt function that gave the reason, such as `fdt_check_full`.
    public let operation: String

    /// The path, property, offset or size that the reason is about, where one is known.
    public let location: String?

    public init(_ code: Code, in operation: String, at location: String? = nil) {
        self.code = code
        self.operation = operation
        self.location = location
    }

    /// libfdt's own text for the code, such as `FDT_ERR_TRUNCATED`. C: `fdt_strerror`.
    public var text: String { code.description }

    public var description: String {
        guard let location else { return "\(operation): \(text)" }
        return "\(operation): \(text): \(location)"
    }
}

extension FDTError {
    /// One of libfdt's `FDT_ERR_*` numbers.
    ///
    /// A structure and not an enumeration, because the libfdt at run time may be newer than this list.
    public struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The positive number; libfdt's functions return it negated.
        public let rawValue: Int32

        public init(rawValue: Int32) { self.rawValue = rawValue }

        /// libfdt's name for the number; the number if libfdt has no name for it. C: `fdt_strerror`.
        public var description: String {
            guard rawValue > 0, let text = fdt_strerror(-rawValue).map({ String(cString: $0) }),
                text.hasPrefix("FDT_ERR_")
            else { return "FDT_ERR \(rawValue)" }
            return text
        }

        public static let notFound = Code(rawValue: FDT_ERR_NOTFOUND)
        public static let exists = Code(rawValue: FDT_ERR_EXISTS)
        public static let noSpace = Code(rawValue: FDT_ERR_NOSPACE)
        public static let badOffset = Code(rawValue: FDT_ERR_BADOFFSET)
        public static let badPath = Code(rawValue: FDT_ERR_BADPATH)
        public static let badPhandle = Code(rawValue: FDT_ERR_BADPHANDLE)
        public static let badState = Code(rawValue: FDT_ERR_BADSTATE)
        public static let truncated = Code(rawValue: FDT_ERR_TRUNCATED)
        public static let badMagic = Code(rawValue: FDT_ERR_BADMAGIC)
        public static let badVersion = Code(rawValue: FDT_ERR_BADVERSION)
        public static let badStructure = Code(rawValue: FDT_ERR_BADSTRUCTURE)
        public static let badLayout = Code(rawValue: FDT_ERR_BADLAYOUT)
        public static let `internal` = Code(rawValue: FDT_ERR_INTERNAL)
        public static let badNCells = Code(rawValue: FDT_ERR_BADNCELLS)
        public static let badValue = Code(rawValue: FDT_ERR_BADVALUE)
        public static let badOverlay = Code(rawValue: FDT_ERR_BADOVERLAY)
        public static let noPhandles = Code(rawValue: FDT_ERR_NOPHANDLES)
        public static let badFlags = Code(rawValue: FDT_ERR_BADFLAGS)
        public static let alignment = Code(rawValue: FDT_ERR_ALIGNMENT)
    }

    /// Turns a libfdt return value into a thrown error if it is one, or into the offset or count that it is.
    @discardableResult
    static func check(
        _ result: Int32, _ operation: String, at location: @autoclosure () -> String? = nil
    ) throws(FDTError) -> Int {
        guard result < 0 else { return Int(result) }
        throw FDTError(Code(negated: result), in: operation, at: location())
    }
}

extension FDTError.Code {
    /// The code in a negative return value of libfdt.
    init(negated result: Int32) { self.init(rawValue: result == .min ? .max : -result) }
}
