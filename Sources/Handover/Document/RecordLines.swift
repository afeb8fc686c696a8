import KernelABI

/// A handover as lines, with an object for each record, for processing a million records one at a time.
///
/// Objects have the same members as in a document, after `record`, which is the type: `handover` for everything but the
/// records, then each `session`, each `file` of it, and each `flb`. Files contain the name of their session.
public struct RecordLines {
    /// The name of the input in the lines; `nil` if there is only one input.
    private let input: String?

    public init(input: String? = nil) {
        self.input = input
    }

    /// Writes one line per record, in the order of the handover.
    public func write(_ state: HandoverState, to writer: inout DocumentWriter) {
        var rest = state
        rest.luo?.sessions = nil
        rest.luo?.flbs = nil
        line("handover", rest, to: &writer)
        for session in state.luo?.sessions ?? [] {
            var record = session
            record.files = nil
            line("session", record, to: &writer)
            for file in session.files ?? [] { line("file", file, of: session.name, to: &writer) }
        }
        for flb in state.luo?.flbs ?? [] { line("flb", flb, to: &writer) }
    }

    private func line<Object: DocumentObject>(
        _ record: String, _ object: Object, of session: KernelString? = nil, to writer: inout DocumentWriter
    ) {
        writer.object(compact: true) { writer in
            writer.member("input", input)
            writer.member("record", record)
            if let session {
                writer.key("session")
                KernelStringCodec().write(session, to: &writer)
            }
            Object.form.writeMembers(of: object, to: &writer)
        }
        writer.endLine()
    }
}
