import Backlog
import Jobs
import Support
import Testing

struct LimitTests {
  private func keyed(_ key: String, fairness: String = "") -> JobOptions {
    JobOptions(concurrencyKey: key, fairnessKey: fairness)
  }

  @Test func aKeyIsHeldBackAndOthersRun() throws {
    let rig = try FlowRig()
    rig.backlog.putLimit(Limit(.key("t"), maxRunning: 2), now: rig.now)
    for index in 0..<5 { try rig.enqueue("t\(index)", keyed("t")) }
    try rig.enqueue("free")
    let first = try rig.claim(5)
    #expect(first.map(\.job.id) == ["t0", "t1", "free"])
    #expect(try rig.claim(5).isEmpty)
    // The transition that ends a job frees its place.
    try rig.end([first[0]])
    #expect(try rig.claim(5).map(\.job.id) == ["t2"])
    // So does a lease's.
    try rig.end([first[1]], .lost)
    #expect(try rig.claim(5).map(\.job.id) == ["t1"])
    let usage = rig.backlog.limits(after: nil, limit: 10, now: rig.now).limits[0].usage
    #expect(usage.running == 2 && usage.waiting == 2 && usage.heldBack == 2)
  }

  @Test func noSlotLeaksInACrash() throws {
    let rig = try FlowRig()
    rig.backlog.putLimit(Limit(.keyPrefix("t"), maxRunning: 1), now: rig.now)
    for index in 0..<3 { try rig.enqueue("a\(index)", keyed("ta")) }
    for index in 0..<3 { try rig.enqueue("b\(index)", keyed("tb")) }
    #expect(try rig.claim(6).map(\.job.id) == ["a0", "b0"])
    try rig.restart()
    #expect(try rig.claim(6).isEmpty)
    rig.now = rig.now + .seconds(31)
    #expect(try rig.backlog.reclaim(now: rig.now, limit: 10).count == 2)
    #expect(try rig.claim(6).map(\.job.id) == ["a0", "b0"])
  }

  /// What is to be read is rehearsed, with limits counted; a queue all of whose jobs a limit would hold back then is there all the same.
  @Test func aQueueIsNotForgottenForAKeyThatIsHeldBackInARehearsal() throws {
    let rig = try FlowRig()
    rig.backlog.putLimit(Limit(.key("t"), maxRunning: 1), now: rig.now)
    try rig.enqueue("a", queue: "mail.a", keyed("t"))
    try rig.enqueue("b", queue: "mail.b", keyed("t"))
    try rig.restart()
    for id in ["a", "b"] {
      let claimed = try rig.claim(2, queues: ["mail.*"])
      #expect(claimed.map(\.job.id) == [id])
      try rig.end(claimed)
    }
  }

  @Test func severalMustAllLetItStart() throws {
    let rig = try FlowRig()
    rig.backlog.putLimit(Limit(.queue("q"), maxRunning: 3), now: rig.now)
    rig.backlog.putLimit(Limit(.key("t1"), maxRunning: 2), now: rig.now)
    rig.backlog.putLimit(Limit(.keyPrefix("t"), maxRunning: 1), now: rig.now)
    for index in 0..<3 { try rig.enqueue("a\(index)", keyed("t1")) }
    for index in 0..<5 { try rig.enqueue("b\(index)") }
    let claimed = try rig.claim(10)
    #expect(claimed.map(\.job.id) == ["a0", "b0", "b1"])
    // Live changes: up lets more start, down stops nothing.
    rig.backlog.putLimit(Limit(.queue("q"), maxRunning: 5), now: rig.now)
    #expect(try rig.claim(10).map(\.job.id) == ["b2", "b3"])
    rig.backlog.putLimit(Limit(.queue("q"), maxRunning: 1), now: rig.now)
    try rig.end(claimed)
    #expect(try rig.claim(10).isEmpty)
    #expect(rig.backlog.deleteLimit(.queue("q"), now: rig.now))
    #expect(!rig.backlog.deleteLimit(.queue("q"), now: rig.now))
    #expect(try rig.claim(10).map(\.job.id) == ["a1", "b4"])
  }

  @Test func aRateHoldsOverARestart() throws {
    let rig = try FlowRig()
    rig.backlog.putLimit(Limit(.key("r"), rate: Limit.Rate(count: 3, period: .seconds(10))), now: rig.now)
    for index in 0..<10 { try rig.enqueue("r\(index)", keyed("r")) }
    let claimed = try rig.claim(10)
    #expect(claimed.count == 3)
    try rig.end(claimed)
    #expect(try rig.claim(10).isEmpty)
    try rig.restart(after: .seconds(4))
    #expect(try rig.claim(10).isEmpty)
    let due = try #require(rig.backlog.nextDue(now: rig.now))
    #expect(due <= rig.now.elapsed + .seconds(6) + .milliseconds(1))
    try rig.pass(.seconds(6))
    #expect(try rig.claim(10).isEmpty)
    try rig.pass(.milliseconds(1))
    #expect(rig.backlog.takeReadied().reduce(0) { $0 + $1.count } > 0)
    #expect(try rig.claim(10).count == 3)
  }

