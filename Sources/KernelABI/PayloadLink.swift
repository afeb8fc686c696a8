/// How a field of a payload refers to more memory.
///
/// Names are those of structures, or of fields in the structure that contains the link.
public enum PayloadLink: Hashable, Sendable {
    /// A `u64`: the physical address of one structure, 0 for none.
    case structure(String)
    /// A `u64`: the physical address of consecutive records; the field `count` holds their number.
    case array(of: String, count: String)
    /// A `u64`: the address of the first of a chain of one-page blocks, each a `kho_block_header_ser` followed by
    /// records.
    case blockChain(of: String)
    /// A `u64`: the address of the first of a chain of arrays, each a header with a link and a count, followed by
    /// records.
    case arrayChain(of: String, header: ArrayHeader)
    /// A `struct kho_vmalloc`: memory that holds records; the field `count` holds their number, or they fill the
    /// memory.
    case vmalloc(of: String, count: String?)
    /// Records after the end of the structure, in the same allocation; the field `count` holds their number.
    case flexible(of: String, count: String)
    /// A page frame number: the first page of a folio of a file's contents, 0 for a hole.
    case frame
    /// A `u64`: the physical address of an FDT.
    case tree
    /// A `u64`: the token of another file of the session.
    case token

    /// The header of each array in a chain.
    public struct ArrayHeader: Hashable, Sendable {
        /// Its name.
        public var structure: String
        /// The field with the address of the next array.
        public var next: String
        /// The field with the number of records.
        public var count: String

        public init(structure: String, next: String, count: String) {
            self.structure = structure
            self.next = next
            self.count = count
        }
    }

    /// The name of the structure that the link refers to, if it refers to one.
    public var target: String? {
        switch self {
        case .structure(let name), .array(let name, _), .blockChain(let name), .arrayChain(let name, _),
            .vmalloc(let name, _), .flexible(let name, _):
            name
        case .frame, .tree, .token: nil
        }
    }
}
