import Handover
import KernelABI

/// The output of `report`: a self-contained page that needs no network and no scripts.
struct ReportPage {
    let document: HandoverDocument
    /// The input, with its name.
    let input: HandoverInput
    /// An earlier handover to compare with.
    let earlier: HandoverDocument?
    /// The memory that the next kernel boots from.
    let scratch: [Range<PhysicalAddress>]
    private let graph: StructureGraph
    /// The addresses of pieces whose bytes are on the page.
    private let shown: Set<PhysicalAddress>

    /// The maximum number of table rows: more make browsers slow, and nobody reads them.
    private static let mostRows = 20_000

    init(
        of document: HandoverDocument, in input: HandoverInput, since earlier: HandoverDocument?,
        scratch: [Range<PhysicalAddress>]
    ) {
        self.document = document
        self.input = input
        self.earlier = earlier
        self.scratch = scratch
        graph = StructureGraph(of: document)
        shown = Set(graph.nodes.compactMap { $0.extent?.address })
    }

    private var state: HandoverState { document.reading.state }

    var html: String {
        var options = HandoverCheck.Options()
        options.scratch = scratch
        let check = HandoverCheck(CheckSubject(document), options: options)
        let path = ImageText(input.path.string).bare
        let changesLink: Markup = earlier == nil ? "" : "<a href=\"#changes\">Changes</a> "
        let page: Markup = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src \
            'unsafe-inline'">
            <title>\(check.verdict.rawValue): \(path)</title>
            <link rel="icon" href="data:,">
            <style>
            \(Markup.pageStyle)
            </style>
            </head>
            <body>
            <header>
            <h1>\(path)</h1>
            \(verdict(check))
            <dl>\(Markup(facts.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>" }))</dl>
            </header>
            <nav aria-label="Contents"><p><a href="#findings">Findings</a> \
            \(changesLink)<a href="#memory">Memory</a> \
            <a href="#structures">Structures</a> <a href="#handed-over">Handed over</a> <a \
            href="#bytes">Bytes</a></p></nav>
            <main>
            <h2 id="findings">Findings</h2>
            \(findings(check))
            \(earlier.map(changes) ?? "")
            <h2 id="memory">Physical memory</h2>
            \(memory(MemoryFigure(of: document, scratch: scratch)))
            <h2 id="structures">Structures</h2>
            <p class="faint">Each structure is below the one that points to it, and links to its bytes.</p>
            \(structures)
            <h2 id="handed-over">Handed over</h2>
            \(sessions(of: state))
            \(found)
            \(flbs)
            \(regions)
            \(subtrees)
            <section id="bytes">
            <h2>Bytes</h2>
            \(bytes)
            </section>
            </main>
            </body>
            </html>

            """
        return page.html
    }

    // MARK: - Parts of a line

    /// An address, which is a link if its bytes are on the page.
    private func link(_ address: PhysicalAddress?, _ text: String? = nil) -> Markup {
        guard let address else { return "" }
        let text = text ?? address.description
        return shown.contains(address)
            ? "<a class=\"address\" href=\"#at-\(address)\">\(text)</a>" : "<span class=\"address\">\(text)</span>"
    }

    /// Text from this program with names in it. Names are already quoted if necessary; anything else is quoted here.
    private func words(_ text: String) -> String {
        let plain = text.unicodeScalars.allSatisfy {
            $0 == " " || $0 == "\"" || $0 == "\\" || ImageText("\($0)").bare == "\($0)"
        }
        return plain ? text : ImageText(text).quoted
    }

    private func table(_ heads: [String], _ rows: [Markup]) -> Markup {
        "<table><tr>\(Markup(heads.map { "<th>\($0)</th>" }))</tr>\n\(Markup(rows))</table>"
    }

    private func row(_ cells: Markup..., kind: Markup = "") -> Markup {
        "<tr\(kind)>\(Markup(cells.map { "<td>\($0)</td>" }))</tr>\n"
    }

    // MARK: - Verdict and findings

    private func verdict(_ check: HandoverCheck) -> Markup {
        let means =
            switch check.verdict {
            case .accepted: "The next kernel accepts all of it."
            case .unknown: "The next kernel accepts what the input shows; the input does not show everything."
            case .partly: "Something cannot be retrieved; the rest can."
            case .openFails: "Opening /dev/liveupdate always fails with EIO: no session can be retrieved."
            case .unchecked: "The kernel does not check, and uses the invalid data."
            case .panic: "The kernel panics."
            case .ignored: "The boot continues, and everything handed over is lost."
            }
        let isGood = check.verdict == .accepted && !document.reading.isDamaged
        return """
            <div class="verdict\(isGood ? " good" : "")"><strong>\(check.verdict.rawValue)</strong> by kernel \
            \(check.generation.releaseText)<br>\(means)</div>
            """
    }

    private var facts: [(String, String)] {
        let sessions = state.luo?.sessions ?? []
        let files = sessions.reduce(0) { $0 + ($1.files?.count ?? 0) }
        let machine = state.machine?.rawValue ?? "unknown machine"
        var facts: [(String, String)] = [
            ("input", input.kind),
            (
                "handed over by",
                state.writer.map(\.bare) ?? "a kernel of unknown release"
            ),
            (
                "read as",
                "kernel \(state.generation?.releaseText ?? "unknown"), \(machine), "
                    + (state.pageSize.map { "\(Quantity.bytes(UInt64($0.bytes))) pages" } ?? "pages of unknown size")
            ),
            ("sessions", "\(Quantity.count(sessions.count, "session")), \(Quantity.count(files, "file"))"),
        ]
        if let number = state.luo?.liveUpdateNumber { facts.append(("live update", "\(number)")) }
        if let bytes = state.preserved?.bytes { facts.append(("preserved", Quantity.bytes(bytes))) }
        if let root = state.kho?.fdtAddress { facts.append(("root FDT", root.description)) }
        if let stale = state.kho?.staleRoots, !stale.isEmpty {
            facts.append(("stale roots", stale.prefix(8).map(\.description).joined(separator: ", ")))
        }
        return facts
    }

    private func findings(_ check: HandoverCheck) -> Markup {
        let told = Set(check.results.map(\.finding.place))
        let damage = document.reading.findings.filter { $0.severity == .damage && !told.contains($0.place) }
        guard !check.results.isEmpty || !damage.isEmpty else { return "<p>Nothing is wrong.</p>" }
        return Markup(
            check.results.map { result in
                finding(
                    result.finding, kind: result.severity.rawValue,
                    title: "\(result.severity.rawValue): \(result.rule.name)", verdict: result.verdict.rawValue,
                    """
                    <p>\(result.consequence(in: check.generation))</p><p \
                    class="faint">\(result.rule.explanation.remedy)</p>
                    """)
            } + damage.map { finding($0, kind: "error", title: "damage", verdict: "not readable", "") })
    }

    private func finding(_ finding: Finding, kind: String, title: String, verdict: String, _ rest: Markup) -> Markup {
        let place = finding.place
        let page = place.address.map { PhysicalAddress($0.rawValue & ~UInt64(document.pageSize.bytes - 1)) }
        let target = [place.address, page].compactMap(\.self).first(where: shown.contains) ?? place.address
        let address: Markup = place.address.map { " at \(link(target, $0.description))" } ?? ""
        return """
            <div class="finding \(kind)"><p><strong>\(title)</strong> \
            <span class="faint">\(verdict), \(words(finding.owner.description))</span></p>
            <p><code>\(words(place.name))</code>\(address): found \(words(finding.found)), \
            expected \(words(finding.expected))</p>\(rest)</div>

            """
    }

    private func changes(since earlier: HandoverDocument) -> Markup {
        func side(_ document: HandoverDocument) -> HandoverDiff.Side {
            HandoverDiff.Side(
                state: document.reading.state, memory: document.memory.regions.isEmpty ? nil : document.memory)
        }
        let changes = HandoverDiff(side(earlier), side(document)).changes
        func text(_ text: String?) -> Markup { "\(text.map(words) ?? "—")" }
        let rows = changes.prefix(Self.mostRows).map { row(text($0.subject), text($0.before), text($0.after)) }
        return """
            <h2 id="changes">\(Quantity.count(changes.count, "change")) since the earlier capture</h2>
            \(changes.isEmpty ? "" : table(["what", "before", "after"], rows))
            """
    }

    // MARK: - Memory

    private func memory(_ figure: MemoryFigure) -> Markup {
        let legend = MemoryFigure.Use.allCases.compactMap { use -> Markup? in
            figure.totals[use].map {
                "<span><i class=\"\(use.rawValue)\"></i>\(use.words), \(Quantity.bytes($0))</span> "
            }
        }
        return "<p class=\"legend\">\(Markup(legend))</p>\n\(Markup(figure.sections.map(section)))"
    }

    private func section(_ section: MemoryFigure.Section) -> Markup {
        let first = section.range.lowerBound
        let last = (section.range.upperBound.rawValue &- 1).prefixedHex
        let pieces = Quantity.count(section.runs.reduce(0) { $0 + $1.pieces }, "piece")
        let size = section.range.upperBound.rawValue - first.rawValue
        let scale = MemoryFigure.columns / Double(size)
        let runs = section.runs.map { run -> Markup in
            let width = max(2, Double(run.bytes) * scale)
            let x = min(Double(run.range.lowerBound.rawValue - first.rawValue) * scale, MemoryFigure.columns - width)
            let range = "\(run.range.lowerBound)–\((run.range.upperBound.rawValue &- 1).prefixedHex)"
            let rest = run.pieces > 1 ? ", and \(run.pieces - 1) more" : ""
            return """
                <rect class="\(run.use.rawValue)" x="\(fixed(x))" y="0" width="\(fixed(width))" height="10"><title>\
                \(words("\(range), \(Quantity.bytes(run.bytes)): \(run.owner)\(rest)"))</title></rect>
                """
        }
        let gap: Markup =
            section.gap == 0
            ? "" : "<p class=\"gap\">\(Quantity.bytes(section.gap)) without anything of the handover</p>"
        return """
            \(gap)<figure><svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" \
            aria-label="\(pieces) between \(first) and \(last)">\(Markup(runs))</svg>
            <figcaption><span class="address">\(first)</span><span>\(Quantity.bytes(size)), \(pieces)</span>\
            <span class="address">\(last)</span></figcaption></figure>

            """
    }

    /// A coordinate.
    private func fixed(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

    // MARK: - Structures

    private enum Box {
        static let row = 34
        static let height = 26
        static let step = 28
        static let width = 900
        static let title = 62
    }

    private var structures: Markup {
        let boxes = graph.nodes.enumerated().map { row, node -> Markup in
            let x = 2 + min(node.depth, 12) * Box.step
            let y = row * Box.row + 2
            let title = words(node.title)
            let short = title.count > Box.title ? "\(title.prefix(Box.title))…" : title
            var line: Markup = ""
            if let parent = node.parent {
                let parentX = 2 + min(graph.nodes[parent].depth, 12) * Box.step + 12
                line = """
                    <path d="M\(parentX) \(parent * Box.row + 2 + Box.height)V\(y + Box.height / 2)H\(x)"/>
                    """
            }
            let use = node.extent.map { MemoryFigure.Use($0) } ?? .contents
            let box: Markup = """
                <rect class="\(use.rawValue)" x="\(x)" y="\(y)" width="\(Box.width - x - 2)" height="\(Box.height)" \
                rx="3"/><text x="\(x + 10)" y="\(y + 18)">\(short)<title>\(title)</title></text>
                """
            guard let extent = node.extent else { return "\(line)\(box)\n" }
            return """
                \(line)<a href="#at-\(extent.address)">\(box)</a><text class="place" x="\(Box.width - 12)" \
                y="\(y + 18)">\(extent.address), \(Quantity.bytes(UInt64(extent.byteCount)))</text>

                """
        }
        return """
            <svg class="graph" viewBox="0 0 \(Box.width) \(graph.nodes.count * Box.row + 4)" role="img" \
            aria-label="The structures, from the root to pages">
            \(Markup(boxes))</svg>
            """
    }

    private var bytes: Markup {
        var left = shown
        var pieces: [Markup] = []
        func add(_ address: PhysicalAddress, _ title: String, _ text: String) {
            pieces.append(
                """
                <details id="at-\(address)"><summary><span class="address">\(address)</span> \(words(title))</summary>\
                <pre>\(text)</pre></details>

                """)
        }
        document.forEachPiece { piece in
            guard let address = piece.address, left.remove(address) != nil else { return }
            var text: [UInt8] = []
            var sink = TextSink { text.append(contentsOf: copy $0) }
            HexRenderer().render(piece.title, address: address, bytes: piece.bytes, form: piece.form, to: &sink)
            add(address, piece.title, String(decoding: text, as: UTF8.self))
        }
        for address in left.sorted() { add(address, "not in the input", "") }
        return Markup(pieces)
    }

    // MARK: - Tables

    /// Handovers that a search found and that the kernel is not told about.
    private var found: Markup {
        Markup(
            input.documents.filter { $0.isFound && $0.part != document.part }.map { document in
                let notes = document.notes.map { "<li>\($0.name) \($0.text)</li>" as Markup }
                return
                    "<h3>Found by the search</h3>\n<ul>\(Markup(notes))</ul>\n\(sessions(of: document.reading.state))"
            })
    }

    private func sessions(of state: HandoverState) -> Markup {
        let sessions = state.luo?.sessions ?? []
        guard !sessions.isEmpty else { return "<p>There are no sessions.</p>" }
        var left = Self.mostRows
        var omitted = 0
        var rows: [Markup] = []
        for session in sessions {
            let files = session.files ?? []
            guard left > 0 else {
                omitted += 1 + files.count
                continue
            }
            let size = files.reduce(UInt64(0)) { $0.addingReportingOverflow($1.fileContents?.size ?? 0).partialValue }
            rows.append(
                row(
                    "\(session.name.bare)", "\(Quantity.count(files.count, "file"))", "\(Quantity.bytes(size))",
                    link(session.filesAddress), "", kind: " class=\"session\""))
            left -= 1
            rows += files.prefix(left).map(row(of:))
            omitted += max(0, files.count - left)
            left -= min(files.count, left)
        }
        let rest: Markup =
            omitted == 0 ? "" : "<p>\(omitted) more sessions and files: luo-fdt dump --all shows them.</p>"
        return "\(table(["session, token", "handler", "size", "data", "content"], rows))\(rest)"
    }

    private func row(of file: FileState) -> Markup {
        row(
            "<span class=\"address\">\(file.token.prefixedHex)</span>",
            "\(file.compatible.map(\.bare) ?? "no handler")", "\(file.fileContents?.size.map(Quantity.bytes) ?? "")",
            link(file.data.map { PhysicalAddress($0) }), "\(payload(file.contentCells))")
    }

    /// A table with a heading, unless it is empty.
    private func list<Element>(
        _ title: Markup, _ heads: [String], _ elements: [Element]?, _ row: (Element) -> Markup
    ) -> Markup {
        let rows = (elements ?? []).prefix(Self.mostRows).map(row)
        return rows.isEmpty ? "" : "<h3>\(title)</h3>\n\(table(heads, rows))"
    }

    private var flbs: Markup {
        list("FLBs", ["name", "data", "needed by", "payload"], state.luo?.flbs) { flb in
            row(
                "\(flb.name.bare)", link(PhysicalAddress(flb.data)), "\(Quantity.count(flb.count, "file"))",
                "\(payload(flb.contentCells))")
        }
    }

    private var regions: Markup {
        list("reserve_mem regions", ["name", "start", "size"], state.memblock?.regions) { region in
            row("\(region.name.bare)", link(region.start), "\(Quantity.bytes(region.size))")
        }
    }

    private var subtrees: Markup {
        list("Subtrees", ["name", "address", "size", "content"], state.kho?.subtrees) { subtree in
            row(
                "\(subtree.name.bare)", link(subtree.address), "\(subtree.size.map(Quantity.bytes) ?? "")",
                "\(payload(subtree.contentCells))")
        }
    }

    private func payload(_ cells: [ContentCell]?) -> String {
        words((cells ?? []).map(\.text).filter { !$0.isEmpty }.joined(separator: ", "))
    }
}
