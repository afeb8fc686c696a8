import Handover
import KernelABI

/// A host of many virtual machines: each session has a hundred files of an unknown handler, and two memfds.
public struct ManyFiles: Sendable {
    public var sessions: Int
    public var filesPerSession = 100
    public var memfdsPerSession = 2
    public var foliosPerMemFD: UInt64 = 4
    public var seed: UInt64

    /// A million files.
    public static let fullSize = 10_000

    public init(sessions: Int, seed: UInt64) {
        self.sessions = sessions
        self.seed = seed
    }

    public var state: HandoverState {
        var random = SplitMix64(seed: seed)
        var state = HandoverState()
        state.kernel = "7.2"
        var luo = LUOState()
        luo.liveUpdateNumber = 3
        luo.sessions = (0..<sessions).map { session($0, &random) }
        state.luo = luo
        return state
    }

    private func session(_ number: Int, _ random: inout SplitMix64) -> SessionState {
        var session = SessionState()
        // As a manager names them: by the machine's UUID.
        session.name = KernelString("vm-\(Self.hex(random.next()))\(Self.hex(random.next()))")
        var files = (0..<filesPerSession).map { _ in
            var file = FileState()
            file.compatible = "example-device-v1"
            file.token = random.next()
            file.data = random.next()
            return file
        }
        for _ in 0..<memfdsPerSession {
            var memfd = MemFDState()
            memfd.size = foliosPerMemFD * 4096
            var file = FileState()
            file.token = random.next()
            file.memfd = memfd
            files.insert(file, at: Int.random(in: 0...files.count, using: &random))
        }
        session.files = files
        return session
    }

    private static func hex(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
