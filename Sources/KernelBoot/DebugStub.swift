import Glibc
import SystemPackage

/// A client for QEMU's gdb stub that can stop a guest at an address.
///
/// Packets follow gdb's remote serial protocol. Every call waits for its reply.
struct DebugStub: ~Copyable {
    private let socket: FileDescriptor

    /// Connects to a stub that listens on a local socket, which stops the guest.
    init(at path: FilePath) throws(BootError) {
        socket = try Self.connect(to: path)
    }

    private static func connect(to path: FilePath) throws(BootError) -> FileDescriptor {
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw .emulator("gdb stub: \(Errno(rawValue: errno))") }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.string.utf8)
        let hasRoom = withUnsafeMutableBytes(of: &address.sun_path) { room in
            guard bytes.count < room.count else { return false }
            room.copyBytes(from: bytes)
            return true
        }
        let isConnected =
            hasRoom
            && withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
                }
            }
        let socket = FileDescriptor(rawValue: descriptor)
        guard isConnected else {
            let reason = BootError.emulator("\(path): no gdb stub: \(Errno(rawValue: errno))")
            try? socket.close()
            throw reason
        }
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return socket
    }

    deinit { try? socket.close() }

    /// Continues the guest until it reaches `address`.
    ///
    /// - Parameter whenGoing: Called when the guest is running.
    borrowing func run(to address: UInt64, whenGoing: () async throws -> Void) async throws {
        try send("Z1,\(String(address, radix: 16)),1")
        // QEMU may first report that it has stopped the guest for us.
        var said = try answer()
        while said.hasPrefix("T") || said.hasPrefix("S") { said = try answer() }
        guard said == "OK" else { throw BootError.emulator("QEMU did not set a breakpoint: \(said)") }
        try send("c")
        try await whenGoing()
        _ = try answer()
    }

    private borrowing func send(_ packet: String) throws {
        let sum = packet.utf8.reduce(UInt8(0), &+)
        let digits = String(sum, radix: 16)
        _ = try socket.writeAll(Array("$\(packet)#\(digits.count < 2 ? "0" : "")\(digits)".utf8))
    }

    /// The contents of the next packet, which is acknowledged.
    private borrowing func answer() throws -> String {
        var contents: [UInt8] = []
        while try byte() != UInt8(ascii: "$") {}
        while true {
            let next = try byte()
            if next == UInt8(ascii: "#") { break }
            contents.append(next)
        }
        _ = (try byte(), try byte())
        _ = try socket.writeAll(Array("+".utf8))
        return String(decoding: contents, as: UTF8.self)
    }

    private borrowing func byte() throws -> UInt8 {
        var byte: UInt8 = 0
        let count = try withUnsafeMutableBytes(of: &byte) { try socket.read(into: $0) }
        guard count == 1 else { throw BootError.emulator("QEMU's gdb stub closed the connection") }
        return byte
    }
}
