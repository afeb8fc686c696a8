import ArgumentParser

/// A way to show a handover.
enum DumpFormat: String, ExpressibleByArgument, CaseIterable {
    case tree
    case json
    case dts
    case hex

    /// Whether it shows blobs one by one.
    var showsBlobs: Bool { self == .dts || self == .hex }
}
