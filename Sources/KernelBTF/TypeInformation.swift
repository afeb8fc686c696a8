import CLibBPF
import Glibc
import KernelABI

/// A kernel's own description of its types: BTF.
///
/// Found in `/sys/kernel/btf/vmlinux`, in a `vmlinux` built with `CONFIG_DEBUG_INFO_BTF`, or in a separate file.
public final class TypeInformation {
    private let btf: OpaquePointer
    /// The machine of an ELF file; raw BTF does not state it.
    public let machine: Machine?

    /// Reads the type information from a file: raw BTF, or an ELF file with a `.BTF` section. C: `btf__parse`.
    public init(path: String) throws(TypeInformationError) {
        clibbpf_be_quiet()
        guard let btf = btf__parse(path, nil) else {
            throw TypeInformationError(path: path, reason: Self.reason(errno, path))
        }
        // A module's types extend those of its kernel: some of their names are in strings that are not here.
        let isSplit = (1..<btf__type_cnt(btf)).contains { id in
            guard let type = btf__type_by_id(btf, id), type.pointee.name_off != 0 else { return false }
            return btf__name_by_offset(btf, type.pointee.name_off) == nil
        }
        if isSplit {
            btf__free(btf)
            throw TypeInformationError(
                path: path,
                reason:
                    "it is a module's split BTF, which needs its base; use the BTF of vmlinux instead"
            )
        }
        self.btf = btf
        let header = Self.start(of: path)
        let isELF = header.starts(with: Self.elfMagic) && header.count == Self.startSize
        machine = isELF ? Machine(elfMachine: UInt16(header[18]) | UInt16(header[19]) << 8) : nil
    }

    private static let elfMagic: [UInt8] = [0x7f, 0x45, 0x4c, 0x46]
    /// How much of a file is needed to identify it: an ELF header up to `e_machine`.
    private static let startSize = 20

    /// Explains a libbpf error: it returns ENOENT for a missing section, and has codes of its own.
    private static func reason(_ code: Int32, _ path: String) -> String {
        if access(path, R_OK) != 0 { return String(cString: strerror(errno)) }
        let start = start(of: path)
        if start.starts(with: [0x1f, 0x8b]) {
            return "it is compressed with gzip; decompress it first: gunzip -k \(path)"
        }
        if start.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) {
            return "it is compressed with zstd; decompress it first: unzstd \(path)"
        }
        if start.starts(with: elfMagic) {
            return code == ENOENT
                ? "the ELF file has no .BTF section: it was stripped, or built without CONFIG_DEBUG_INFO_BTF"
                : "the .BTF section is damaged, or needs its base: a module's BTF extends that of its vmlinux"
        }
        if start.starts(with: [0x9f, 0xeb]) {
            return "the BTF is damaged, or needs its base: a module's BTF extends that of its vmlinux"
        }
        return "it is neither an ELF file nor raw BTF"
    }

    private static func start(of path: String) -> [UInt8] {
        guard let file = fopen(path, "rb") else { return [] }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: startSize)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }

    deinit {
        btf__free(btf)
    }

    /// A structure as laid out by the kernel's compiler.
    public struct Structure: Hashable, Sendable {
        public var name: String
        /// In bytes.
        public var size: Int
        public var members: [Member]
    }

    /// A member of a structure.
    public struct Member: Hashable, Sendable {
        public var name: String
        /// The type as spelled in C, with typedefs resolved. Anything but an integer, a structure, or an array of these
        /// is given as bytes: `u8[12]`.
        public var type: String
        /// The offset in bits from the beginning of the structure.
        public var bitOffset: Int
        /// The size in bits; `nil` if unknown.
        public var bitSize: Int?
        /// The width of a bit field; `nil` for any other member.
        public var bitWidth: Int?
    }

    /// The structure with a tag; `nil` if the kernel does not have it.
    ///
    /// Members of anonymous structures are its own, as in C. Those of an anonymous union share their bytes: only the
    /// widest is included, the first if several are.
    public func structure(named name: String) -> Structure? {
        let id = btf__find_by_name_kind(btf, name, UInt32(BTF_KIND_STRUCT))
        guard id > 0, let type = btf__type_by_id(btf, UInt32(id)) else { return nil }
        return Structure(name: name, size: Int(type.pointee.size), members: members(of: UInt32(id)))
    }

    /// The maximum nesting depth of anonymous structures; in a damaged file, one may contain itself.
    private static let deepest = 16

    private func members(of id: UInt32, at base: Int = 0, depth: Int = 0) -> [Member] {
        guard depth < Self.deepest, let type = btf__type_by_id(btf, id), let first = btf_members(type) else {
            return []
        }
        let parts = (0..<UInt32(btf_vlen(type))).map { index in
            let member = first[Int(index)]
            let offset = base + Int(btf_member_bit_offset(type, index))
            let width = Int(btf_member_bitfield_size(type, index))
            let size = width > 0 ? width : Self.bits(btf__resolve_size(btf, member.type))
            let name = btf__name_by_offset(btf, member.name_off).map { String(cString: $0) } ?? ""
            let inner = btf__resolve_type(btf, member.type)
            if name.isEmpty, inner > 0, btf_is_composite(btf__type_by_id(btf, UInt32(inner))) {
                return (size: size ?? 0, members: members(of: UInt32(inner), at: offset, depth: depth + 1))
            }
            let whole = Member(
                name: name, type: spelling(of: member.type), bitOffset: offset, bitSize: size,
                bitWidth: width > 0 ? width : nil)
            return (size: size ?? 0, members: [whole])
        }
        return btf_is_union(type) ? parts.max { $0.size < $1.size }?.members ?? [] : parts.flatMap(\.members)
    }

    /// The type as spelled in C, with typedefs resolved.
    private func spelling(of id: UInt32) -> String {
        let resolved = btf__resolve_type(btf, id)
        guard resolved > 0, let type = btf__type_by_id(btf, UInt32(resolved)) else { return "" }
        let size = Int(btf__resolve_size(btf, UInt32(resolved)))
        let tag = btf__name_by_offset(btf, type.pointee.name_off).map { String(cString: $0) } ?? ""
        switch Int(btf_kind(type)) {
        case BTF_KIND_INT where tag == "char" && size == 1: return "char"
        case BTF_KIND_INT where [1, 2, 4, 8].contains(size):
            return "\(Int32(btf_int_encoding(type)) & BTF_INT_SIGNED == 0 ? "u" : "s")\(size * 8)"
        case BTF_KIND_ENUM, BTF_KIND_ENUM64: return "u\(size * 8)"
        case BTF_KIND_PTR: return "u64"
        case BTF_KIND_STRUCT where !tag.isEmpty: return tag
        case BTF_KIND_ARRAY:
            guard let array = btf_array(type) else { return "" }
            let count = array.pointee.nelems
            return "\(spelling(of: array.pointee.type))[\(count == 0 ? "" : "\(count)")]"
        default: return "u8[\(max(size, 1))]"
        }
    }

    private static func bits(_ bytes: Int64) -> Int? {
        bytes < 0 ? nil : Int(bytes) * 8
    }
}

/// The reason why a file has no usable type information.
public struct TypeInformationError: Error, Hashable, Sendable, CustomStringConvertible {
    public var path: String
    public var reason: String

    public var description: String { "\(path): no BTF can be read: \(reason)" }
}
