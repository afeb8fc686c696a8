import SystemPackage

/// The operations whose next calls should fail.
final class Faults: Sendable {
    struct Place: Hashable, Sendable {
        let name: String
        let operation: Event.Callback.Operation
    }

    private let errors = Locked<[Place: [Errno]]>([:])

    func add(_ place: Place, _ error: Errno) {
        errors.withLock { $0[place, default: []].append(error) }
    }

    /// Throws the operation's next error, if any, and removes it.
    func check(_ name: String, _ operation: Event.Callback.Operation) throws(Errno) {
        let place = Place(name: name, operation: operation)
        guard errors.withLock({ $0[place] != nil }) else { return }
        RaceSide.use("what \(operation.rawValue) of \(name) is to fail with")
        let error = errors.withLock { errors -> Errno? in
            guard let error = errors[place]?.first else { return nil }
            errors[place]?.removeFirst()
            return error
        }
        if let error { throw error }
    }

    /// The operations that should have failed but were not called.
    var pending: Set<Place> { errors.withLock { Set($0.filter { !$0.value.isEmpty }.keys) } }
}

extension FLB.Operations {
    /// Returns the operations with a call to `enter` at the start of each; an operation that can fail throws its error.
    func entered(
        _ enter: @escaping @Sendable (Event.Callback.Operation) throws(Errno) -> Void
    ) -> Self {
        var result = self
        if let preserve {
            result.preserve = { memory throws(Errno) in
                try enter(.preserve)
                return try preserve(memory)
            }
        }
        if let unpreserve {
            result.unpreserve = { preserved, memory in
                try? enter(.unpreserve)
                unpreserve(preserved, memory)
            }
        }
        if let retrieve {
            result.retrieve = { data, memory throws(Errno) in
                try enter(.retrieve)
                return try retrieve(data, memory)
            }
        }
        if let finish {
            result.finish = { object, memory in
                try? enter(.finish)
                finish(object, memory)
            }
        }
        return result
    }
}

extension FileHandler.Operations {
    /// Returns the operations with a call to `enter` at the start of each; an operation that can fail throws its error.
    func entered(
        _ enter: @escaping @Sendable (Event.Callback.Operation) throws(Errno) -> Void
    ) -> Self {
        var result = self
        if let preserve {
            result.preserve = { file, memory throws(Errno) in
                try enter(.preserve)
                return try preserve(file, memory)
            }
        }
        if let freeze {
            result.freeze = { file, preserved, memory throws(Errno) in
                try enter(.freeze)
                try freeze(file, &preserved, memory)
            }
        }
        if let unfreeze {
            result.unfreeze = { file, preserved, memory in
                try? enter(.unfreeze)
                unfreeze(file, preserved, memory)
            }
        }
        if let unpreserve {
            result.unpreserve = { file, preserved, memory in
                try? enter(.unpreserve)
                unpreserve(file, preserved, memory)
            }
        }
        if let retrieve {
            result.retrieve = { preserved, memory throws(Errno) in
                try enter(.retrieve)
                return try retrieve(preserved, memory)
            }
        }
        if let finish {
            result.finish = { file, preserved, status, memory in
                try? enter(.finish)
                finish(file, preserved, status, memory)
            }
        }
        return result
    }

    /// Returns the operations with a `can_finish` that can be made to return `false`.
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
