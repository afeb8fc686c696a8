/// Results as tests, for harnesses that read KTAP or JUnit.
struct TestReport {
    /// One input, and how it came out.
    struct Case {
        enum Outcome { case passed, failed, skipped }

        let name: String
        let outcome: Outcome
        /// What is to be said of it, a line each.
        let remarks: [String]
    }

    /// The command that the tests are of.
    let suite: String
    let cases: [Case]

    /// As the kernel's selftests print: see Documentation/dev-tools/ktap.rst.
    var ktap: String {
        var text = "KTAP version 1\n1..\(cases.count)\n"
        for (number, test) in zip(1..., cases) {
            text += test.remarks.map { "# \($0)\n" }.joined()
            // A number sign begins a directive.
            let name = test.name.replacing("#", with: "\\#")
            text += "\(test.outcome == .failed ? "not ok" : "ok") \(number) \(name)"
            text += test.outcome == .skipped ? " # SKIP\n" : "\n"
        }
        return text
    }

    /// As JUnit writes, which continuous integration reads.
    var junit: String {
        let (failures, skipped) = (cases.count { $0.outcome == .failed }, cases.count { $0.outcome == .skipped })
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        text += "<testsuite name=\"\(escape(suite))\" tests=\"\(cases.count)\" failures=\"\(failures)\" skipped=\"\(skipped)\">\n"
        for test in cases {
            text += "  <testcase name=\"\(escape(test.name))\""
            let element =
                switch test.outcome {
                case .passed: "system-out"
                case .failed: "failure"
                case .skipped: "skipped"
                }
            if test.remarks.isEmpty, test.outcome == .passed {
                text += "/>\n"
            } else {
                let remarks = escape(test.remarks.joined(separator: "\n"))
                text += ">\n    "
                text += test.outcome == .passed ? "<\(element)>\(remarks)</\(element)>" : "<\(element) message=\"\(remarks)\"/>"
                text += "\n  </testcase>\n"
            }
        }
        return text + "</testsuite>\n"
    }

    /// The text as an attribute's value. Scalar by scalar: an accent after a quotation mark must not hide it.
    private func escape(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\n": result += "&#10;"
            case _ where scalar.value < 0x20: result += "\u{fffd}"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }
}
