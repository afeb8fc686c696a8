import FDT
import KernelABI

extension ImageWriter {
    /// Writes the subtrees' blobs and the root FDT, with the kernel's libfdt calls in the kernel's order.
    mutating func writeRoot() throws(WriteError) {
        guard let kho = state.kho, let map = kho.preservedMemoryMap, let compatible = kho.compatible else {
            throw .incomplete(".kho")
        }
        var blobs: [(subtree: SubtreeState, size: UInt64)] = []
        for (index, subtree) in (kho.subtrees ?? []).enumerated() {
            let blob = try blob(of: subtree, path: ".kho.subtrees[\(index)]")
            try write(blob, of: subtree, path: ".kho.subtrees[\(index)].pa")
            try subtree.content?.write(
                handle: subtree.address?.rawValue ?? 0, name: subtree.name,
                owner: .subtree(subtree.name.repaired), path: ".kho.subtrees[\(index)].payload", to: &self)
            blobs.append((subtree, subtree.size ?? UInt64(blob.bytes.count)))
        }
        let tree: FlattenedTree
        do throws(FDTError) {
            tree = try root(compatible, map, blobs)
        } catch {
            throw .tree("root FDT", error)
        }
        let bytes = tree.bytes
        try place(
            bytes.count, at: kho.fdtAddress, role: .root, form: .tree, owner: .kho, path: ".kho.fdt_pa"
        ) { $0 = bytes }
    }

    private func root(
        _ compatible: KernelString, _ map: PhysicalAddress, _ blobs: [(subtree: SubtreeState, size: UInt64)]
    ) throws(FDTError) -> FlattenedTree {
        let abi = generation.root
        let isSequential = abi.construction == .sequential
        var writer = try SequentialWriter(capacity: pageSize.bytes)
        try writer.finishReservations()
        try writer.node("") { (root) throws(FDTError) in
            try root.property("compatible", bytes: compatible.propertyBytes)
            try root.property(abi.mapProperty, u64: map.rawValue, .littleEndian)
            for (subtree, _) in isSequential ? blobs : [] {
                try root.node(subtree.name.repaired) { (node) throws(FDTError) in
                    try node.property(abi.addressProperty, u64: subtree.address?.rawValue ?? 0, .littleEndian)
                }
            }
        }
        var tree = try writer.finish()
        if isSequential { return tree }
        var editor = try TreeEditor(opening: tree, capacity: pageSize.bytes)
        // In registration order, which differs from the order of nodes.
        for (subtree, size) in blobs.reversed() {
            let node = try editor.addSubnode(subtree.name.repaired)
            try editor.setProperty(abi.addressProperty, of: node, u64: subtree.address?.rawValue ?? 0, .littleEndian)
            if let sizeProperty = abi.sizeProperty {
                try editor.setProperty(sizeProperty, of: node, u64: size, .littleEndian)
            }
            tree = try editor.pack()
        }
        return tree
    }

    private mutating func write(
        _ blob: SubtreeBlob, of subtree: SubtreeState, path: String
    ) throws(WriteError) {
        let owner = Owner.subtree(subtree.name.repaired)
        let count = blob.bytes.count
        if case .structure = blob.form {
            try placePages(
                count, at: subtree.address, role: .subtree, form: blob.form, owner: owner, path: path
            ) { $0 = blob.bytes }
        } else {
            try place(
                count, at: subtree.address, role: .subtree, form: blob.form, owner: owner, path: path
            ) { $0 = blob.bytes }
        }
    }

    func blob(of subtree: SubtreeState, path: String) throws(WriteError) -> SubtreeBlob {
        if let data = subtree.data {
            return SubtreeBlob(bytes: data, form: data.starts(with: [0xd0, 0x0d, 0xfe, 0xed]) ? .tree : .opaque)
        }
        if let payload = subtree.content as? Payload {
            return SubtreeBlob(bytes: payload.blob, form: payload.form)
        }
        let name = subtree.name.validString ?? ""
        if let luo = state.luo, let abi = generation.luo, name == abi.subtree {
            return try abi.blob(of: luo, pageSize)
        }
        if let content = state.coded[name]?.content {
            let bytes = try rethrow(content.blob(generation, pageSize)) { (error: FDTError) in
                WriteError.tree("subtree \(name)", error)
            }
            return SubtreeBlob(bytes: bytes, form: type(of: content).blobForm)
        }
        throw .incomplete("\(path).data")
    }
}

extension KernelString {
    /// The value of a property that contains this string.
    var propertyBytes: [UInt8] { isTerminated ? bytes + [0] : bytes }
}
