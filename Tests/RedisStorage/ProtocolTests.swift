import Jobs
import Testing

@testable import RedisStorage

@Suite struct RedisProtocolTests {
  private func parse(_ bytes: [UInt8], step: Int, maxBytes: Int = 1 << 20, maxValues: Int = 1000) throws -> [RedisReply]
  {
    let parser = try #require(ReplyParser(maxBytes: maxBytes, maxValues: maxValues))
    var replies: [RedisReply] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = Array(rest.prefix(step))
      rest = rest.dropFirst(part.count)
      try parser.feed(part, count: part.count)
      while let reply = try parser.next() { replies.append(reply) }
    }
    return replies
  }

  @Test func repliesAreTheSameHoweverTheyAreCut() throws {
    let bytes = Array("*5\r\n$3\r\na\r\n\r\n:-7\r\n$-1\r\n+OK\r\n*2\r\n$0\r\n\r\n*0\r\n-ERR no\r\n".utf8)
    for step in 1...bytes.count {
      let replies = try parse(bytes, step: step)
      try #require(replies.count == 2)
      var first = replies[0]
      #expect(try first.array() == 5)
      #expect(try first.string() == "a\r\n")
      #expect(try first.integer() == -7)
      #expect(try first.next() == .null)
      #expect(try first.string() == "OK")
      #expect(try first.array() == 2)
      #expect(try first.string().isEmpty)
      #expect(try first.array() == 0)
      #expect(first.isAtEnd)
      #expect(replies[1].errorText == "ERR no")
    }
  }

  @Test(arguments: [
    "*1001\r\n", "*2147483647\r\n", "*99999999999\r\n", "?what\r\n", "*-5\r\n", ":x\r\n",
    String(repeating: "*1\r\n", count: 20),
  ])
  func whatIsTooLargeTooDeepOrWrongIsRefused(_ text: String) throws {
    #expect(throws: RedisFailure.self) {
      let replies = try parse(Array(text.utf8), step: 4096)
      // Redis never says these; hiredis takes a wrong number for zero.
      if text == ":x\r\n", replies.count == 1 { throw RedisFailure.protocolError("taken for a number") }
    }
  }

  @Test func aStringLargerThanTheLimitIsRefusedBeforeItIsWhole() throws {
    #expect(throws: RedisFailure.self) {
      _ = try parse(Array("$100000\r\n".utf8) + [UInt8](repeating: 65, count: 5000), step: 1000, maxBytes: 4000)
    }
  }

  @Test func commandsAreFormatted() throws {
    var command = RedisCommand("SET", "", "ü")
    command.add([0, 13, 10])
    command.add(Int64.min)
    command.add(0)
    let bytes = try command.withFormatted { (span: RawSpan) throws(RedisFailure) in
      span.withUnsafeBytes { Array($0) }
    }
    let expected =
      Array("*6\r\n$3\r\nSET\r\n$0\r\n\r\n$2\r\nü\r\n$3\r\n".utf8) + [0, 13, 10]
      + Array("\r\n$20\r\n-9223372036854775808\r\n$1\r\n0\r\n".utf8)
    #expect(bytes == expected)
  }

  @Test func urlsAreRead() throws {
    let plain = try #require(RedisURL("redis://localhost"))
    #expect(plain.place == .tcp(RedisEndpoint(host: "localhost", port: 6379)))
    let full = try #require(RedisURL("rediss://me:p%40ss%3A@[::1]:7000/5"))
    #expect(full.isTLS && full.user == "me" && full.password == "p@ss:" && full.database == 5)
    #expect(full.place == .tcp(RedisEndpoint(host: "::1", port: 7000)))
    #expect(!full.description.contains("p@ss") && !full.description.contains("me"))
    let sentinel = try #require(RedisURL("redis+sentinel://:pw@a,b:1,c/name/2"))
    #expect(
      sentinel.place
        == .sentinel(
          [
            RedisEndpoint(host: "a", port: 26379), RedisEndpoint(host: "b", port: 1),
            RedisEndpoint(host: "c", port: 26379),
          ], name: "name"))
    #expect(sentinel.password == "pw" && sentinel.database == 2)
    #expect(RedisURL("redis+unix:///run/redis.sock?db=4")?.place == .unix(path: "/run/redis.sock"))
    for wrong in [
      "", "redis:", "redis://", "http://a", "redis://a:0", "redis://a:x", "redis://a/b", "redis://a,b", "redis://a/1/2",
      "redis+sentinel://a", "redis+sentinel://a/", "redis+unix://x", "redis://%zz@a", "redis+unix:///s?db=-1",
    ] {
      #expect(RedisURL(wrong) == nil, "\(wrong)")
    }
  }

  /// What comes of every beginning of stored bytes: a value or a failure, never a crash.
  private func cut(_ bytes: [UInt8], from least: Int, _ read: (inout PackedReader) throws -> Void) throws {
    var whole = PackedReader(bytes, bytes.indices)
    try read(&whole)
    for count in 0..<least {
      #expect(throws: RedisFailure.self) {
        var part = PackedReader(bytes, 0..<count)
        try read(&part)
      }
    }
  }

  @Test func storedValuesThatAreCutOffAreNoCrash() throws {
    let now = Timestamp(seconds: 3)
    let job = NewJob(
      id: "AB", queue: "q", name: "n", runAt: now + .seconds(1),
      options: JobOptions(
        retry: RetryPolicy(maxAttempts: 3), timeout: .seconds(1), startBefore: Timestamp(seconds: 5),
        unique: Uniqueness(key: "k"), concurrencyKey: "c", batchID: "b", dependsOn: ["x"], recurringJobID: "r"))
    var head: [UInt8] = []
    HeadCodec.put(JobHead(seq: 1, job: job, isChosen: true, createdAt: now), body: [1, 2, 3], into: &head)
    try cut(head, from: head.count - 3) { reader in
      var texts = Texts()
      _ = try HeadCodec.head(&reader, seq: 1, salt: 1, &texts)
    }
    var standing = JobStanding(state: .running, runAt: now)
    standing.startedAt = now
    standing.token = 7
    standing.deadline = now
    standing.resumeWindow = .seconds(9)
    standing.workerID = "w"
    var stands: [UInt8] = []
    StandingCodec.put(standing, into: &stands)
    try cut(stands, from: stands.count - 1) { reader in _ = try StandingCodec.read(&reader) }
    let failure = Failure(type: "t", message: "m", backtrace: "b", at: now, attempt: 1, workerID: "w")
    var carried: [UInt8] = []
    CarriedCodec.put(JobCarried(result: [1], failures: [failure], cancelReason: "r"), into: &carried)
    try cut(Array(carried), from: 0) { reader in _ = try CarriedCodec.read(&reader) }
    for count in 1..<carried.count {
      #expect(throws: RedisFailure.self) {
        var part = PackedReader(carried, 0..<count)
        _ = try CarriedCodec.read(&part)
      }
    }
    let event = Event(cursor: 9, kind: .dead, at: now, jobID: "i", queue: "q", name: "n", detail: .failure(failure))
    var events: [UInt8] = []
    EventCodec.put([event, event], into: &events)
    for count in 0..<events.count {
      #expect(throws: RedisFailure.self) {
        var found: [Event] = []
        try EventCodec.read(PackedReader(events, 0..<count), last: 10, after: 0, into: &found)
      }
    }
  }

  @Test func bitsOfABlockAreWhatWasSet() throws {
    var bits = BlockBits()
    #expect(bits.isEmpty && bits.lows.isEmpty)
    for low in [0, 1, 63, 64, 200, 511] { bits[low] = true }
    var bytes: [UInt8] = []
    bits.put(into: &bytes)
    #expect(bytes.count == 64)
    #expect(try BlockBits(PackedReader(bytes, bytes.indices)) == bits)
    #expect(bits.lows == [0, 1, 63, 64, 200, 511])
    bits[63] = false
    #expect(!bits[63] && bits[64] && bits.lows.count == 5)
  }
}
