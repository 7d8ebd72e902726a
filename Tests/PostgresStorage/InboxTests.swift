import Jobs
import SQLRecords
import Support
import Testing

@testable import PostgresStorage

@Suite(.enabled(if: PostgresProcess.isInstalled, "PostgreSQL is not installed: Scripts/setup test"), .aside)
struct PostgresInboxTests {
  let harness: PostgresHarness
  let scene: StorageScene
  let inbox: any Inbox

  init() throws {
    harness = try PostgresHarness()
    scene = try StorageScene(harness)
    inbox = try #require(scene.storage.inbox)
  }

  private func sql(_ text: String) -> String { text.replacing("gkick.", with: harness.quoted + ".") }

  @discardableResult
  private func ask(_ text: String) throws -> String { try harness.process.ask(sql(text)) }

  /// What the state of a failed statement is, and what it says.
  private func refusal(_ text: String) throws -> String {
    let block = """
      DO $do$ BEGIN PERFORM \(text); RAISE 'accepted'; EXCEPTION WHEN invalid_parameter_value THEN
      CREATE TEMP TABLE said AS SELECT SQLERRM AS text; END $do$; SELECT text FROM said
      """
    return try ask(block)
  }

  private func take(_ items: [InboxItem], refusing: Set<Int64> = []) throws {
    var change = scene.change()
    change.taken = items.map { item in
      TakenItem(
        number: item.number,
        refusal: refusing.contains(item.number)
          ? .init(id: item.job.id, queue: item.job.queue, name: item.job.name, reason: "no such job", existingID: "")
          : nil)
    }
    try scene.write(change)
  }

  @Test func everyArgumentArrives() throws {
    let id = try ask(
      """
      SELECT gkick.enqueue(name => 'email.send', payload => '{"to": 1}'::jsonb, id => 'mine', queue => 'mail',
        priority => 7, metadata => '{"a": "b", "ü\\"": "\\n\\u0001x"}', run_at => '2031-02-03 04:05:06.789012+00',
        start_before => '2032-01-01 00:00:00+00', timeout => '90 seconds', retention => '2 days', max_attempts => 3,
        initial_backoff => '5 seconds', max_backoff => '1 minute', multiplier => 1.5, jitter => -1, max_lost => 2,
        unique_key => 'u', unique_hold => '1 hour', on_conflict => 'replace', concurrency_key => 'c', fairness_key => 'f',
        batch_id => 'b', depends_on => ARRAY['x', 'y', 'x'], on_dependency_failure => 'run')
      """)
    #expect(id == "mine")
    let item = try #require(try inbox.arrived(limit: 10).first)
    let job = item.job
    #expect(job.id == "mine" && job.queue == "mail" && job.name == "email.send" && job.priority == 7)
    #expect(job.runAt == Timestamp(microseconds: 1_927_857_906_789_012))
    #expect(item.payload == Array(#"{"to": 1}"#.utf8) && job.payloadSize == 9 && item.contentType == "application/json")
    #expect(item.metadata.map { "\($0.key)=\($0.value)" } == ["a=b", "ü\"=\n\u{1}x"])
    let options = JobOptions(
      retry: RetryPolicy(
        maxAttempts: 3, initialBackoff: .seconds(5), maxBackoff: .minutes(1), multiplier: 1.5, jitter: 0, maxLost: 2),
      timeout: .seconds(90), startBefore: Timestamp(seconds: 1_956_528_000), retention: .days(2),
      unique: Uniqueness(key: "u", holdFor: .hours(1), onConflict: .replace), concurrencyKey: "c", fairnessKey: "f",
      batchID: "b", dependsOn: ["x", "y"], onDependencyFailure: .run)
    #expect(OptionsRecord.bytes(job.options) == OptionsRecord.bytes(options))
  }

