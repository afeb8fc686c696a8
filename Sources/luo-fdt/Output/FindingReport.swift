import Handover
import KernelABI

/// Reports on standard error what is damaged, what a dump omits, and what else the input itself lacks. Findings with
/// the same cause are reported once.
///
/// What is merely unavailable is not damage; the formats show it where it belongs.
enum FindingReport {
    static func print(_ input: HandoverInput) {
        let stream = OutputStream(.standardError)
        for document in input.documents {
            let place = document.part.map { "\(input.path.appending($0))" } ?? "\(input.path)"
            if let first = document.reading.state.pageSize, !document.reading.alternatives.isEmpty {
                let others = document.reading.alternatives.compactMap { $0.state.pageSize.map { "\($0.bytes)" } }
                stream.write(
                    "luo-fdt: \(place): pages of \(first.bytes) and of \(others.joined(separator: ", ")) bytes fit "
                        + "equally well; read with the former; use --page-size to choose\n")
            }
            let isDump = !document.memory.regions.isEmpty
            let findings = document.reading.findings.filter {
                $0.severity == .damage || isDump && $0.cause == .leftOut || $0.owner == .input
            }
            for group in FindingGroup.groups(findings) {
                stream.write("luo-fdt: \(place): \(group)\n")
            }
            if document.isOfUnknownKernel, let latest = Generation.latest.releases.last {
                stream.write(
                    "luo-fdt: \(place): of an unknown kernel; --kernel \(latest) reads it as the newest "
                        + "known one, --format dts and --format hex show the bytes\n")
            }
        }
        stream.flush()
    }
}
