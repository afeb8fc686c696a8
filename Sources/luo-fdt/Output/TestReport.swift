import KernelABI

/// Results as tests, for test harnesses that read KTAP or JUnit.
struct TestReport {
    /// One input, and its result.
    struct Case {
        enum Outcome {
            case passed, failed, skipped
            /// There was no test, because its input is broken.
            case broken
        }

        let name: String
        let outcome: Outcome
        /// Remarks on the result, one per line.
        let remarks: [String]
    }

    /// The command under test.
    let suite: String
    let cases: [Case]

    /// The format of the kernel's selftests: see Documentation/dev-tools/ktap.rst.
    var ktap: String {
        var text = "KTAP version 1\n1..\(cases.count)\n"
        for (number, test) in zip(1..., cases) {
            let remarks = test.remarks.flatMap { $0.split(separator: "\n") }
            text += remarks.map { "# \($0)\n" }.joined()
            // A number sign begins a directive, and a line break a new test.
            let name = ImageText.visible(test.name, inLine: true).replacing("#", with: "\\#")
            text += "\([.failed, .broken].contains(test.outcome) ? "not ok" : "ok") \(number) \(name)"
            text += test.outcome == .skipped ? " # SKIP\n" : "\n"
        }
        return text
    }

    /// JUnit's format, which continuous integration reads.
    var junit: String {
        let (failures, errors) = (cases.count { $0.outcome == .failed }, cases.count { $0.outcome == .broken })
        let skipped = cases.count { $0.outcome == .skipped }
        var text: Markup = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        text += "<testsuite name=\"\(suite)\" tests=\"\(cases.count)\""
        text += " failures=\"\(failures)\" errors=\"\(errors)\" skipped=\"\(skipped)\">\n"
        for test in cases {
            let (name, remarks) = (attribute(test.name), attribute(test.remarks.joined(separator: "\n")))
            let element: Markup? =
                switch test.outcome {
                case .passed: test.remarks.isEmpty ? nil : "<system-out>\(remarks)</system-out>"
                case .failed: "<failure message=\"\(remarks)\"/>"
                case .broken: "<error message=\"\(remarks)\"/>"
                case .skipped: "<skipped message=\"\(remarks)\"/>"
                }
            text +=
                element.map { "  <testcase name=\"\(name)\">\n    \($0)\n  </testcase>\n" }
                ?? "  <testcase name=\"\(name)\"/>\n"
        }
        text += "</testsuite>\n"
        return text.html
    }

    /// Text as an attribute value: XML turns an unescaped line feed into a space.
    private func attribute(_ text: String) -> Markup {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return Markup(lines.enumerated().map { index, line in index == 0 ? "\(String(line))" : "&#10;\(String(line))" })
    }
}
