import ArgumentParser

/// A way to show a handover.
enum DumpFormat: String, ExpressibleByArgument, CaseIterable {
    case tree
    case json
    case jsonl
    case dts
    case hex

    /// Whether it shows blobs one by one.
    var showsBlobs: Bool { self == .dts || self == .hex }

    /// Whether it is JSON: documents or lines that follow each other as they are, so that every reader takes them.
    var isJSON: Bool { self == .json || self == .jsonl }
}
