import KernelABI
import SystemPackage

/// The reason why a kernel could not be started with an image.
public enum BootError: Error, Sendable {
    case file(String)
    case image(String)
    case unsuitableKernel(FilePath, String)
    /// The image has memory at an address where the machine has none.
    case noMemory(PhysicalAddress)
    /// The image has memory in a range that is needed for something else.
    case occupied(Range<PhysicalAddress>, by: String)
    /// There is no free memory for something that has to be placed beside the image.
    case noRoom(for: String, memory: UInt64)
    case emulatorMissing(String, package: String)
    case emulator(String)
    case initMissing(FilePath)
    case cancelled
}

extension BootError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .file(let reason), .image(let reason): reason
        case .unsuitableKernel(let path, let reason): "\(path): \(reason)"
        case .noMemory(let address): "the image has memory at \(address), where the emulated machine has none"
        case .occupied(let range, let purpose):
            "the image has memory within \(range.lowerBound) to \(range.upperBound), which is needed for \(purpose)"
        case .noRoom(let purpose, let memory):
            "no room for \(purpose) next to the image in \(memory >> 20) MiB; use a larger --memory"
        case .emulatorMissing(let command, let package):
            "\(command) is not installed; on Debian, install \(package)"
        case .emulator(let reason): reason
        case .initMissing(let path):
            "\(path) is missing: `make` builds it, and `make install` installs it; or use --initrd"
        case .cancelled: "interrupted"
        }
    }
}
