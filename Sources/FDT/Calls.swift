import CLibFDT

/// A call to a libfdt function that returns an offset, a size or 0, or a negated error. Each function name appears only
/// here.
struct Call {
    let name: String
    let result: Int32

    private init(_ name: String, _ result: Int32) {
        self.name = name
        self.result = result
    }

    /// The offset or size; throws if the call returned an error.
    @discardableResult
    func get(at location: @autoclosure () -> String? = nil) throws(FDTError) -> Int32 {
        guard result < 0 else { return result }
        throw FDTError(FDTError.Code(negated: result), in: name, at: location())
    }

    /// Whether the call failed because the buffer is too small.
    var needsRoom: Bool { result == -FDT_ERR_NOSPACE }
}

// The sequential writer.
extension Call {
    static func create(_ buffer: UnsafeMutableRawPointer, _ size: Int32) -> Call {
        Call("fdt_create", fdt_create(buffer, size))
    }

    static func resize(_ tree: UnsafeMutableRawPointer, _ buffer: UnsafeMutableRawPointer, _ size: Int32) -> Call {
        Call("fdt_resize", fdt_resize(tree, buffer, size))
    }

    static func addReservation(_ tree: UnsafeMutableRawPointer, _ address: UInt64, _ size: UInt64) -> Call {
        Call("fdt_add_reservemap_entry", fdt_add_reservemap_entry(tree, address, size))
    }

    static func finishReservations(_ tree: UnsafeMutableRawPointer) -> Call {
        Call("fdt_finish_reservemap", fdt_finish_reservemap(tree))
    }

    static func beginNode(_ tree: UnsafeMutableRawPointer, _ name: String) -> Call {
        Call("fdt_begin_node", fdt_begin_node(tree, name))
    }

    static func endNode(_ tree: UnsafeMutableRawPointer) -> Call {
        Call("fdt_end_node", fdt_end_node(tree))
    }

    static func property(_ tree: UnsafeMutableRawPointer, _ name: String, _ bytes: [UInt8]) -> Call {
        Call("fdt_property", fdt_property(tree, name, bytes, Int32(clamping: bytes.count)))
    }

    static func finish(_ tree: UnsafeMutableRawPointer) -> Call {
        Call("fdt_finish", fdt_finish(tree))
    }
}

// In-place changes.
extension Call {
    static func open(_ tree: UnsafeRawPointer, into buffer: UnsafeMutableRawPointer, _ size: Int32) -> Call {
        Call("fdt_open_into", fdt_open_into(tree, buffer, size))
    }

    static func pack(_ tree: UnsafeMutableRawPointer) -> Call {
        Call("fdt_pack", fdt_pack(tree))
    }

    static func addSubnode(_ tree: UnsafeMutableRawPointer, to parent: Int32, _ name: String) -> Call {
        Call("fdt_add_subnode", fdt_add_subnode(tree, parent, name))
    }

    static func setProperty(
        _ tree: UnsafeMutableRawPointer, of node: Int32, _ name: String, _ bytes: [UInt8]
    ) -> Call {
        Call("fdt_setprop", fdt_setprop(tree, node, name, bytes, Int32(clamping: bytes.count)))
    }
}

// Lookups.
extension Call {
    static func check(_ tree: UnsafeRawPointer, _ count: Int) -> Call {
        Call("fdt_check_full", fdt_check_full(tree, count))
    }

    static func reservationCount(_ tree: UnsafeRawPointer) -> Call {
        Call("fdt_num_mem_rsv", fdt_num_mem_rsv(tree))
    }

    /// The length of the root node's name.
    static func rootName(_ tree: UnsafeRawPointer) -> Call {
        var length: Int32 = 0
        _ = fdt_get_name(tree, 0, &length)
        return Call("fdt_get_name", length)
    }

    static func node(_ tree: UnsafeRawPointer, at path: String) -> Call {
        Call("fdt_path_offset", path.withCharacters { fdt_path_offset_namelen(tree, $0, $1) })
    }

    static func subnode(_ tree: UnsafeRawPointer, of parent: Int32, named name: String) -> Call {
        Call("fdt_subnode_offset", name.withCharacters { fdt_subnode_offset_namelen(tree, parent, $0, $1) })
    }

    static func checkCompatible(_ tree: UnsafeRawPointer, _ node: Int32, _ compatible: String) -> Call {
        Call("fdt_node_check_compatible", fdt_node_check_compatible(tree, node, compatible))
    }
}

extension String {
    /// Passes the text as a C string with its length, including any NULs in it.
    fileprivate func withCharacters(_ body: (UnsafePointer<CChar>?, Int32) -> Int32) -> Int32 {
        var text = self
        return text.withUTF8 { utf8 in
            utf8.withMemoryRebound(to: CChar.self) { body($0.baseAddress, Int32(clamping: $0.count)) }
        }
    }
}