  @Test func payloadsAreBytesTextsOrJSON() throws {
    try ask(
      """
      SELECT gkick.enqueue('a'), gkick.enqueue('b', 'wörd'), gkick.enqueue('c', '\\x00ff'::bytea),
        gkick.enqueue('d', '[1]'::jsonb), gkick.enqueue('e', '[1]'::jsonb, content_type => 'x/y'),
        gkick.enqueue('f', payload => 'known'::text, delay => '1 hour')
      """)
    let items = try inbox.arrived(limit: 10)
    #expect(items.map(\.job.name) == ["a", "b", "c", "d", "e", "f"])
    let payloads: [[UInt8]] = [
      [], Array("wörd".utf8), [0, 255], Array("[1]".utf8), Array("[1]".utf8), Array("known".utf8),
    ]
    #expect(items.map(\.payload) == payloads)
    #expect(items.map(\.contentType) == ["", "", "", "application/json", "x/y", ""])
    #expect(items.allSatisfy { $0.job.queue == "default" && $0.job.options === JobOptions.standard })
    // An id of the form that servers make, one for each.
    #expect(Set(items.map(\.job.id)).count == 6)
    #expect(
      items.allSatisfy {
        $0.job.id.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil
      })
    #expect(items[0].job.runAt == nil && items[5].job.runAt != nil)
  }

  @Test(arguments: [
    ("name => ''", "name"), ("name => repeat('x', 257)", "name"), ("'a', id => 'a b'", "id"),
    ("'a', id => repeat('x', 129)", "id"), ("'a', id => E'a\\n'", "id"), ("'a', queue => 'ä'", "queue"),
    ("'a', queue => repeat('x', 129)", "queue"), ("'a', batch_id => repeat('x', 129)", "batch_id"),
    ("'a', depends_on => ARRAY['']", "depends_on"), ("'a', depends_on => ARRAY['x', NULL]", "depends_on"),
    ("'a', depends_on => ARRAY[repeat('x', 129)]", "depends_on"), ("'a', priority => 101", "priority"),
    ("'a', priority => -101", "priority"), ("'a', content_type => repeat('x', 257)", "content_type"),
    ("'a', payload => repeat('x', 1048577)", "payload"), ("'a', metadata => '[1]'", "metadata"),
    ("'a', metadata => '{\"a\": 1}'", "metadata"),
    ("'a', metadata => jsonb_build_object('a', repeat('x', 16384))", "metadata"),
    ("'a', metadata => (SELECT jsonb_object_agg(i, 'x') FROM generate_series(1, 65) i)", "metadata"),
    ("'a', run_at => '1969-01-01'", "run_at"), ("'a', run_at => 'infinity'", "run_at"),
    ("'a', run_at => now(), delay => '1 s'", "delay"), ("'a', delay => '-1 s'", "delay"),
    ("'a', delay => '200 years'", "delay"), ("'a', start_before => '1960-01-01'", "start_before"),
    ("'a', timeout => '0'", "timeout"), ("'a', retention => '-1 s'", "retention"),
    ("'a', max_attempts => -1", "max_attempts"), ("'a', initial_backoff => '-1 s'", "initial_backoff"),
    ("'a', max_backoff => '-1 s'", "max_backoff"), ("'a', multiplier => 0.5", "multiplier"),
    ("'a', multiplier => 'NaN'", "multiplier"), ("'a', jitter => 1.5", "jitter"), ("'a', jitter => 'NaN'", "jitter"),
    ("'a', max_lost => -1", "max_lost"), ("'a', unique_key => ''", "unique_key"),
    ("'a', unique_key => repeat('x', 513)", "unique_key"), ("'a', unique_hold => '1 s'", "unique_hold"),
    ("'a', unique_key => 'u', on_conflict => 'what'", "on_conflict"),
    ("'a', concurrency_key => repeat('x', 513)", "concurrency_key"),
    ("'a', fairness_key => repeat('x', 513)", "fairness_key"), ("'a', batch_id => 'a b'", "batch_id"),
    ("'a', depends_on => ARRAY['a b']", "depends_on"), ("'a', id => 'x', depends_on => ARRAY['x']", "depends_on"),
    ("'a', depends_on => (SELECT array_agg(i::text) FROM generate_series(1, 101) i)", "depends_on"),
    ("'a', on_dependency_failure => 'what'", "on_dependency_failure"),
  ])
  func whatIsWrongIsNamed(_ arguments: String, _ field: String) throws {
    #expect(try refusal("gkick.enqueue(\(arguments))").hasPrefix(field + ": "))
    #expect(try inbox.arrived(limit: 10).isEmpty)
  }

  @Test func manyComeInOrder() throws {
    let ids = try ask(
      """
      SELECT * FROM gkick.enqueue_many('[{"name": "a", "id": "1", "payload": {"x": null}}, {"name": "b", "id": "2",
        "payload": "text", "delay": 1.5, "priority": 3, "depends_on": ["1"], "metadata": {"k": "v"}, "timeout": null},
        {"name": "c", "id": "3", "retention": "2 days", "payload": null}]')
      """)
    #expect(ids == "1\n2\n3")
    let items = try inbox.arrived(limit: 10)
    #expect(items.map(\.job.id) == ["1", "2", "3"])
    let payloads: [[UInt8]] = [Array(#"{"x": null}"#.utf8), Array("text".utf8), Array("null".utf8)]
    #expect(items.map(\.payload) == payloads)
    #expect(items[1].job.options.dependsOn == ["1"] && items[1].metadata.count == 1)
    #expect(items[2].job.options.retention == .days(2))
    for (jobs, field) in [
      (#"{"name": "a"}"#, "jobs"), (#"[1]"#, "jobs"), (#"[{"name": "a", "prio": 1}]"#, "prio"),
      (#"[{"name": "a", "priority": "x"}]"#, "priority"), (#"[{"name": "a", "delay": "x"}]"#, "delay"),
      (#"[{"name": "a", "run_at": "x"}]"#, "run_at"), (#"[{"name": "a", "depends_on": "x"}]"#, "depends_on"),
      (#"[{"name": "a"}, {"name": ""}]"#, "name"),
    ] {
      #expect(try refusal("gkick.enqueue_many('\(jobs)')").hasPrefix(field + ": "))
    }
    #expect(
      try refusal("gkick.enqueue_many((SELECT jsonb_agg('{}'::jsonb) FROM generate_series(1, 10001)))")
        .hasPrefix("jobs: "))
    #expect(try inbox.arrived(limit: 10).isEmpty)
  }

  @Test func aJobIsThereWhenItsTransactionIs() throws {
    try ask("BEGIN; SELECT gkick.enqueue('rolled.back'); ROLLBACK")
    #expect(try inbox.arrived(limit: 10).isEmpty)
    try ask("BEGIN; SELECT gkick.enqueue('kept'); COMMIT")
    let items = try inbox.arrived(limit: 10)
    #expect(items.map(\.job.name) == ["kept"])
    // Given once, until it is asked for from the beginning.
    #expect(try inbox.arrived(limit: 10).isEmpty)
    inbox.reset()
    #expect(try inbox.arrived(limit: 10).map(\.number) == items.map(\.number))
    try take(items)
    inbox.reset()
    #expect(try inbox.arrived(limit: 10).isEmpty)
  }

  /// Numbers are given out before transactions commit: a lower one may come later.
  @Test func transactionsThatCommitLateArrive() throws {
    let options = [
      ("host", "127.0.0.1"), ("port", "\(harness.process.port)"), ("user", "postgres"), ("dbname", "postgres"),
    ]
    let late = try PostgresConnection(options, replyTimeout: .seconds(10))
    try late.script("BEGIN")
    try late.script(sql("SELECT gkick.enqueue('late')"))
    var names: [String] = []
    for round in 0..<30 {
      try ask("SELECT gkick.enqueue('\(round)')")
      let items = try inbox.arrived(limit: round % 3 + 1)
      names += items.map(\.job.name)
      try take(items)
      if round == 20 {
        try late.script(sql("SELECT gkick.enqueue('later')"))
        try late.script("COMMIT")
      }
    }
    let early = (0...20).map { String($0) }
    let after = (21..<30).map { String($0) }
    #expect(names == early + ["late", "later"] + after)
    #expect(try ask("SELECT count(*) FROM gkick.inbox") == "0")
  }

  /// No snapshot lists a transaction that none with a higher number has ended after.
  @Test func theNewestTransactionArrivesToo() throws {
    let options = [
      ("host", "127.0.0.1"), ("port", "\(harness.process.port)"), ("user", "postgres"), ("dbname", "postgres"),
    ]
    let newest = try PostgresConnection(options, replyTimeout: .seconds(10))
    for round in 0..<3 {
      try newest.script("BEGIN")
      try newest.script(sql("SELECT gkick.enqueue('\(round)')"))
      // The second look must not forget what the first has seen under way.
      for _ in 0...round { #expect(try inbox.arrived(limit: 10).isEmpty) }
      try newest.script("COMMIT")
      let items = try inbox.arrived(limit: 10)
      #expect(items.map(\.job.name) == ["\(round)"])
      #expect(try inbox.arrived(limit: 10).isEmpty, "given once")
      try take(items)
    }
    #expect(try ask("SELECT count(*) FROM gkick.inbox") == "0")
  }

  @Test func limitsAreKeptAndNothingIsLeftOut() throws {
    try ask("SELECT gkick.enqueue('j', id => i::text) FROM generate_series(1, 1000) i")
    var ids: [String] = []
    while true {
      let items = try inbox.arrived(limit: 64)
      if items.isEmpty { break }
      #expect(items.count <= 64)
      ids += items.map(\.job.id)
      try take(items)
    }
    let all = (1...1000).map { String($0) }
    #expect(ids == all)
  }

  /// Statements are planned once, while the table is empty. What was taken leaves dead entries at the beginning of the index of numbers, for as long as
  /// anybody's transaction stays open: whoever looks passes none of them.
  @Test func aLookGoesByTransactionsNotFromTheBeginning() throws {
    let programs = try #require(inbox as? PostgresInbox)
    let link = PostgresLink(try PostgresLocation(harness.process.url), PostgresOptions())
    let plan = try link.with { (connection) throws(PostgresFailure) in
      try connection.script(
        "SELECT set_config('gkick_inbox.mark', '1', false); PREPARE look (bigint, text[], int, text) AS \(programs.rows.text)"
      )
      let found = try connection.script("EXPLAIN EXECUTE look(1, '{}', 1, '1')")
      return (0..<(found?.rows ?? 0)).map { found?.string($0, 0) ?? "" }
    }
    let conditions = plan.filter { $0.contains("Index Cond: ") }
    #expect(conditions.count == 3 && conditions.filter { $0.contains("xid") }.count == 2, "\(plan)")
  }

  @Test func refusalsAreSeen() throws {
    try ask("SELECT gkick.enqueue('bad', id => 'x', queue => 'q'), gkick.enqueue('good', id => 'y')")
    let items = try inbox.arrived(limit: 10)
    try take(items, refusing: [items[0].number])
    #expect(
      try ask("SELECT id, queue, name, reason, existing_id IS NULL FROM gkick.intake_refused")
        == "x|q|bad|no such job|t")
    _ = try scene.storage.tidy(now: scene.now + .days(400))
    #expect(try ask("SELECT count(*) FROM gkick.intake_refused") == "0")
  }

  @Test func producersNeedNoOtherRights() throws {
    let role = "producer_\(harness.process.port)_" + harness.schema.filter(\.isNumber)
    try ask("CREATE ROLE \(role) LOGIN; GRANT USAGE ON SCHEMA \(harness.quoted) TO \(role)")
    try ask("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA \(harness.quoted) FROM PUBLIC")
    #expect(throws: (any Error).self) { try harness.process.ask(sql("SELECT gkick.enqueue('a')"), user: role) }
    try ask("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA \(harness.quoted) TO \(role)")
    _ = try harness.process.ask(sql("SELECT gkick.enqueue('a', priority => 3, timeout => '1 s')"), user: role)
    _ = try harness.process.ask(sql(#"SELECT gkick.enqueue_many('[{"name": "b"}]')"#), user: role)
    #expect(try inbox.arrived(limit: 10).map(\.job.name) == ["a", "b"])
    for forbidden in [
      "SELECT * FROM gkick.job", "INSERT INTO gkick.inbox DEFAULT VALUES", "SELECT gkick.seek('x', 1, 1)",
    ] {
      #expect(throws: (any Error).self) { try harness.process.ask(sql(forbidden), user: role) }
    }
    try ask("DROP OWNED BY \(role); DROP ROLE \(role)")
  }

  @Test func aTriggerMayEnqueue() throws {
    try ask(
      """
      CREATE TABLE gkick.orders (n int);
      CREATE FUNCTION gkick.order_made() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM gkick.enqueue(name => 'order', payload => jsonb_build_object('n', NEW.n)); RETURN NEW; END $$;
      CREATE TRIGGER t AFTER INSERT ON gkick.orders FOR EACH ROW EXECUTE FUNCTION gkick.order_made();
      INSERT INTO gkick.orders SELECT generate_series(1, 5)
      """)
    let payloads = try inbox.arrived(limit: 10).map { String(decoding: $0.payload, as: UTF8.self) }
    #expect(payloads == (1...5).map { "{\"n\": \($0)}" })
  }

  @Test func aCommitEndsTheWait() throws {
    // Until it relies on notifications.
    for _ in 0..<3 {
      _ = try inbox.arrived(limit: 10)
      if (inbox as? PostgresInbox)?.watch.isRelying == true { break }
      try inbox.wait()
    }
    // The shortest of several: on a busy machine each may take long for other reasons.
    let waits = try (1...5).map { _ in
      try ask("SELECT gkick.enqueue('a')")
      let started = ContinuousClock.now
      try inbox.wait()
      let waited = ContinuousClock.now - started
      #expect(try inbox.arrived(limit: 10).count == 1)
      return waited
    }
    #expect(try #require(waits.min()) < .milliseconds(500), "a notification, not the poll of a second")
    inbox.end()
    let afterEnd = try (1...5).map { _ in
      let started = ContinuousClock.now
      try inbox.wait()
      return ContinuousClock.now - started
    }
    #expect(try #require(afterEnd.min()) < .milliseconds(500))
  }
}
