import SystemPackage

@testable import LiveUpdate

/// The lifecycle once more, as plainly as it can be said: one thread, no locks, arrays and dictionaries.
///
/// FLBs, handlers, files and sessions are numbers; file f is of handler f % 3. Each operation gives the error that the
/// kernel returns and the operations of FLBs that it calls.
struct Reference {
    /// What differs by release.
    let outgoingIsCounted: Bool
    let incomingIsCounted: Bool
    let remembersFailure: Bool
    let saturates: Bool
    let countsByRetrieve: Bool

    struct File: Equatable {
        var token: UInt64
        var file: Int
        var flbs: [Int]
    }

    var links: [Int: [Int]] = [0: [], 1: [], 2: []]
    /// The FLBs with a link, in the order of their first.
    var order: [Int] = []
    var outgoing: [Int: Int64] = [:]
    var sessions: [Int: [File]] = [:]
    var busy: Set<Int> = []
    var failsPreserve: Set<Int> = []
    var failsRetrieve: Set<Int> = []
    var isUnloading: Set<Int> = []

    // What came in.
    var records: [Int: Int64]?
    var incoming: [Int: Int64] = [:]
    var isLoaded: Set<Int> = []
    var isRetrieved: Set<Int> = []
    var hasFailed: Set<Int> = []
    var isFinished: Set<Int> = []
    var incomingSessions: [Int: [File]] = [:]
    var hadSessions: Set<Int> = []
    var calls: [String] = []

    init(_ release: String, countsByRetrieve: Bool) {
        outgoingIsCounted = release >= "7.2"
        incomingIsCounted = release >= "7.1"
        remembersFailure = release >= "7.2"
        saturates = release >= "7.1"
        self.countsByRetrieve = countsByRetrieve
    }

    mutating func takeCalls() -> [String] {
        defer { calls = [] }
        return calls
    }

    // MARK: Registration

    private func isInUse(_ handler: Int) -> Bool {
        sessions.values.contains { $0.contains { $0.file % 3 == handler } }
            || incomingSessions.values.contains { $0.contains { $0.file % 3 == handler } }
    }

    mutating func link(_ flb: Int, _ handler: Int) -> Errno? {
        if links[handler, default: []].contains(flb) { return .fileExists }
        if !order.contains(flb) { order.append(flb) }
        links[handler, default: []].append(flb)
        return nil
    }

    mutating func unlink(_ flb: Int, _ handler: Int) -> Errno? {
        guard links[handler, default: []].contains(flb) else { return .noSuchFileOrDirectory }
        if isInUse(handler) { return .resourceBusy }
        links[handler, default: []].removeAll { $0 == flb }
        if !links.values.contains(where: { $0.contains(flb) }) { order.removeAll { $0 == flb } }
        return nil
    }

    // MARK: Outgoing

    mutating func create(_ session: Int) -> Errno? {
        if sessions[session] != nil { return .fileExists }
        sessions[session] = []
        return nil
    }

    mutating func preserve(_ session: Int, _ file: Int, _ token: UInt64) -> Errno? {
        if sessions[session, default: []].contains(where: { $0.token == token }) { return .fileExists }
        if busy.contains(file) { return .resourceBusy }
        let flbs = links[file % 3, default: []]
        for (place, flb) in flbs.enumerated() {
            if let error = count(flb) {
                for other in flbs[..<place].reversed() { uncount(other) }
                return error
            }
        }
        busy.insert(file)
        sessions[session, default: []].append(File(token: token, file: file, flbs: flbs))
        return nil
    }

    private mutating func count(_ flb: Int) -> Errno? {
        if outgoing[flb, default: 0] == 0 {
            if isUnloading.contains(flb) { return .operationNotSupportedByDevice }
            if failsPreserve.remove(flb) != nil {
                calls.append("\(flb) preserve ENOMEM")
                return .noMemory
            }
            calls.append("\(flb) preserve")
        }
        outgoing[flb, default: 0] += 1
        return nil
    }

