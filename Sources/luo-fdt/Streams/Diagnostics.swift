import Handover
import SystemPackage

/// Why a command cannot go on. Whatever a command throws is said on standard error, and ends it as unreadable.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ reason: String) {
        description = reason
    }
}

/// What is said on standard error.
enum Diagnostics {
    static func report(_ message: String) {
        let stream = OutputStream(.standardError)
        for line in message.split(separator: "\n") {
            // A line that is indented goes on with the one before.
            stream.write(line.hasPrefix(" ") ? "\(line)\n" : "luo-fdt: \(line)\n")
        }
        stream.flush()
    }
}
