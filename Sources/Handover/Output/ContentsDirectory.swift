import KernelABI
import SystemPackage

/// Writes the contents of all preserved files to a directory: `SESSION/TOKEN`.
public struct ContentsDirectory: Sendable {
    private let state: HandoverState
    private let memory: any PhysicalMemory
    /// The files whose contents are not known, and so not written.
    public let unknown: [Owner]

    public init(of state: HandoverState, memory: any PhysicalMemory) {
        self.state = state
        self.memory = memory
        unknown = (state.luo?.sessions ?? []).flatMap { session in
            (session.files ?? []).filter { $0.fileContents == nil }.map {
                .file(session: session.name, token: $0.token)
            }
        }
    }

    /// Writes the directory whole, or not at all.
    ///
    /// - Returns: for each file that is not whole, its path and the bytes that are zero in the output because the input
    ///   does not have them.
    public func write(to destination: Destination) throws(OutputError) -> [(path: String, missing: [Range<UInt64>])] {
        let pageSize = state.pageSize ?? .kib4
        let sizes = FolioSizes(preserved: state.preserved, pageSize: pageSize)
        var missing: [(path: String, missing: [Range<UInt64>])] = []
        try destination.writeDirectory { (root) throws(OutputError) in
            var names = FileNames()
            for session in state.luo?.sessions ?? [] {
                guard let name = names.next(for: session.name.bytes) else { continue }
                let directory = root.appending(name)
                try directory.makeDirectory()
                var tokens = FileNames()
                for file in session.files ?? [] {
                    guard let contents = file.fileContents,
                        let token = tokens.next(for: Array("0x\(String(file.token, radix: 16))".utf8))
                    else { continue }
                    let output = ContentsOutput(of: contents, sizes, pageSize, memory: memory)
                    let ranges = try output.write(to: directory.appending(token))
                    if !ranges.isEmpty { missing.append(("\(name)/\(token)", ranges)) }
                }
            }
        }
        return missing
    }
}

/// Makes names of files from whatever bytes an image holds: each is used once, and none leads out of the directory.
struct FileNames {
    private var used: Set<String> = []

    /// The bytes, with `%XX` for each that is no ASCII letter, digit, `-`, `_` or `.`, and for a `.` at the beginning;
    /// `~2` and so on after a name that was used before.
    mutating func next(for bytes: [UInt8]) -> FilePath.Component? {
        var name = ""
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                name.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: ".") where index > 0: name += "."
            default: name += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
        if name.isEmpty { name = "%" }
        var unused = name
        var number = 1
        while !used.insert(unused).inserted {
            number += 1
            unused = "\(name)~\(number)"
        }
        return FilePath.Component(unused)
    }
}
