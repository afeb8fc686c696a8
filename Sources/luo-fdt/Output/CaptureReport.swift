import Handover
import KernelABI
import SystemPackage

/// Reports on standard error how much of the handed-over memory is not kept, and why.
enum CaptureReport {
    private static let mostPieces = 20

    /// - Returns: ``ExitStatus/damaged`` if something that should be kept is missing or was withheld.
    static func print(_ capture: Capture, of path: FilePath) -> ExitStatus {
        report(capture.leftBehind, "omitted; use --contents to keep it", of: path)
        report(capture.missing, "not in the image", of: path)
        func name(_ extent: Extent) -> String { "\(extent.role.name) of \(extent.owner) at \(extent.address)" }
        for (extent, reason) in capture.withheld.prefix(mostPieces) {
            Diagnostics.report("\(path): withheld \(name(extent)): \(reason)")
        }
        if capture.withheld.count > mostPieces {
            Diagnostics.report("\(path): withheld \(capture.withheld.count - mostPieces) more")
        }
        for extent in capture.unreadable.prefix(mostPieces) {
            Diagnostics.report("\(path): some of the \(name(extent)) cannot be read, and is omitted")
        }
        if capture.unreadable.count > mostPieces {
            Diagnostics.report("\(path): some of \(capture.unreadable.count - mostPieces) more cannot be read, either")
        }
        let isWhole = capture.missing.isEmpty && capture.withheld.isEmpty && capture.unreadable.isEmpty
        return isWhole ? .fine : .damaged
    }

    private static func report(_ ranges: [Range<PhysicalAddress>], _ what: String, of path: FilePath) {
        if ranges.isEmpty { return }
        let pieces = Quantity.count(ranges.count, "range")
        Diagnostics.report("\(path): \(Quantity.bytes(ranges.byteCount)) of handed-over memory in \(pieces): \(what)")
    }
}
