import Jobs
import SQLRecords
import Support
import Testing

@Suite struct RecordTests {
  private static let now = Timestamp(seconds: 1_700_000_000)
  private static let failure = Failure(
    type: "T", message: "wörds", backtrace: "a\nb", retryable: false, at: now, attempt: 3, workerID: "w")
  private static let options = JobOptions(
    retry: RetryPolicy(maxAttempts: 7, multiplier: 1.25), timeout: .seconds(9), startBefore: now, retention: .days(2),
    unique: Uniqueness(key: "k\u{0}ey", holdFor: .hours(7), onConflict: .replace), concurrencyKey: "c",
    fairnessKey: "f",
    batchID: "b", dependsOn: ["x", "y"], onDependencyFailure: .run, recurringJobID: "r")
  private static let events = [
    Event(cursor: 7, kind: .enqueued, at: now, jobID: "aaaa-1", queue: "q", name: "näme", attempt: 1),
    Event(
      cursor: 8, kind: .failed, at: now - .seconds(1), jobID: "aaaa-2", queue: "q", name: "", workerID: "w",
      batchID: "b", detail: .retry(failure, nextRunAt: now)),
    Event(cursor: 9, kind: .audit, at: now, detail: .audit(principal: "p", call: "c")),
  ]

  /// Bytes that end too early, or in which one bit was changed, are noticed or read as something else, never a crash.
  private func hurt(_ bytes: [UInt8], _ read: ([UInt8]) -> Void) {
    for count in bytes.indices { read(Array(bytes.prefix(count))) }
    for bit in 0..<bytes.count * 8 {
      var other = bytes
      other[bit / 8] ^= 1 << (bit % 8)
      read(other)
    }
  }

  @Test func optionsComeBack() throws {
    let bytes = try #require(OptionsRecord.bytes(Self.options))
    let found = try #require(OptionsRecord.options(bytes))
    #expect(OptionsRecord.bytes(found) == bytes)
    #expect(found.unique == Self.options.unique && found.dependsOn == ["x", "y"] && found.retry == Self.options.retry)
    #expect(OptionsRecord.bytes(.standard) == nil)
    #expect(OptionsRecord.options(nil) === JobOptions.standard)
    for count in bytes.indices { #expect(OptionsRecord.options(Array(bytes.prefix(count))) == nil) }
    hurt(bytes) { _ = OptionsRecord.options($0) }
  }

  @Test func whatIsCarriedComesBack() throws {
    let carried = JobCarried(
      failures: [Self.failure, Self.failure], progress: Progress(percent: 3, message: "m", at: Self.now),
      cancelReason: "reason")
    let bytes = try #require(CarriedRecord.bytes(carried))
    let found = try #require(CarriedRecord.carried(bytes, result: [1]))
    #expect(found.failures == carried.failures && found.progress == carried.progress)
    #expect(found.cancelReason == "reason" && found.result == [1])
    #expect(CarriedRecord.bytes(.nothing) == nil)
    for count in bytes.indices { #expect(CarriedRecord.carried(Array(bytes.prefix(count)), result: []) == nil) }
    hurt(bytes) { _ = CarriedRecord.carried($0, result: []) }
  }

  @Test func eventsComeBack() throws {
    let bytes = try #require(EventsRecord.bytes(Self.events))
    #expect(EventsRecord.events(bytes) == Self.events)
    #expect(EventsRecord.bytes([]) == nil)
    hurt(bytes) { _ = EventsRecord.events($0) }
  }

  @Test func aChangedBodyHasAnotherSum() {
    let body = (0..<37).map { UInt8($0) }
    hurt(body) { #expect(Checksum.of($0) != Checksum.of(body)) }
  }

  @Test func keptRowsWaitInTheOrderOfTheirTicks() throws {
    typealias Tick = KeptRows.Tick
    var kept = KeptRows()
    func change(_ number: UInt64, _ queues: [String], gone: [String] = [], _ documents: [Document] = []) -> ChangeSet {
      var change = ChangeSet(number: number, now: Self.now, durability: .synced)
      change.queues = queues.map { name in
        var queue = StoredQueue(name: name)
        queue.ended = number
        queue.lastUsedAt = Self.now
        return queue
      }
      change.forgottenQueues = gone
      change.documents = documents
      return change
    }
    let changes = [
      change(1, ["a", "b"]), change(2, ["a"], gone: ["b"], [Document(kind: .batch, key: "k", bytes: [1])]),
      change(3, ["c"], [Document(kind: .batch, key: "k", bytes: nil)]),
    ]
    for change in changes { kept.add(change, Tick(epoch: 1, number: Int64(change.number))) }
    #expect(kept.oldest == Tick(epoch: 1, number: 1))
    // What the ticks' records say is the same.
    var replayed = KeptRows()
    for change in changes {
      #expect(replayed.replay(try #require(KeptRows.bytes(change)), Tick(epoch: 1, number: Int64(change.number))))
    }
    #expect("\(kept.take(2))" == "\(replayed.take(2))")
    #expect(kept.oldest == Tick(epoch: 1, number: 2))
    guard case .gone? = kept[.document(.batch, "k")], case .queue(let queue)? = kept[.queue("c")] else {
      Issue.record("lost")
      return
    }
    #expect(queue.ended == 3)
    _ = kept.take(9)
    #expect(kept.oldest == nil)
    hurt(try #require(KeptRows.bytes(changes[1]))) { bytes in
      var kept = KeptRows()
      _ = kept.replay(bytes, Tick(epoch: 1, number: 1))
    }
  }
}
