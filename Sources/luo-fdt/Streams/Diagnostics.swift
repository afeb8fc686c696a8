import Handover
import SystemPackage

/// The reason why a command failed. Any error that a command throws is reported on standard error, and ends it as an
/// unreadable input does.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ reason: String) {
        description = reason
    }
}

/// Messages on standard error.
enum Diagnostics {
    static func report(_ message: String) {
        let stream = OutputStream(.standardError)
        for line in message.split(separator: "\n") {
            // An indented line continues the one before.
            stream.write(line.hasPrefix(" ") ? "\(line)\n" : "luo-fdt: \(line)\n")
        }
        stream.flush()
    }
}
