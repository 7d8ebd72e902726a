import Jobs
import SQLRecords
import Support
import Testing

@testable import MySQLStorage

@Suite(.enabled(if: MariaProcess.isInstalled, "MariaDB is not installed: Scripts/setup test"), .aside)
struct MySQLInboxTests {
  let harness: MySQLHarness
  let scene: StorageScene
  let inbox: any Inbox

  init() throws {
    harness = try MySQLHarness()
    scene = try StorageScene(harness)
    inbox = try #require(scene.storage.inbox)
  }

  @discardableResult
  private func ask(_ text: String) throws -> String {
    try harness.process.ask(text.replacing("gkick_", with: "own_"), database: harness.database)
  }

  @Test func everyFieldArrives() throws {
    let id = try ask(
      #"""
      CALL gkick_enqueue('{"name": "email.send", "payload": {"to": 1}, "id": "mine", "queue": "mail", "priority": 7,
        "metadata": {"a": "b", "ü": "x"}, "run_at": "2031-02-03T04:05:06.789012Z", "start_before": "2032-01-01 00:00:00",
        "timeout": 90, "retention": 172800, "max_attempts": 3, "initial_backoff": 5, "max_backoff": 60, "multiplier": 1.5,
        "jitter": -1, "max_lost": 2, "unique_key": "u", "unique_hold": 3600, "on_conflict": "REPLACE",
        "concurrency_key": "c", "fairness_key": "f", "batch_id": "b", "depends_on": ["x", "y", "x"],
        "on_dependency_failure": "run"}')
      """#)
    #expect(id == "mine")
    let item = try #require(try inbox.arrived(limit: 10).first)
    let job = item.job
    #expect(item.fault == nil)
    #expect(job.id == "mine" && job.queue == "mail" && job.name == "email.send" && job.priority == 7)
    #expect(job.runAt == Timestamp(microseconds: 1_927_857_906_789_012))
    #expect(item.payload == Array(#"{"to": 1}"#.utf8) && item.contentType == "application/json")
    #expect(item.metadata.map { "\($0.key)=\($0.value)" } == ["a=b", "ü=x"])
    let options = JobOptions(
      retry: RetryPolicy(
        maxAttempts: 3, initialBackoff: .seconds(5), maxBackoff: .minutes(1), multiplier: 1.5, jitter: 0, maxLost: 2),
      timeout: .seconds(90), startBefore: Timestamp(seconds: 1_956_528_000), retention: .days(2),
      unique: Uniqueness(key: "u", holdFor: .hours(1), onConflict: .replace), concurrencyKey: "c", fairnessKey: "f",
      batchID: "b", dependsOn: ["x", "y"], onDependencyFailure: .run)
    #expect(OptionsRecord.bytes(job.options) == OptionsRecord.bytes(options))
  }

  @Test func aPlainInsertIsEnough() throws {
    try ask(
      #"""
      INSERT INTO gkick_inbox (job) VALUES ('{"name": "a", "id": "1"}');
      INSERT INTO gkick_inbox (id, job, payload) VALUES ('2', '{"name": "b", "payload": "not this"}', x'00ff');
      INSERT INTO gkick_inbox (id, job) VALUES ('3', '{"name": "c", "payload": "text", "delay": 60}'), ('4', 'no json'),
        ('5', '{"name": "e", "priority": 1000}'), ('6', '{"name": "f", "multiplier": 0.5}'), ('7', '{}'),
        ('8', '{"name": "g", "metadata": {"a": 1}}'), ('9', '{"name": "h", "timeout": "soon"}')
      """#)
    let items = try inbox.arrived(limit: 20)
    #expect(items.map(\.job.id) == ["1", "2", "3", "4", "5", "6", "7", "8", "9"])
    #expect(items[1].payload == [0, 255])
    #expect(items[2].payload == Array("text".utf8) && items[2].contentType.isEmpty && items[2].job.runAt != nil)
    let faults = items.map { $0.fault.map { String($0.prefix { $0 != ":" }) } ?? "" }
    #expect(faults == ["", "", "", "job", "priority", "multiplier", "name", "metadata", "timeout"])
  }

  /// Nothing is passed over in silence: what a row means is what its producer wrote.
  @Test(arguments: [
    (#"[]"#, "job"), (#"no json"#, "job"), (#"{"name": "a"} x"#, "job"), (#"{"name": ["a"]}"#, "name"),
    (#"{"name": ""}"#, "name"),
    (#"{"name": null}"#, "name"), (#"{"name": "a", "prio": 5}"#, "prio"), (#"{"name": "a", "queue": "a b"}"#, "queue"),
    (#"{"name": "a", "priority": 1.5}"#, "priority"), (#"{"name": "a", "priority": "x"}"#, "priority"),
    (#"{"name": "a", "priority": true}"#, "priority"), (#"{"name": "a", "run_at": "soon"}"#, "run_at"),
    (#"{"name": "a", "run_at": 1927857906}"#, "run_at"), (#"{"name": "a", "run_at": "1969-01-01 00:00:00"}"#, "run_at"),
    (#"{"name": "a", "run_at": "2031-02-30 00:00:00"}"#, "run_at"),
    (#"{"name": "a", "run_at": "2031-01-01 00:00:00", "delay": 1}"#, "delay"),
    (#"{"name": "a", "delay": -1}"#, "delay"),
    (#"{"name": "a", "delay": "60 seconds"}"#, "delay"), (#"{"name": "a", "delay": 1e10}"#, "delay"),
    (#"{"name": "a", "start_before": "never"}"#, "start_before"), (#"{"name": "a", "timeout": 0}"#, "timeout"),
    (#"{"name": "a", "retention": -1}"#, "retention"), (#"{"name": "a", "max_attempts": 2.5}"#, "max_attempts"),
    (#"{"name": "a", "max_lost": -1}"#, "max_lost"), (#"{"name": "a", "multiplier": "nan"}"#, "multiplier"),
    (#"{"name": "a", "jitter": "-inf"}"#, "jitter"), (#"{"name": "a", "jitter": 1.5}"#, "jitter"),
    (#"{"name": "a", "unique_key": ""}"#, "unique_key"), (#"{"name": "a", "unique_hold": 1}"#, "unique_hold"),
    (#"{"name": "a", "on_conflict": "keep"}"#, "on_conflict"),
    (#"{"name": "a", "unique_key": "u", "on_conflict": "what"}"#, "on_conflict"),
    (#"{"name": "a", "batch_id": "a b"}"#, "batch_id"), (#"{"name": "a", "depends_on": "x"}"#, "depends_on"),
    (#"{"name": "a", "depends_on": [1]}"#, "depends_on"), (#"{"name": "a", "depends_on": ["x", ""]}"#, "depends_on"),
    (#"{"name": "a", "id": "x", "depends_on": ["x"]}"#, "depends_on"),
    (#"{"name": "a", "on_dependency_failure": "what"}"#, "on_dependency_failure"),
    (#"{"name": "a", "metadata": {"k": 1}}"#, "metadata"), (#"{"name": "a", "metadata": []}"#, "metadata"),
  ])
  func whatIsWrongIsRefusedAtIntake(_ job: String, _ field: String) throws {
    try ask("INSERT INTO gkick_inbox (job) VALUES ('\(job)')")
    let item = try #require(try inbox.arrived(limit: 9).first)
    #expect(item.fault?.hasPrefix(field + ": ") == true, "\(item.fault ?? "taken")")
  }

  /// Whatever was put in, the server can take it away and say why in a row of its own: one that it cannot write would stop everything.
  @Test(arguments: [
    "\"timeout\": \"BIG\"", "\"BIG\": 1", "\"id\": \"BIG\"", "\"queue\": \"BIG\"",
    "\"on_conflict\": \"BIG\", \"unique_key\": \"u\"",
    "\"depends_on\": [\"BIG\"]", "\"metadata\": {\"k\": \"BIG\"}", "\"run_at\": \"BIG\"", "\"name\": \"BIG\"",
    "\"priority\": \"BIG\"",
  ])
  func aReasonIsShort(_ field: String) throws {
    try ask(#"INSERT INTO gkick_inbox (job) VALUES (REPLACE('{"name": "a", \#(field)}', 'BIG', REPEAT('x', 100000)))"#)
    let items = try inbox.arrived(limit: 9)
    #expect(
      items.count == 1
        && items.allSatisfy { $0.fault != nil && $0.fault!.utf8.count < 500 && $0.job.id.utf8.count <= 128 })
    var change = scene.change()
    change.taken = items.map {
      TakenItem(
        number: $0.number, refusal: .init(id: $0.job.id, queue: $0.job.queue, name: $0.job.name, reason: $0.fault ?? "")
      )
    }
    try scene.write(change)
    #expect(try ask("SELECT COUNT(*) FROM gkick_intake_refused") == "1")
    #expect(try ask("SELECT COUNT(*) FROM gkick_inbox") == "0")
  }

  @Test func timesAreInUTCUnlessTheyNameTheirZone() throws {
    try ask(
      #"""
      INSERT INTO gkick_inbox (job) VALUES ('{"name": "a", "run_at": "2031-02-03T04:05:06+02:00"}'),
        ('{"name": "a", "run_at": "2031-02-03 02:05:06"}'), ('{"name": "a", "run_at": "2031-02-03T02:05:06Z"}')
      """#)
    #expect(
      try inbox.arrived(limit: 9).map(\.job.runAt) == Array(repeating: Timestamp(seconds: 1_927_850_706), count: 3))
  }

  @Test func whatIsWrongIsNamed() throws {
    for (job, field) in [
      ("[]", "job"), ("{}", "name"), (#"{"name": "a", "queue": "ä"}"#, "queue"), (#"{"name": "a", "id": "a b"}"#, "id"),
      (#"{"name": "a", "priority": 101}"#, "priority"),
    ] {
      do {
        try ask("CALL gkick_enqueue('\(job)')")
        Issue.record("taken: \(job)")
      } catch { #expect("\(error)".contains("(22023)") && "\(error)".contains("\(field): ")) }
    }
    let made = try ask(#"CALL gkick_enqueue('{"name": "a"}')"#)
    #expect(made.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}/) != nil)
    // Nulls, and texts without anything in them, are as if they were not there.
    let other = try ask(
      #"CALL gkick_enqueue('{"name": "a", "id": null, "queue": "", "priority": null, "run_at": null}')"#)
    #expect(other.utf8.count == made.utf8.count)
    let items = try inbox.arrived(limit: 9)
    #expect(items.map(\.job.id) == [made, other])
    #expect(items.allSatisfy { $0.fault == nil && $0.job.queue == "default" && $0.job.runAt == nil })
  }

  /// Numbers are given out before transactions commit: a lower one may come later.
  @Test func transactionsThatCommitLateArrive() throws {
    let late = try MySQLConnection(
      try MySQLLocation(harness.process.url(database: harness.database)), replyTimeout: .seconds(9))
    try ask(#"INSERT INTO gkick_inbox (id, job) VALUES ('first', '{"name": "a"}')"#)
    var ids = try inbox.arrived(limit: 10).map(\.job.id)
    _ = try late.run(#"BEGIN; INSERT INTO own_inbox (id, job) VALUES ('late', '{"name": "a"}')"#)
    for round in 0..<5 {
      try ask(#"INSERT INTO gkick_inbox (id, job) VALUES ('\#(round)', '{"name": "a"}')"#)
      let items = try inbox.arrived(limit: 10)
      ids += items.map(\.job.id)
      var change = scene.change()
      change.taken = items.map { TakenItem(number: $0.number) }
      try scene.write(change)
      if round == 3 { _ = try late.run("COMMIT") }
    }
    #expect(ids == ["first", "0", "1", "2", "3", "late", "4"])
    #expect(try inbox.arrived(limit: 10).isEmpty)
    inbox.reset()
    #expect(try inbox.arrived(limit: 10).map(\.job.id) == ["first"])
  }

  @Test func refusalsAreSeen() throws {
    try ask(#"CALL gkick_enqueue('{"name": "bad", "id": "x", "queue": "q"}')"#)
    var change = scene.change()
    change.taken = try inbox.arrived(limit: 10).map {
      TakenItem(
        number: $0.number,
        refusal: .init(id: $0.job.id, queue: $0.job.queue, name: $0.job.name, reason: "gone", existingID: "y"))
    }
    try scene.write(change)
    #expect(try ask("SELECT id, queue, name, reason, existing_id FROM gkick_intake_refused") == "x\tq\tbad\tgone\ty")
    _ = try scene.storage.tidy(now: scene.now + .days(400))
    #expect(try ask("SELECT COUNT(*) FROM gkick_intake_refused") == "0")
  }

  @Test func jobsAreSeenByPeople() throws {
    // Fields 5, 6 and 7 of an assignment, as the wire's module writes a body.
    let body: [UInt8] = [
      5 << 3 | 2, 2, 0x7B, 0x7D, 6 << 3 | 2, 3, 0x61, 0x2F, 0x62, 7 << 3 | 2, 6, 10, 1, 0x6B, 18, 1, 0x76,
    ]
    try scene.put(NewJob(id: "x", queue: "q", name: "näme", priority: -3, payloadSize: 2, body: body))
    var standing = JobStanding(state: .running, runAt: scene.now)
    standing.workerID = "w"
    try scene.put(NewJob(queue: "q", name: "b"), standing: standing)
    #expect(
      try ask(
        "SELECT id, queue, name, state, priority, created_at, content_type, payload, metadata FROM gkick_jobs WHERE id = 'x'"
      )
        == "x\tq\tnäme\tREADY\t-3\t2023-11-14 22:13:20.000000\ta/b\t{}\t{\"k\":\"v\"}")
    #expect(try ask("SELECT state, COUNT(*) FROM gkick_jobs GROUP BY state ORDER BY state") == "READY\t1\nRUNNING\t1")
  }
}
