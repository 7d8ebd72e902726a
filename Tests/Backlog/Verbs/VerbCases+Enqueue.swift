import Jobs
import Testing

extension VerbSuite {
  static let enqueueCases: [VerbCase] = [
    VerbCase("an enqueued job is ready and reads back as it was asked for") {
      let scene = try VerbScene()
      let options = JobOptions(
        retry: RetryPolicy(
          maxAttempts: 3, initialBackoff: .milliseconds(5), maxBackoff: .seconds(9), multiplier: 1.5, jitter: 0.25,
          maxLost: 2),
        timeout: .seconds(7), startBefore: scene.now + .hours(1), retention: .minutes(3),
        unique: Uniqueness(key: "k", holdFor: .seconds(5), onConflict: .reject), concurrencyKey: "c",
        fairnessKey: "f", batchID: "b")
      let job = NewJob(
        queue: "mail", name: "send", priority: -7, options: options, payloadSize: 3, body: [0, 1, 0xFF, 0])
      let id = try scene.add(job)
      let record = try scene.known(id)
      #expect(record.state == .ready)
      #expect(record.job.id == id)
      #expect(record.job.queue == "mail" && record.job.name == "send" && record.job.priority == -7)
      #expect(record.job.body == [0, 1, 0xFF, 0] && record.job.payloadSize == 3)
      #expect(record.job.runAt == scene.now && record.runAt == scene.now && record.createdAt == scene.now)
      #expect(record.attempt == 0 && record.lost == 0 && record.failures.isEmpty && record.workerID.isEmpty)
      let read = record.job.options
      #expect(read.retry == options.retry && read.timeout == options.timeout)
      #expect(read.startBefore == options.startBefore && read.retention == options.retention)
      #expect(read.unique == options.unique && read.batchID == "b")
      #expect(read.concurrencyKey == "c" && read.fairnessKey == "f")
      #expect(scene.events.map(\.kind) == [.enqueued])
      #expect(scene.events[0].jobID == id && scene.events[0].queue == "mail" && scene.events[0].batchID == "b")
      #expect(scene.events[0].cursor == 1 && scene.events[0].at == scene.now)
    },
    VerbCase("ids are made from time, number and salt") {
      let scene = try VerbScene()
      let first = try scene.add()
      let second = try scene.add()
      #expect(first != second)
      let seq = try scene.known(first).seq
      #expect(first == JobID.make(seq: seq, at: scene.now, salt: 0x123_4567))
      #expect(try scene.known(second).seq > seq)
    },
    VerbCase("a later job is scheduled, one due in the past is ready with its place from now") {
      let scene = try VerbScene()
      let later = try scene.add(NewJob(name: "a", runAt: scene.now + .seconds(5)))
      let past = try scene.add(NewJob(name: "a", runAt: scene.now - .seconds(5)))
      #expect(try scene.state(later) == .scheduled)
      #expect(try scene.state(past) == .ready)
      #expect(try scene.record(past)?.runAt == scene.now - .seconds(5))
      #expect(scene.events.map(\.kind) == [.scheduled, .enqueued])
      #expect(scene.events[0].detail == .due(scene.now + .seconds(5)))
      #expect(try scene.take().readyAt == scene.now)
    },
    VerbCase("an id that exists makes a duplicate, whatever became of the job") {
      let scene = try VerbScene()
      let job = NewJob(id: "mine", name: "a")
      #expect(try scene.add(job) == "mine")
      let other = NewJob(id: "mine", queue: "other", name: "b", runAt: scene.now + .hours(1))
      #expect(try scene.enqueue(other) == [.duplicate(id: "mine", state: .ready, runAt: scene.now)])
      try scene.settle(scene.take().lease, .succeeded(result: []))
      try scene.commit()
      #expect(try scene.enqueue(job) == [.duplicate(id: "mine", state: .succeeded, runAt: scene.now)])
      #expect(try scene.enqueue(job, job).count == 2)
      #expect(try scene.commit().isEmpty)
    },
    VerbCase("a chosen id that looks like one of ours finds only its own job") {
      let scene = try VerbScene()
      let forged = JobID.make(seq: 2, at: scene.now, salt: 0x123_4567)
      let first = try scene.add(NewJob(id: forged, name: "forged"))
      #expect(first == forged)
      let second = try scene.add(NewJob(name: "made"))
      try scene.commit()
      #expect(try scene.record(forged)?.job.name == "forged")
      #expect(second != forged)
      #expect(try scene.record(second)?.job.name == "made")
      #expect(try scene.record(JobID.make(seq: 1, at: scene.now + .hours(9), salt: 0x123_4567)) == nil)
    },
    VerbCase("an all-or-nothing group with a conflict leaves no trace") {
      let scene = try VerbScene()
      let unique = JobOptions(unique: Uniqueness(key: "k", onConflict: .reject))
      let holder = try scene.add(NewJob(name: "a", options: unique))
      try scene.commit()
      #expect(
        try scene.enqueue(
          NewJob(id: "x", name: "a"), NewJob(name: "a", options: unique), NewJob(name: "a"), allOrNothing: true)
          == [.withdrawn, .conflict(existing: holder), .withdrawn])
      #expect(try scene.commit().isEmpty)
      #expect(try scene.record("x") == nil)
      #expect(try scene.list().count == 1)
    },
    VerbCase("the jobs of an all-or-nothing group see those before them") {
      let scene = try VerbScene()
      let unique = JobOptions(unique: Uniqueness(key: "k", onConflict: .reject))
      #expect(
        try scene.enqueue(
          NewJob(id: "x", name: "a", options: unique), NewJob(name: "a", options: unique), allOrNothing: true)
          == [.withdrawn, .conflict(existing: "x")])
      #expect(
        try scene.enqueue(
          NewJob(name: "a", options: unique), NewJob(name: "a", options: unique), allOrNothing: true)
          == [.withdrawn, .conflict(existing: "")])
      #expect(
        try scene.enqueue(NewJob(id: "y", name: "a"), NewJob(id: "y", name: "a"), allOrNothing: true)
          == [.stored(id: "y", state: .ready, runAt: scene.now), .duplicate(id: "y", state: .ready, runAt: scene.now)])
      #expect(try scene.list().map(\.job.id) == ["y"])
    },
  ]
}