  @Test func tooManyWaiting() throws {
    let rig = try FlowRig()
    rig.backlog.putLimit(Limit(.queue("q"), maxWaiting: 2), now: rig.now)
    try rig.enqueue("a")
    try rig.enqueue("b", runAt: rig.now.wall + .hours(1))
    guard case .refused(.tooManyWaiting(.queue("q"), _)) = try rig.enqueue("c") else {
      Issue.record("not refused")
      return
    }
    // A duplicate is not.
    guard case .duplicate = try rig.enqueue("a") else {
      Issue.record("no duplicate")
      return
    }
    _ = try rig.claim()
    guard case .stored = try rig.enqueue("c") else {
      Issue.record("refused")
      return
    }
    let all = try rig.enqueue(
      [NewJob(id: "x", queue: "other", name: "n"), NewJob(id: "y", queue: "q", name: "n")], allOrNothing: true)
    #expect(all[0] == .withdrawn)
    #expect(try rig.state("x") == nil)
  }

  @Test func tenantsTakeTurns() throws {
    let rig = try FlowRig()
    try rig.enqueue(
      (0..<1_000).map { NewJob(id: "big\($0)", queue: "q", name: "n", options: keyed("", fairness: "big")) })
    try rig.enqueue("small0", keyed("", fairness: "small"))
    try rig.enqueue("none0")
    #expect(try rig.claim(6).map(\.job.id) == ["big0", "small0", "none0", "big1", "big2", "big3"])
    try rig.enqueue("small1", keyed("", fairness: "small"))
    #expect(try rig.claim(2).map(\.job.id).contains("small1"))
    // Priority comes before turns.
    try rig.enqueue([NewJob(id: "urgent", queue: "q", name: "n", priority: 1, options: keyed("", fairness: "big"))])
    #expect(try rig.claim(1).map(\.job.id) == ["urgent"])
  }

  /// Against a plain list: no limit is passed, and no free slot stays empty while something may run. With crashes.
  @Test(arguments: 0..<12)
  func randomLoad(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed) &+ 77)
    let rig = try FlowRig()
    let keys = ["", "a", "b", "c1", "c2"]
    let queues = ["q", "p"]
    var running: [String: ClaimedJob] = [:]
    var limits: [Limit.Scope: Int] = [:]
    var started: [String: [Timestamp]] = [:]
    rig.backlog.putLimit(Limit(.key("b"), rate: Limit.Rate(count: 4, period: .seconds(5))), now: rig.now)
    for step in 0..<400 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0...3:
        try rig.enqueue(
          (0..<Int.random(in: 1...5, using: &random)).map { index in
            NewJob(
              id: "j\(step)-\(index)", queue: queues.randomElement(using: &random) ?? "q",
              name: ["n", "m"].randomElement(using: &random) ?? "n", priority: Int8.random(in: 0...1, using: &random),
              options: keyed(
                keys.randomElement(using: &random) ?? "", fairness: ["", "x", "y"].randomElement(using: &random) ?? ""))
          })
      case 4, 5:
        for claimed in try rig.claim(Int.random(in: 1...6, using: &random), queues: random.chance(50) ? ["*"] : queues)
        {
          running[claimed.job.id] = claimed
          started[claimed.job.options.concurrencyKey, default: []].append(rig.now.wall)
        }
      case 6:
        for id in running.keys.sorted() where random.chance(60) {
          guard let claimed = running.removeValue(forKey: id) else { continue }
          switch Int.random(in: 0..<4, using: &random) {
          case 0: try rig.end([claimed], .failed(Failure(type: "f", message: "m"), draw: 0.5))
          case 1: try rig.end([claimed], .released(delay: nil))
          default: try rig.end([claimed])
          }
        }
      case 7:
        let scope: Limit.Scope =
          [.queue("q"), .key("a"), .keyPrefix("c"), .keyPrefix("")].randomElement(using: &random) ?? .key("a")
        if random.chance(70) {
          let most = Int.random(in: 1...4, using: &random)
          rig.backlog.putLimit(Limit(scope, maxRunning: UInt32(most)), now: rig.now)
          limits[scope] = most
        } else {
          _ = rig.backlog.deleteLimit(scope, now: rig.now)
          limits[scope] = nil
        }
        try rig.tick()
      case 8: try rig.pass(.milliseconds(Int64.random(in: 1...2_000, using: &random)))
      default: if random.chance(30) { try rig.restart() }
      }
    }
    // No claim may go past a limit, and one that is given nothing had nothing to give.
    for (key, times) in started where key == "b" {
      for index in times.indices.dropFirst(4) { #expect(times[index] - times[index - 4] > .seconds(5)) }
    }
    for _ in 0..<3 {
      let counts = running.values.reduce(into: [String: Int]()) { $0[$1.job.options.concurrencyKey, default: 0] += 1 }
      let inQueue = running.values.reduce(into: [String: Int]()) { $0[$1.job.queue, default: 0] += 1 }
      func mayStart(_ job: JobRecord) -> Bool {
        let key = job.job.options.concurrencyKey
        return limits.allSatisfy { scope, most in
          switch scope {
          case .queue(let name): job.job.queue != name || inQueue[name] ?? 0 < most
          case .key(let name): key != name || counts[name] ?? 0 < most
          case .keyPrefix(let prefix): key.isEmpty || !key.hasPrefix(prefix) || counts[key] ?? 0 < most
          }
        }
      }
      let ready = try rig.all().filter { $0.state == .ready && $0.job.options.concurrencyKey != "b" && mayStart($0) }
      let claimed = try rig.claim(1, queues: ["*"])
      if claimed.isEmpty { #expect(ready.isEmpty, "seed \(seed)") }
      for job in claimed {
        if job.job.options.concurrencyKey != "b" { #expect(ready.contains { $0.job.id == job.job.id }, "seed \(seed)") }
        running[job.job.id] = job
      }
    }
  }
}
