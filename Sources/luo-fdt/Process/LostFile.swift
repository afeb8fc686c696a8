import Glibc
import Handover

/// Mapped files that become unreadable: because a disk fails, a file is truncated, or a hole in a full tmpfs is read.
enum LostFile {
    private static let message: StaticString =
        "luo-fdt: an input cannot be read: its disk failed, it was truncated meanwhile, or it is in a full tmpfs\n"

    /// From now on, `SIGBUS`, which the kernel sends in that case, ends the process as an unreadable input does.
    static func isUnreadable() {
        signal(SIGBUS) { _ in
            _ = write(STDERR_FILENO, LostFile.message.utf8Start, LostFile.message.utf8CodeUnitCount)
            // Code that reads an input holds none of the locks taken here.
            UnfinishedOutput.remove { _exit(ExitStatus.unreadable.rawValue) }
        }
    }
}
