import SystemPackage

/// What makes a file or directory the same one, whatever it is called: its device and inode.
struct FileIdentity: Equatable, Sendable {
    private let device: DeviceID
    private let inode: Inode

    init(_ status: Stat) {
        device = status.deviceID
        inode = status.inode
    }

    /// `nil` if there is nothing at `path`. Links are followed.
    init?(_ path: FilePath) {
        guard let status = try? path.stat() else { return nil }
        self.init(status)
    }

    /// The directories that `path`, which has no links in it, lies in.
    static func directories(around path: FilePath) -> [FileIdentity] {
        var found: [FileIdentity] = []
        var directory = path
        while directory.removeLastComponent() {
            if let identity = FileIdentity(directory) { found.append(identity) }
        }
        return found
    }
}
