import SystemPackage

/// Which operations are to fail when they are called next.
final class Faults: Sendable {
    private struct Place: Hashable {
        let name: String
        let operation: Event.Callback.Operation
    }

    private let errors = Locked<[Place: [Errno]]>([:])

    func add(_ name: String, _ operation: Event.Callback.Operation, _ error: Errno) {
        errors.withLock { $0[Place(name: name, operation: operation), default: []].append(error) }
    }

    /// Throws the error that the operation is to fail with, once.
    func check(_ name: String, _ operation: Event.Callback.Operation) throws(Errno) {
        let error = errors.withLock { errors -> Errno? in
            let place = Place(name: name, operation: operation)
            guard let error = errors[place]?.first else { return nil }
            errors[place]?.removeFirst()
            return error
        }
        if let error { throw error }
    }
}

extension FileHandler.Operations {
    /// The operations, but those that are to fail do.
    func failing(_ faults: Faults, _ name: String) -> Self {
        var result = self
        if let preserve {
            result.preserve = { file, memory throws(Errno) in
                try faults.check(name, .preserve)
                return try preserve(file, memory)
            }
        }
        if let freeze {
            result.freeze = { file, preserved, memory throws(Errno) in
                try faults.check(name, .freeze)
                try freeze(file, &preserved, memory)
            }
        }
        if let retrieve {
            result.retrieve = { preserved, memory throws(Errno) in
                try faults.check(name, .retrieve)
                return try retrieve(preserved, memory)
            }
        }
        return result
    }

    /// The operations, asked whether a file can be finished before it is, which can be made to say no.
    func askedToFinish(_ faults: Faults, _ name: String) -> Self {
        var result = self
        let canFinish = canFinish
        result.canFinish = { preserved, status in
            do throws(Errno) {
                try faults.check(name, .canFinish)
            } catch {
                return false
            }
            return canFinish?(preserved, status) ?? true
        }
        return result
    }
}
