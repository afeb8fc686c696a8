import Synchronization
import SystemPackage

/// The temporary names of unfinished output, so that a signal leaves nothing behind.
public enum UnfinishedOutput {
    private static let names = Mutex<Set<FilePath>>([])

    /// Removes everything that has a temporary name and ends the process; meanwhile, nothing gets its final name.
    public static func remove(andThen end: () -> Never) -> Never {
        names.withLock { names -> Never in
            for name in names { Directory.remove(name) }
            end()
        }
    }

    /// Creates something with a temporary name next to `path`.
    static func make<Result>(
        beside path: FilePath, _ make: (FilePath) throws(Errno) -> Result
    ) throws(Errno) -> (name: FilePath, result: Result) {
        let name = Directory.sibling(of: path)
        return try names.withLock { names throws(Errno) in
            let result = try make(name)
            names.insert(name)
            return (name, result)
        }
    }

    /// Gives something its final name.
    static func name(_ body: () throws(Errno) -> Void) throws(Errno) {
        try names.withLock { _ throws(Errno) in try body() }
    }

    /// Removes what has a temporary name: unfinished or replaced output.
    static func discard(_ name: FilePath) {
        Directory.remove(name)
        names.withLock { _ = $0.remove(name) }
    }
}
