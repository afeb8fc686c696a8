import Handover
import KernelABI

/// The structures of a generation as a table, in the style of `pahole`.
struct LayoutTable {
    let generation: Generation
    let pageSize: PageSize

    private var structures: [StructureDescription] { generation.structures(pageSize: pageSize) }

    /// The maximum number of records of each kind.
    private var limits: [Limit] {
        guard let luo = generation.luo else { return [] }
        return [limit(of: "sessions", luo.sessions), limit(of: "files of a session", luo.files)]
            + (luo.flbs.map { [limit(of: "FLBs", $0)] } ?? [])
    }

    private func limit(of what: String, _ container: RecordContainer<some KernelStructure>) -> Limit {
        Limit(
            what: what, record: container.record.structure.name, perAllocation: container.capacity(pageSize: pageSize),
            pages: container.pagesPerAllocation, allocations: container.allocationLimit,
            total: container.limit(pageSize: pageSize))
    }

    private struct Limit {
        let what: String
        let record: String
        let perAllocation: Int
        let pages: Int
        let allocations: Int
        let total: Int
    }

    var text: String {
        var text = "/* Linux \(generation.releaseText); pages of \(pageSize.bytes) bytes */\n"
        for structure in structures {
            text += "\n/* \(structure.summary) */\nstruct \(structure.name) {\n"
            for field in structure.fields {
                let declaration = "        \(field.type.padded(to: 28)) \(field.declarator);"
                let place = "\(field.offset)\(field.bits.map { ":\($0.lowerBound)" } ?? "")"
                text +=
                    declaration.padded(to: 58)
                    + " /* \(place.paddedLeft(to: 6)) \(String(field.size).paddedLeft(to: 6))"
                text += "  \(field.summary) */\n"
            }
            text += "};".padded(to: 58) + " /* size: \(structure.size) */\n"
        }
        if !limits.isEmpty { text += "\n/* Limits */\n" }
        for limit in limits {
            text += "\(limit.what): \(limit.total)"
            let unit =
                "\(limit.perAllocation) \(limit.record) in \(limit.pages == 1 ? "a page" : "\(limit.pages) pages")"
            text += limit.allocations == 1 ? " (\(unit))\n" : " (\(unit), \(limit.allocations) blocks)\n"
        }
        text += "\n/* What is known, and how */\n"
        for known in KnownRelease.all {
            text += "\(known.release): \(known.source.rawValue) (\(known.details))\n"
        }
        return text
    }

    /// Writes the table as JSON, with the same names as the text, and sizes and offsets in bytes.
    func writeJSON(to output: OutputStream) {
        output.writeJSON { writer in
            writer.object { writer in
                writer.member("kernel", generation.name)
                writer.member("releases", strings: generation.releases.map(\.description))
                writer.member("page_size", pageSize.bytes)
                writer.member("known", objects: KnownRelease.all, compact: true) { writer, known in
                    writer.member("release", known.release.description)
                    writer.member("source", known.source.rawValue)
                    writer.member("details", known.details)
                }
                writer.member("structures", objects: structures) { writer, structure in
                    writer.member("name", structure.name)
                    writer.member("summary", structure.summary)
                    writer.member("size", structure.size)
                    writer.member("fields", objects: structure.fields, compact: true) { writer, field in
                        writer.member("name", field.name)
                        writer.member("type", field.type)
                        writer.member("offset", field.offset)
                        writer.member("size", field.size)
                        writer.member("count", field.count)
                        writer.member("bit_offset", field.bits?.lowerBound)
                        writer.member("bit_size", field.bits?.count)
                        writer.member("summary", field.summary)
                    }
                }
                writer.member("limits", objects: limits, compact: true) { writer, limit in
                    writer.member("what", limit.what)
                    writer.member("record", limit.record)
                    writer.member("records_per_allocation", limit.perAllocation)
                    writer.member("pages_per_allocation", limit.pages)
                    writer.member("allocations", limit.allocations)
                    writer.member("total", limit.total)
                }
            }
        }
    }
}

extension FieldDescription {
    /// The field's C declarator, with its number of elements or bits.
    fileprivate var declarator: String {
        if let bits { return "\(name):\(bits.count)" }
        return name + (count.map { $0 == 0 ? "[]" : "[\($0)]" } ?? "")
    }
}
