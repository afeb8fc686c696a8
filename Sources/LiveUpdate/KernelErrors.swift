import SystemPackage

/// The kernel's names of errors; `Errno` has Swift names.
extension Errno {
    /// Starting at 1, as in `asm-generic/errno-base.h` and `asm-generic/errno.h`; a dash marks an unused number.
    private static let numbered = """
        EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY
        EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK
        EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC
        EL3HLT EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT - EBFONT ENOSTR
        ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG
        EOVERFLOW ENOTUNIQ EBADFD EREMCHG ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE
        EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP
        EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED
        ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH
        EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE
        ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON
        """

    /// Errors used only inside the kernel (`linux/errno.h`), as far as drivers use them, which no system call returns.
    private static let others: [(name: String, errno: Errno)] = [
        ("EPROBE_DEFER", Errno(rawValue: 517)), ("ENOTSUPP", Errno(rawValue: 524)), ("crash", .crashed),
        ("deadlock", .deadlocked),
    ]

    private static let known: [(name: String, errno: Errno)] =
        zip(1..., numbered.split(whereSeparator: \.isWhitespace))
        .compactMap { $1 == "-" ? nil : (String($1), Errno(rawValue: $0)) } + others
    private static let byName = Dictionary(uniqueKeysWithValues: known.map { ($0.name, $0.errno) })
    private static let names = Dictionary(uniqueKeysWithValues: known.map { ($0.errno, $0.name) })

    /// The names of all errors.
    static let kernelNames = known.map(\.name)

    /// The error with this kernel name, for example `EBUSY`.
    public init?(kernelName name: String) {
        guard let errno = Self.byName[name] else { return nil }
        self = errno
    }

    /// The kernel's name of the error, or its number if it has no name here.
    public var kernelName: String {
        Self.names[self] ?? "errno \(rawValue)"
    }

    /// `ESHUTDOWN`: the kernel has handed over or panicked. No kernel returns this, as its callers have ended, too.
    public static let kernelGone = Errno(rawValue: 108)

    /// `crash`: the kernel dereferences an invalid pointer. The call does not return, and the kernel has ended.
    public static let crashed = Errno(rawValue: 4096)

    /// `deadlock`: the call waits for a lock held by its own thread or, in a race, by another waiting side.
    public static let deadlocked = Errno(rawValue: 4097)
}
