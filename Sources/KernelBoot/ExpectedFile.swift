import Handover
import KernelABI

/// A file as an image shows it, which is what a kernel should restore.
public struct ExpectedFile: Hashable, Sendable {
    public var token: UInt64
    /// In bytes; `nil` if the image does not show what the file's handle points to.
    public var size: UInt64?
    public var position: UInt64?
    /// ``FNV1a`` of the contents; `nil` if they are not completely in the image.
    public var hash: UInt64?

    init(_ file: FileState, in state: HandoverState, memory: any PhysicalMemory) {
        token = file.token
        guard let contents = file.fileContents else { return }
        size = contents.size
        // The kernel accepts no other value: vfs_setpos() leaves the position at 0.
        position = contents.position.map { $0 > UInt64(Int64.max) ? 0 : $0 }
        hash = FNV1a.hash(of: contents, in: state, memory: memory)
    }
}

/// The 64-bit FNV-1a hash that the init computes, too: of at most the first GiB of a file.
enum FNV1a {
    static let start: UInt64 = 0xcbf2_9ce4_8422_2325
    static let most: UInt64 = 1 << 30
    private static let prime: UInt64 = 0x100_0000_01b3
    private static let portion: UInt64 = 1 << 20

    static func add(_ bytes: RawSpan, to hash: inout UInt64) {
        for index in 0..<bytes.byteCount {
            hash = (hash ^ UInt64(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))) &* prime
        }
    }

    private static func addZeros(_ count: UInt64, to hash: inout UInt64) {
        // Each zero multiplies the hash by the prime: do that for many at once, with a power of the prime.
        var (power, rest) = (prime, count)
        while rest > 0 {
            if rest & 1 == 1 { hash = hash &* power }
            power = power &* power
            rest >>= 1
        }
    }

    /// The hash of a file's contents; bytes without a folio are zero.
    static func hash(of file: FileContents, in state: HandoverState, memory: any PhysicalMemory) -> UInt64? {
        guard let size = file.size, file.folios != nil, let pageSize = state.pageSize else {
            return nil
        }
        let end = min(size, most)
        let map = ContentsMap(of: file, preserved: state.preserved, pageSize: pageSize)
        var hash = start
        var place: UInt64 = 0
        for run in map.runs {
            let (first, overflow) = run.index.multipliedReportingOverflow(by: UInt64(pageSize.bytes))
            guard !overflow, first < end else { continue }
            guard first >= place, let addresses = map.addresses(of: run) else { return nil }
            addZeros(first - place, to: &hash)
            place = first
            let stop = min(end, first + addresses.byteCount)
            while place < stop {
                let count = min(portion, stop - place)
                let address = PhysicalAddress(addresses.lowerBound.rawValue + place - first)
                do throws(MemoryError) {
                    hash = try memory.withBytes(at: address, count: Int(count)) { bytes in
                        var next = hash
                        add(bytes, to: &next)
                        return next
                    }
                } catch {
                    return nil
                }
                place += count
            }
        }
        addZeros(end - place, to: &hash)
        return hash
    }
}
