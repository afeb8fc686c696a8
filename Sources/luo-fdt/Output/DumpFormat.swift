import ArgumentParser

/// A way to show a handover.
enum DumpFormat: String, ExpressibleByArgument, CaseIterable {
    case tree
    case json
    case jsonl
    case dts
    case hex

    /// Whether it shows blobs one at a time.
    var showsBlobs: Bool { self == .dts || self == .hex }

    /// Whether it is JSON: documents or lines are written one after the other without headings, so any reader accepts
    /// them.
    var isJSON: Bool { self == .json || self == .jsonl }
}
