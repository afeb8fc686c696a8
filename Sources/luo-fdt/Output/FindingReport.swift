import Handover

/// Names on standard error what is damaged; what follows from one cause, once.
///
/// What is merely not at hand is no damage; the formats show it where it belongs.
enum FindingReport {
    static func print(_ input: HandoverInput) {
        let stream = OutputStream(.standardError)
        for document in input.documents {
            let place = document.part.map { "\(input.path.appending($0))" } ?? "\(input.path)"
            for group in FindingGroup.groups(document.reading.findings.lazy.filter { $0.severity == .damage }) {
                stream.write("luo-fdt: \(place): \(group)\n")
            }
        }
        stream.flush()
    }
}