    private mutating func uncount(_ flb: Int) {
        outgoing[flb, default: 0] -= 1
        if outgoing[flb] == 0 { calls.append("\(flb) unpreserve") }
    }

    mutating func close(_ session: Int) {
        for file in (sessions[session] ?? []).reversed() {
            for flb in file.flbs.reversed() { uncount(flb) }
            busy.remove(file.file)
        }
        sessions[session] = nil
    }

    mutating func getOutgoing(_ flb: Int) -> Errno? {
        if outgoing[flb, default: 0] == 0 { return .noSuchFileOrDirectory }
        if outgoingIsCounted { outgoing[flb, default: 0] += 1 }
        return nil
    }

    mutating func putOutgoing(_ flb: Int) -> Errno? {
        if !outgoingIsCounted { return .noFunction }
        uncount(flb)
        return nil
    }

    /// What the next kernel starts with; links and modules are made anew.
    func next() -> Reference {
        var next = self
        next.links = [0: [], 1: [], 2: []]
        next.order = []
        next.outgoing = [:]
        next.sessions = [:]
        next.busy = []
        next.failsPreserve = []
        next.failsRetrieve = []
        next.isUnloading = []
        next.records = [:]
        for flb in order where outgoing[flb, default: 0] > 0 { next.records?[flb] = outgoing[flb] }
        next.incoming = [:]
        next.isLoaded = []
        next.isRetrieved = []
        next.hasFailed = []
        next.isFinished = []
        next.incomingSessions = sessions
        next.hadSessions = []
        return next
    }

    // MARK: Incoming

    mutating func getIncoming(_ flb: Int) -> Errno? {
        if !isRetrieved.contains(flb), let error = retrieve(flb) { return error }
        if incomingIsCounted { incoming[flb, default: 0] += 1 }
        return nil
    }

    private mutating func retrieve(_ flb: Int) -> Errno? {
        if isFinished.contains(flb) { return .noData }
        if hasFailed.contains(flb) { return .ioError }
        guard let records else { return .noData }
        guard let count = records[flb] else { return .noSuchFileOrDirectory }
        if countsByRetrieve || isLoaded.insert(flb).inserted { incoming[flb] = count }
        if isUnloading.contains(flb) { return .operationNotSupportedByDevice }
        if failsRetrieve.remove(flb) != nil {
            calls.append("\(flb) retrieve EIO")
            if remembersFailure { hasFailed.insert(flb) }
            return .ioError
        }
        calls.append("\(flb) retrieve")
        isRetrieved.insert(flb)
        return nil
    }

    mutating func putIncoming(_ flb: Int) -> Errno? {
        if !incomingIsCounted { return .noFunction }
        finishOne(flb)
        return nil
    }

    private mutating func finishOne(_ flb: Int) {
        if !countsByRetrieve {
            guard let count = records?[flb] else { return }
            if isLoaded.insert(flb).inserted { incoming[flb] = count }
        }
        let count = incoming[flb, default: 0]
        if count <= 0 {
            incoming[flb] = saturates ? -1_073_741_824 : count - 1
            return
        }
        incoming[flb] = count - 1
        guard count == 1 else { return }
        if !isRetrieved.contains(flb), retrieve(flb) != nil { return }
        calls.append("\(flb) finish")
        isRetrieved.remove(flb)
        isFinished.insert(flb)
    }

    mutating func retrieveSession(_ session: Int) -> Errno? {
        if incomingSessions[session] == nil { return .noSuchFileOrDirectory }
        return hadSessions.insert(session).inserted ? nil : .invalidArgument
    }

    mutating func finish(_ session: Int) {
        for file in (incomingSessions[session] ?? []).reversed() {
            for flb in links[file.file % 3, default: []].reversed() { finishOne(flb) }
        }
        incomingSessions[session] = []
    }
}
