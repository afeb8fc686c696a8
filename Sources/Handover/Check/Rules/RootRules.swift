import FDT
import KernelABI

extension CheckRule {
    /// What is looked at before anything is taken over.
    static let rootRules: [CheckRule] = [
        CheckRule(
            "root-header", .error, .ignored, .root, "the header of the root FDT",
            "the boot goes on, and everything that was handed over is lost", in: "kho_populate"
        ) { handover, findings in
            if handover.subject.root.isEmpty {
                findings.report(
                    .notAvailable, of: .kho, at: handover.rootPlace, found: "no memory at hand there", expected: "an FDT")
            } else if let error = handover.tree.headerVerdict {
                findings.report(
                    .notATree, of: .kho, at: handover.rootPlace, found: error.text + (error.location.map { ": \($0)" } ?? ""),
                    expected: "a header that libfdt accepts")
            }
        },
        CheckRule(
            "root-compatible", .error, .ignored, .root, "the version of the root FDT",
            "the boot goes on, and everything that was handed over is lost", in: "kho_populate"
        ) { handover, findings in
            let expected = handover.generation.root.compatible
            guard handover.tree.headerVerdict == nil else { return }
            guard let root = handover.tree.root else {
                findings.report(
                    .missing, of: .kho, at: handover.rootPlace, found: "no root node", expected: "\"\(expected)\"")
                return
            }
            guard !root.isCompatible(with: expected) else { return }
            findings.report(
                .compatible, of: .kho,
                at: root.place("root FDT", "compatible", treeAt: handover.subject.rootAddress), found: root.compatibleText,
                expected: "\"\(expected)\"")
        },
        CheckRule(
            "root-map", .error, .ignored, .root, "the property that leads to the map of preserved memory",
            "the boot goes on, and everything that was handed over is lost", in: "kho_populate"
        ) { handover, findings in
            let name = handover.generation.root.mapProperty
            guard handover.tree.headerVerdict == nil, let root = handover.tree.root,
                root.isCompatible(with: handover.generation.root.compatible)
            else { return }
            let value = root.number(name)
            guard value == nil || value == 0 else { return }
            findings.report(
                .link, of: .kho, at: root.place("root FDT", name, treeAt: handover.subject.rootAddress), found: value == nil ? root.sizeText(name) : "0",
                expected: "8 bytes that are not 0")
        },
        CheckRule(
            "root-structure", .error, .partly, .root, "the nodes of the root FDT",
            "the kernel finds no subtree from there on", in: "kho_retrieve_subtree"
        ) { handover, findings in
            guard handover.isPopulated else { return }
            do throws(FDTError) {
                _ = try FlattenedTree(handover.subject.root)
            } catch {
                findings.report(
                    .notATree, of: .kho, at: handover.rootPlace, found: error.description, expected: "an FDT that is whole")
            }
        },
    ]

    /// The reservation of the preserved memory.
    static let mapRules: [CheckRule] = [
        CheckRule(
            "map-pages", .error, .unchecked, .map, "the pages of the map of preserved memory",
            "the kernel follows the pointer, and takes whatever is there for a part of the map",
            in: "kho_radix_walk_tree"
        ) { handover, findings in
            guard handover.isPopulated, let reading = handover.subject.reading else { return }
            for finding in reading.findings where MapStructures.names.contains(finding.place.structure) {
                findings.report(finding)
            }
        },
        CheckRule(
            "map-key", .error, .unchecked, .map, "the keys of preserved blocks",
            "the kernel decodes the key all the same, to a block that makes no sense",
            in: "kho_decode_radix_key"
        ) { handover, findings in
            guard handover.isPopulated, case .radix(let tree) = handover.subject.reading?.state.preserved?.map
            else { return }
            let geometry = RadixGeometry(pageSize: handover.context.pageSize)
            for leaf in tree.leaves {
                // In all others, the last key has a block, and so has every key before it.
                guard let last = leaf.bits.last, leaf.key == 0 || geometry.block(of: leaf.key | UInt64(last)) == nil
                else { continue }
                leaf.bits.forEachRun { run in
                    // Within a leaf, the keys without a block come first or last.
                    for bit in [run.lowerBound, run.upperBound - 1] {
                        let key = leaf.key | UInt64(bit)
                        guard geometry.block(of: key) == nil else { continue }
                        findings.report(
                            .outOfRange, of: .keys(from: leaf.key), at: geometry.place(of: bit, in: leaf), found: "key 0x\(String(key, radix: 16))",
                            expected: "a key of 1 to \(geometry.keyWidth) bits")
                        return
                    }
                }
            }
        },
        CheckRule(
            "map-block", .error, .unchecked, .map, "preserved blocks beyond any memory",
            "the kernel marks the block's first page, which has no struct page", in: "kho_preserved_memory_reserve"
        ) { handover, findings in
            guard handover.isPopulated, let blocks = handover.preserved else { return }
            let limit = handover.subject.memoryEnd
            if let last = blocks.summary.ranges.last, last.upperBound > limit {
                findings.report(
                    .outOfRange, of: .kho, at: Place("map of preserved memory", at: max(last.lowerBound, limit)),
                    found: "memory up to \(last.upperBound)", expected: "none beyond \(limit)")
            }
        },
    ]
}

extension ReceivedHandover {
    /// The root FDT.
    var rootPlace: Place { Place("root FDT", at: subject.rootAddress) }
}

extension RadixGeometry {
    /// The word of a leaf's bitmap that holds `bit`.
    fileprivate func place(of bit: Int, in leaf: RadixTreeState.Leaf) -> Place {
        let layout = RadixLeafLayout.layout(pageSize)
        let word = layout.bitmap[Int(bit / 64)]
        return Place(
            layout.structure.name, field: layout.bitmap.name, at: leaf.address?.advanced(by: UInt64(word.offset)))
    }
}

/// The structures that the map of preserved memory consists of.
enum MapStructures {
    static let names: Set<String> = Set(
        [
            RadixNodeLayout.layout(.kib4).structure, RadixLeafLayout.layout(.kib4).structure,
            BitmapChunkLayout.layout(.kib4).structure, BitmapChunkHeaderLayout.layout.structure,
            BitmapLayout(byteCount: PageSize.kib4.bytes).structure,
        ].map(\.name))
}
