import Handover
import SystemPackage

/// What is said on standard error.
enum Diagnostics {
    static func report(_ message: String) {
        let stream = OutputStream(.standardError)
        stream.write("luo-fdt: \(message)\n")
        stream.flush()
    }
}
