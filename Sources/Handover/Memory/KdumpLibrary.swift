import CKdumpFile
import SystemPackage

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

    /// Opens the dump in the file `descriptor`, which has to stay open for as long as the context is in use.
    func open(_ descriptor: FileDescriptor) -> Result<OpaquePointer, Refusal> {
        guard let context = functions.kdump_new() else { return .failure(Refusal(reason: "out of memory")) }
        var number = descriptor.rawValue
        let status = functions.kdump_open_fdset(context, 1, &number)
        if status == KDUMP_OK { return .success(context) }
        defer { functions.kdump_free(context) }
        return .failure(Refusal(reason: reason(status, context)))
    }

    /// The library does not take a file for a dump, for the reason it gives.
    struct Refusal: Error {
        var reason: String
    }

    /// What the library says of the call that it answered with `status`.
    func reason(_ status: kdump_status, _ context: OpaquePointer) -> String {
        let text = functions.kdump_get_err(context) ?? functions.kdump_strerror(status)
        return text.map { String(cString: $0) } ?? "status \(status.rawValue)"
    }
}
