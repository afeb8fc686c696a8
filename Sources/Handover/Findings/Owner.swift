import KernelABI

/// The owner of a piece of a handover. Described in words only on demand, as there can be millions.
public enum Owner: Hashable, Sendable {
    case kho
    /// The input itself: a file with memory in it.
    case input
    /// The map of preserved memory.
    case map
    /// LUO, or one block of its sessions, counted from 1.
    case luo(block: Int? = nil)
    /// The owner of a subtree.
    case subtree(String)
    /// A session, or one block of its files, counted from 1.
    case session(KernelString, block: Int? = nil)
    /// A file of a session.
    case file(session: KernelString, token: UInt64)
    /// A file-lifecycle-bound object.
    case flb(KernelString)
    /// A named memory region.
    case region(KernelString)
    /// The blocks of an order in the map of preserved memory: all of them, or those from an address on.
    case order(UInt32, from: PhysicalAddress? = nil)
    /// The keys of a radix node or, without a level, of a leaf.
    case keys(from: UInt64, level: UInt8? = nil)
    /// Preserved memory of unknown purpose.
    case preservedBesides

    /// This owner's block with this number, counted from 1.
    func block(_ number: Int) -> Owner {
        switch self {
        case .luo: .luo(block: number)
        case .session(let name, _): .session(name, block: number)
        default: self
        }
    }
}

extension Owner {
    /// Whether it is LUO, rather than one of its sessions or files.
    var isLUO: Bool { if case .luo = self { true } else { false } }

    /// Whether it is a session as a whole.
    var isSession: Bool { if case .session = self { true } else { false } }

    /// Whether it is a file of a session.
    var isFile: Bool { if case .file = self { true } else { false } }

    /// Whether it is a part of the map of preserved memory.
    var isMap: Bool {
        switch self {
        case .map, .order, .keys: true
        default: false
        }
    }

    /// The owner without its parts: the same for all blocks and files of a session, and for all parts of the map.
    public var whole: Owner {
        switch self {
        case .luo: .luo()
        case .session(let name, _), .file(let name, _): .session(name)
        case .order, .keys: .map
        default: self
        }
    }
}

extension Owner: CustomStringConvertible {
    /// For example `session "vm-alpha", token 0x42`.
    public var description: String {
        switch self {
        case .kho: "KHO"
        case .input: "the input"
        case .map: "the map of preserved memory"
        case .luo(let block): "LUO" + Self.words(block)
        case .subtree(let name): ImageText(name).bare
        case .session(let name, let block): "session \(name.named)" + Self.words(block)
        case .file(let session, let token): "session \(session.named), token \(token.prefixedHex)"
        case .flb(let name): "FLB \(name.named)"
        case .region(let name): "region \(name.named)"
        case .order(let order, let address): "order \(order)" + (address.map { " from \($0)" } ?? "")
        case .keys(let key, let level):
            (level.map { "level \($0), " } ?? "") + "key \(key.prefixedHex)"
        case .preservedBesides: "an operation that preserved it"
        }
    }

    private static func words(_ block: Int?) -> String { block.map { ", block \($0)" } ?? "" }
}
