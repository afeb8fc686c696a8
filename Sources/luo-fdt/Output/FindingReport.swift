import Handover

/// Names on standard error what is damaged.
///
/// What is merely not at hand is no damage; the formats show it where it belongs.
enum FindingReport {
    static func print(_ input: HandoverInput) {
        let stream = OutputStream(.standardError)
        for document in input.documents {
            let place = document.part.map { "\(input.path.appending($0))" } ?? "\(input.path)"
            if let first = document.reading.state.pageSize, !document.reading.alternatives.isEmpty {
                let others = document.reading.alternatives.compactMap { $0.state.pageSize.map { "\($0.bytes)" } }
                stream.write(
                    "luo-fdt: \(place): pages of \(first.bytes) and of \(others.joined(separator: ", ")) bytes fit alike; "
                        + "read with the former: --page-size decides\n")
            }
            for finding in document.reading.findings where finding.severity == .damage {
                stream.write("luo-fdt: \(place): \(finding)\n")
            }
        }
        stream.flush()
    }
}
