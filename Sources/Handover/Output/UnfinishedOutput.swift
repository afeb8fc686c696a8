import Synchronization
import SystemPackage

/// The temporary names of what is being written, so that a signal leaves nothing behind.
public enum UnfinishedOutput {
    private static let names = Mutex<Set<FilePath>>([])

    /// Removes everything that has a temporary name and ends the process; nothing gets a name meanwhile.
    public static func remove(andThen end: () -> Never) -> Never {
        names.withLock { names -> Never in
            for name in names { Directory.remove(name) }
            end()
        }
    }

    /// Makes something that has a temporary name beside `path`.
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

    /// Gives something a name that is not temporary.
    static func name(_ body: () throws(Errno) -> Void) throws(Errno) {
        try names.withLock { _ throws(Errno) in try body() }
    }

    /// Removes what has a temporary name: what was not finished, or what was replaced.
    static func discard(_ name: FilePath) {
        Directory.remove(name)
        names.withLock { _ = $0.remove(name) }
    }
}
