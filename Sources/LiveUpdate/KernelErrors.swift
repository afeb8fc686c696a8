import SystemPackage

/// The kernel's names of the errors that live update gives, and nothing else: `Errno` itself has Swift's.
extension Errno {
    /// Errors by the names that the kernel has for them.
    static let kernelNames: [(name: String, errno: Errno)] = [
        ("EPERM", .notPermitted), ("ENOENT", .noSuchFileOrDirectory), ("EIO", .ioError),
        ("EBADF", .badFileDescriptor), ("ENOMEM", .noMemory), ("EBUSY", .resourceBusy), ("EEXIST", .fileExists),
        ("ENODEV", .operationNotSupportedByDevice), ("EINVAL", .invalidArgument), ("ENOSPC", .noSpace),
        ("ENOSYS", .noFunction), ("ENODATA", .noData), ("EOPNOTSUPP", .notSupported),
        ("ESHUTDOWN", .kernelGone), ("EFBIG", .fileTooLarge), ("EAGAIN", .resourceTemporarilyUnavailable),
        ("EINTR", .interrupted), ("EACCES", .permissionDenied), ("EFAULT", .badAddress),
        ("crash", .crashed), ("deadlock", .deadlocked),
    ]

    /// The error that the kernel calls `name`, for example `EBUSY`.
    public init?(kernelName name: String) {
        guard let known = Self.kernelNames.first(where: { $0.name == name }) else { return nil }
        self = known.errno
    }

    /// The kernel's name of the error, or its number where it has none here.
    public var kernelName: String {
        Self.kernelNames.first { $0.errno == self }?.name ?? "errno \(rawValue)"
    }

    /// `ESHUTDOWN`: the kernel has handed over or panicked. No kernel returns this; its callers are no more.
    public static let kernelGone = Errno(rawValue: 108)

    /// `crash`: the kernel dereferences what is no pointer. The call does not return, and the kernel is gone.
    public static let crashed = Errno(rawValue: 4096)

    /// `deadlock`: the call waits for a lock that its own thread holds, or in a race one that waits for it, too.
    public static let deadlocked = Errno(rawValue: 4097)
}
