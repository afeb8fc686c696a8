import Handover
import KernelABI
import SystemPackage

/// A handover with a page or two of everything, like most captures.
public enum SmallHandover {
    /// Two sessions, a few files and memfds, one object bound to them, one region of memory.
    ///
    /// - Parameter number: Distinguishes one from the next.
    public static func state(_ number: UInt64 = 1) -> HandoverState {
        var state = HandoverState()
        state.kernel = "7.2"
        var luo = LUOState()
        luo.liveUpdateNumber = number
        luo.sessions = ["vm-alpha", "vm-beta"].map { name in
            var session = SessionState()
            session.name = KernelString("\(name)-\(number)")
            session.files = (0..<4 as Range<UInt64>).map { token in
                var file = FileState()
                file.token = token
                if token < 2 {
                    var memfd = MemFDState()
                    memfd.size = 16384
                    file.memfd = memfd
                } else {
                    file.compatible = "example-device-v1"
                    file.data = number &+ token
                }
                return file
            }
            return session
        }
        var flb = FLBState()
        flb.name = "example-flb-v1"
        flb.data = number
        flb.count = 4
        luo.flbs = [flb]
        state.luo = luo
        var region = MemblockState.Region()
        region.name = "trace"
        region.size = 65536
        var memblock = MemblockState()
        memblock.regions = [region]
        state.memblock = memblock
        return state
    }

    /// The state laid out in memory, as a kernel would have left it.
    public static func image(_ number: UInt64 = 1) throws -> HandoverImage {
        try HandoverImage(withoutFilesOf: state(number))
    }
}

extension HandoverImage {
    /// Plans and lays out a state in which no memfd has its contents in a file.
    public init(
        withoutFilesOf state: HandoverState, base: PhysicalAddress = HandoverPlanner.Options().base
    ) throws {
        var options = HandoverPlanner.Options()
        options.base = base
        let plan = try HandoverPlanner.plan(state, options: options) { (name) throws(FileError) in
            throw .cannotOpen(path: FilePath(name), .noSuchFileOrDirectory)
        }
        try self.init(of: plan) { (name) throws(FileError) in
            throw .cannotOpen(path: FilePath(name), .noSuchFileOrDirectory)
        }
    }
}
