import CLibFDT

@testable import FDT

/// A walk that calls libfdt for every step, for comparison with the module's own reading.
extension FlattenedTree {
    enum Event {
        case beginNode(Node, depth: Int)
        case property(WalkedProperty)
        case endNode
        case nop
    }

    /// A property as `fdt_getprop_by_offset` gives it.
    struct WalkedProperty: PropertyValue {
        let name: String
        let value: [UInt8]

        func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R { try body(value.span.bytes) }
    }

    /// Everything in the tree, in order.
    var walk: [Event] {
        var events: [Event] = []
        var offset: Int32 = 0
        var open = 0
        bytes.withUnsafeBytes { bytes in
            while offset >= 0 {
                let here = offset
                switch CInt(bitPattern: fdt_next_tag(bytes.baseAddress, here, &offset)) {
                case FDT_BEGIN_NODE:
                    events.append(.beginNode(Node(tree: self, offset: here), depth: open))
                    open += 1
                case FDT_END_NODE:
                    open -= 1
                    events.append(.endNode)
                case FDT_PROP:
                    var name: UnsafePointer<CChar>?
                    var count: Int32 = 0
                    guard let value = fdt_getprop_by_offset(bytes.baseAddress, here, &name, &count), let name else {
                        return
                    }
                    let span = UnsafeRawBufferPointer(start: value, count: Int(count))
                    events.append(.property(WalkedProperty(name: String(cString: name), value: Array(span))))
                case FDT_NOP: events.append(.nop)
                default: return
                }
            }
        }
        return events
    }

    /// The node at an absolute path.
    func node(at path: String) -> Node? {
        path.split(separator: "/").reduce(root as Node?) { $0?.subnode(named: String($1)) }
    }
}
