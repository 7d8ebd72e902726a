import Jobs
import Testing

@testable import RedisStore

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

  @Test func storedValuesThatAreCutOffAreNoCrash() throws {
    var bytes: [UInt8] = [2, 65, 66]
    let job = NewJob(
      id: "AB", queue: "q", name: "n",
      options: JobOptions(
        retry: RetryPolicy(maxAttempts: 3), timeout: .seconds(1), startBefore: Timestamp(seconds: 5),
        unique: Uniqueness(key: "k"), concurrencyKey: "c", batchID: "b"), payloadSize: 3, body: [1, 2, 3])
    StoredRecord.put(job, runAt: Timestamp(seconds: 4), now: Timestamp(seconds: 3), into: &bytes)
    let whole = try StoredRecord(PackedReader(bytes, bytes.indices), dropsStartBefore: false)
    #expect(whole.job.body == [1, 2, 3] && whole.job.options.unique == job.options.unique)
    for count in 0..<bytes.count - 3 {
      #expect(throws: RedisFailure.self) {
        _ = try StoredRecord(PackedReader(bytes, 0..<count), dropsStartBefore: false)
      }
      #expect(throws: RedisFailure.self) { _ = try StoredState(PackedReader(bytes, 0..<count)) }
    }
  }

  @Test func tokensAreNeverGivenTwice() {
    var source = TokenSource(epoch: 3)
    var seen: Set<[UInt8]> = []
    for _ in 0..<40 {
      let (epoch, first) = source.take(1 << 20)
      #expect(epoch.count == 5)
      #expect(first + (1 << 20) <= 1 << 24)
      #expect(seen.insert(epoch + [UInt8(first >> 20)]).inserted)
    }
  }
}
