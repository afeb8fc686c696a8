import CCompression
import KernelABI

/// Decompresses pages of a kdump-compressed dump. Keeps the state of the libraries from page to page.
struct PageExpander: ~Copyable {
    /// The compression of a page: a value of `flags` in `page_desc`.
    enum Form: UInt32, Sendable {
        case plain = 0
        /// `DUMP_DH_COMPRESSED_ZLIB`
        case zlib = 0x1
        /// `DUMP_DH_COMPRESSED_LZO`
        case lzo = 0x2
        /// `DUMP_DH_COMPRESSED_SNAPPY`
        case snappy = 0x4
        /// `DUMP_DH_COMPRESSED_ZSTD`
        case zstd = 0x20
    }

    /// On the heap, because zlib keeps its address.
    private var inflater: UnsafeMutablePointer<z_stream>?
    private var zstd: OpaquePointer?

    init() {}

    deinit {
        inflateEnd(inflater)
        inflater?.deallocate()
        ZSTD_freeDCtx(zstd)
    }

    /// Decompresses `bytes` into `page`; `false` if they are damaged, or do not expand to exactly one page.
    mutating func expand(_ bytes: RawSpan, _ form: Form, into page: UnsafeMutableRawBufferPointer) -> Bool {
        bytes.withUnsafeBytes { bytes in
            switch form {
            case .plain:
                guard bytes.count == page.count else { return false }
                page.copyMemory(from: bytes)
                return true
            case .zlib: return inflate(bytes, into: page)
            case .lzo: return LZO.expand(bytes, into: page) == page.count
            case .snappy:
                var count = 0
                guard snappy_uncompressed_length(bytes.baseAddress, bytes.count, &count) == SNAPPY_OK,
                    count == page.count
                else { return false }
                return snappy_uncompress(bytes.baseAddress, bytes.count, page.baseAddress, &count) == SNAPPY_OK
            case .zstd:
                if zstd == nil { zstd = ZSTD_createDCtx() }
                // An error code exceeds any page size.
                return ZSTD_decompressDCtx(zstd, page.baseAddress, page.count, bytes.baseAddress, bytes.count)
                    == page.count
            }
        }
    }

    /// Whether `bytes` are one complete stream that fills `output`.
    private mutating func inflate(_ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Bool {
        if let inflater {
            inflateReset(inflater)
        } else {
            let fresh = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            fresh.initialize(to: z_stream())
            guard inflateInit_(fresh, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
                fresh.deallocate()
                return false
            }
            inflater = fresh
        }
        guard let inflater else { return false }
        inflater.pointee.next_in = UnsafeMutablePointer(mutating: bytes.assumingMemoryBound(to: UInt8.self).baseAddress)
        inflater.pointee.avail_in = UInt32(bytes.count)
        inflater.pointee.next_out = output.assumingMemoryBound(to: UInt8.self).baseAddress
        inflater.pointee.avail_out = UInt32(output.count)
        return CCompression.inflate(inflater, Z_FINISH) == Z_STREAM_END && inflater.pointee.avail_out == 0
    }
}
