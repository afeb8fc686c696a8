import Glibc
import Handover

/// Files that cannot be read where they are mapped: a disk that fails, a file that somebody cuts short meanwhile, a
/// hole in a full tmpfs.
enum LostFile {
    private static let message: StaticString =
        "luo-fdt: an input cannot be read: its disk failed, it became shorter meanwhile, or it lies in a full tmpfs\n"

    /// From now on the kernel's answer to that, `SIGBUS`, ends the process as an unreadable input does.
    static func isUnreadable() {
        signal(SIGBUS) { _ in
            _ = write(STDERR_FILENO, LostFile.message.utf8Start, LostFile.message.utf8CodeUnitCount)
            // Whoever reads an input holds none of the locks that this takes.
            UnfinishedOutput.remove { _exit(ExitStatus.unreadable.rawValue) }
        }
    }
}
