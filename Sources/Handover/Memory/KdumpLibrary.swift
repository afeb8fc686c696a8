import CKdumpFile

/// libkdumpfile, which is loaded when the first crash dump is opened, and stays loaded.
struct KdumpLibrary: @unchecked Sendable {
    /// Its functions: addresses that never change, and so are safe to share.
    let functions: ckdump_library

    static let shared: Result<KdumpLibrary, CrashDumpError> = {
        // The version of the binary interface that the header describes.
        let name = "libkdumpfile.so.10"
        var functions = ckdump_library()
        if let reason = ckdump_load(name, &functions) {
            return .failure(.libraryMissing(name: name, package: "libkdumpfile10", reason: String(cString: reason)))
        }
        return .success(KdumpLibrary(functions: functions))
    }()

    /// What the library says of the call that it answered with `status`.
    func reason(_ status: kdump_status, _ context: OpaquePointer) -> String {
        let text = functions.kdump_get_err(context) ?? functions.kdump_strerror(status)
        return text.map { String(cString: $0) } ?? "status \(status.rawValue)"
    }
}
