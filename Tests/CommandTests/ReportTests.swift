import Foundation
import TestSupport
import Testing

/// Tests the page that `report` writes.
@Suite struct ReportTests {
    private func page(_ arguments: String...) throws -> String {
        let directory = try TemporaryPath()
        let file = directory.url.appending(path: "report.html")
        let command = try Command(["report"] + arguments + ["-o", file.path()])
        #expect(command.status == 0, "\(command.errors)")
        return try String(contentsOf: file, encoding: .utf8)
    }

    private func matches(_ pattern: String, in page: String) throws -> [String] {
        let expression = try NSRegularExpression(pattern: pattern)
        let range = NSRange(page.startIndex..., in: page)
        return expression.matches(in: page, range: range).compactMap { match in
            Range(match.range(at: 1), in: page).map { String(page[$0]) }
        }
    }

    @Test(
        arguments: ["6.18/basic", "6.19/basic", "7.1/basic", "7.3/basic", "7.3/empty"].filter(
            CapturedHandover.names.contains)
    )
    func everyLinkLeadsSomewhere(_ capture: String) throws {
        let page = try page("captures/\(capture).elf")
        let places = try matches(#"\bid="([^"]*)""#, in: page)
        #expect(Set(places).count == places.count)
        let links = try matches(##"href="#([^"]*)""##, in: page)
        #expect(links.count > 10)
        #expect(Set(links).subtracting(places) == [])
    }

    @Test func `damage is named on standard error`() throws {
        let directory = try TemporaryPath()
        let command = try Command(
            shell: """
                head -c 300000 captures/7.3/basic.elf >$d/cut.elf && $luo report $d/cut.elf -o $d/page.html
                """, environment: ["d": directory.path])
        #expect(command.status == 1)
        #expect(command.errors.contains("cut.elf: memory image: found a truncated file"), "\(command.errors)")
        #expect(command.errors.contains("(and 1 more that follows from it"), "\(command.errors)")
    }

    @Test func allOfTheHandoverIsThere() throws {
        let page = try page("captures/7.3/basic.elf")
        for word in [
            "<strong>accepted</strong>", "vm-alpha", "0xdeadbeef", "liveupdate-test-flb-v2", "testblk", "kho-test",
            "16 folios of session &quot;vm-beta&quot;, token 0xdeadbeef", "luo_session_ser[0].name",
        ] {
            #expect(page.contains(word), "\(word)")
        }
        #expect(!page.contains("<script"))
        #expect(!page.contains("http://") && !page.contains("https://"))
    }

    @Test func whatChangedIsThere() throws {
        let page = try page("captures/7.3/basic.elf", "--since", "captures/7.3/empty.elf")
        #expect(page.contains("<td>session &quot;vm-alpha&quot;"))
    }

    /// A quotation mark with a combining accent is one character, but still ends an attribute.
    @Test func namesCannotBecomeMarkup() throws {
        let directory = try TemporaryPath()
        let names = [
            "<script>alert(1)</script>", "\\\"\\u0301 onload=alert(1) x=\\\"", "<\\u0301img src=x>",
            "'><svg/onload=a()>",
            "&lt;b&gt;", "</pre></details><b>",
        ]
        let sessions = names.map { #"{"name": "\#($0)", "files": [{"token": 1, "memfd": {"text": "x"}}]}"# }
        let document = directory.url.appending(path: "hostile.json").path()
        try Data(#"{"kernel": "7.3", "sessions": [\#(sessions.joined(separator: ","))]}"#.utf8)
            .write(to: URL(filePath: document))
        let image = directory.url.appending(path: "hostile.elf").path()
        #expect(try Command("build", document, "-o", image).status == 0)
        let page = try page(image)
        let known: Set = [
            "html", "head", "meta", "title", "link", "style", "body", "header", "h1", "div", "strong", "br", "dl", "dt",
            "dd", "nav", "p", "a", "main", "h2", "h3", "span", "code", "i", "figure", "svg", "rect", "figcaption",
            "path",
            "text", "table", "tr", "th", "td", "section", "details", "summary", "pre",
        ]
        #expect(Set(try matches("<([a-zA-Z0-9]+)", in: page)).subtracting(known) == [])
        // Only our own tags have attributes.
        let tags = try matches("<[a-z0-9]+((?:\\s[^<>]*)?)>", in: page)
        #expect(!tags.contains { $0.unicodeScalars.contains { $0.value == 0x301 } || $0.contains("onload") })
        #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
        #expect(page.contains("&amp;lt;b&amp;gt;"))
    }
}
