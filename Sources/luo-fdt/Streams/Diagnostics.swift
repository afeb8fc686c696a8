import Handover
import SystemPackage

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
