import FDT
import KernelABI

/// Chooses the live root among those found by a scan of memory.
///
/// Earlier handovers leave their roots behind, with pointers to memory that has been reused. The live root is the one
/// that decodes completely; if several do, the one with the highest live update number. A copy of a root in a preserved
/// file decodes as well as the root itself, but is recognised because the handover contains the copy as contents.
public struct RootChoice: Sendable {
    /// The result of reading the live root.
    public let reading: Reading
    /// The other roots.
    public let stale: [PhysicalAddress]

    /// The maximum number of candidates to read completely before choosing.
    private static let readLimit = 16

    /// - Parameters:
    ///   - candidates: Addresses of possible roots; those that are not roots are ignored.
    ///   - reader: Reads what each of them refers to.
    /// - Throws: The reason why none of the candidates is a root.
    public init(among candidates: [PhysicalAddress], reader: HandoverReader) throws(Finding) {
        var roots: [(address: PhysicalAddress, reading: Reading)] = []
        var rejected: [PhysicalAddress] = []
        var unreadable: [(address: PhysicalAddress, problem: Finding)] = []
        for address in candidates {
            guard roots.count < Self.readLimit else {
                rejected.append(address)
                continue
            }
            do throws(Finding) {
                roots.append((address, try reader.read(rootAt: address)))
            } catch {
                unreadable.append((address, error))
                if reader.isRootOfAnyVersion(at: address) { rejected.append(address) }
            }
        }
        let best = roots.indices.max { left, right in
            Self.rank(roots[left].reading).lexicographicallyPrecedes(Self.rank(roots[right].reading))
        }
        guard let best else {
            throw unreadable.first?.problem
                ?? Finding(
                    .missing, of: .kho, at: Place("root FDT"), found: "none in this memory",
                    expected: "a page with an FDT whose compatible is kho-v…; "
                        + "luo-fdt dump --search finds sessions without one")
        }
        stale = (roots.indices.filter { $0 != best }.map { roots[$0].address } + rejected).sorted()
        var reading = roots[best].reading
        reading.state.kho?.staleRoots = stale.isEmpty ? nil : stale
        let later = roots.filter { root in
            root.reading.isDamaged && Self.age(reading).lexicographicallyPrecedes(Self.age(root.reading))
        }
        reading.findings =
            later.map { root in
                let damage = root.reading.findings.first { $0.severity == .damage }
                return Self.finding(.damage, at: root.address, damage, instead: roots[best].address)
            }
            + unreadable.filter { $0.problem.cause != .compatible }.map { root in
                Self.finding(.unknown, at: root.address, root.problem, instead: roots[best].address)
            } + reading.findings
        self.reading = reading
    }

    /// Reports a root that may be the live one, and why it is not used.
    private static func finding(
        _ severity: Finding.Severity, at address: PhysicalAddress, _ problem: Finding?, instead: PhysicalAddress
    ) -> Finding {
        Finding(
            .damagedRoot, severity, of: .kho, at: Place(Place.rootName, at: address),
            found: "a damaged root, which may be the live one" + (problem.map { " (\($0))" } ?? ""),
            expected:
                "an undamaged one: the one at \(instead) is read instead; --fdt-pa \(address) reads this one"
        )
    }

    /// The age of a handover: the live update number, then the number of kexecs. Newer ones compare greater.
    private static func age(_ reading: Reading) -> [UInt64] {
        [reading.state.luo?.liveUpdateNumber ?? 0, UInt64(reading.state.kexecCount ?? 0)]
    }

    /// Ranks readings: known versions above others, complete ones above damaged ones, then by ``age(_:)``.
    private static func rank(_ reading: Reading) -> [UInt64] {
        [
            reading.state.kernel == nil ? 0 : 1, reading.isDamaged ? 0 : 1, isInsideContents(reading) ? 0 : 1,
        ] + age(reading)
    }

    /// Whether the root is in memory that the handover gives to users, and so is a copy made by one of them.
    private static func isInsideContents(_ reading: Reading) -> Bool {
        let state = reading.state
        guard let address = state.kho?.fdtAddress, let pageSize = state.pageSize else {
            return false
        }
        if state.subtreeExtents.contains(where: { $0.range.contains(address) }) { return true }
        // Only the map of preserved memory tells the size of a folio.
        let page = address.rawValue >> UInt64(pageSize.shift)
        var heads: Set<UInt64> = []
        state.preserved?.forEachRun(pageSize: pageSize) { order, blocks in
            let order = UInt64(order)
            if blocks.contains(page >> order) { heads.insert((page >> order) << order) }
        }
        if heads.isEmpty { return false }
        return (state.luo?.sessions ?? []).contains { session in
            (session.files ?? []).contains { file in
                (file.fileContents?.folios ?? []).contains { heads.contains($0.pfn) }
            }
        }
    }
}

extension HandoverReader {
    /// Whether there is a root FDT, possibly of an unknown version.
    fileprivate func isRootOfAnyVersion(at address: PhysicalAddress) -> Bool {
        let compatible = (try? root(at: address))?.root.property("compatible")?.strings
        return compatible?.contains { $0.hasPrefix("kho-v") } ?? false
    }
}
