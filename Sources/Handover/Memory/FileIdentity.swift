import SystemPackage

/// Identifies a file or directory independently of its name, by device and inode.
struct FileIdentity: Equatable, Sendable {
    private let device: DeviceID
    private let inode: Inode

    init(_ status: Stat) {
        device = status.deviceID
        inode = status.inode
    }

    /// `nil` if `path` does not exist. Follows links.
    init?(_ path: FilePath) {
        guard let status = try? path.stat() else { return nil }
        self.init(status)
    }

    /// The directories that contain `path`, which must not contain links.
    static func directories(around path: FilePath) -> [FileIdentity] {
        var found: [FileIdentity] = []
        var directory = path
        while directory.removeLastComponent() {
            if let identity = FileIdentity(directory) { found.append(identity) }
        }
        return found
    }
}
