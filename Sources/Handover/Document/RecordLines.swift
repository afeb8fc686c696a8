import KernelABI

/// A handover as lines: an object for each record, for what works through a million of them one at a time.
///
/// The members of an object are those of the document's form, after `record`, which says what it is: `handover` for
/// everything but the records, then each `session`, each `file` of it, and each `flb`. A session's name tells whose a
/// file is.
public struct RecordLines {
    /// What the lines call the input; `nil` where there is one alone.
    private let input: String?

    public init(input: String? = nil) {
        self.input = input
    }

    /// Writes a line for each record, in the handover's order.
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
