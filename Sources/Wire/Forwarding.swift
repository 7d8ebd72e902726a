public import Jobs
import Protobuf

// What a server that hands calls on must know of their messages, and the few that it changes. Everything else it passes on as bytes.

/// The right to run a job, as it is on the wire.
public struct ForwardedLease: Sendable {
  public var token: UInt64
  /// The message JobLease.
  public var bytes: [UInt8]

  public init(token: UInt64, bytes: [UInt8]) {
    self.token = token
    self.bytes = bytes
  }
}

/// What a worker says, in outline. Ranges are offsets in the message.
public struct WorkRequestOutline {
  public struct Outcome {
    public var token: UInt64
    public var range: Range<Int>
  }
  public private(set) var hello: Range<Int>?
  public private(set) var ackSeq: UInt64 = 0
  public private(set) var capacity: UInt32?
  public private(set) var outcomes: [Outcome] = []
  public private(set) var drain = false

  /// nil: no message. The server that is meant to read it says so.
  public init?(_ bytes: Span<UInt8>) {
    do {
      var reader = WireReader()
      while let field = try reader.next(in: bytes) {
        switch (field.number, field.value) {
        case (1, .bytes(let range)): hello = range
        case (2, .varint(let value)): ackSeq = value
        case (3, .bytes(let range)):
          capacity = UInt32(truncatingIfNeeded: try Scan.varint(1, in: bytes.extracting(range)) ?? 0)
        case (4, .bytes(let range)):
          let lease = try Scan.bytes(1, in: bytes.extracting(range))
          let token = try lease.flatMap { try Scan.varint(2, in: bytes.extracting(range).extracting($0)) }
          outcomes.append(Outcome(token: token ?? 0, range: range))
        case (6, .varint(let value)): drain = value != 0
        default: break
        }
      }
    } catch {
      return nil
    }
  }
}

/// What a server says to a worker, in outline.
public struct WorkResponseOutline {
  public private(set) var seq: UInt64 = 0
  public private(set) var welcome: Welcome?
  public private(set) var assigned: [ForwardedLease] = []
  public private(set) var results: [(token: UInt64, code: UInt64)] = []
  /// Tokens of leases that the worker has no more.
  public private(set) var lost: [UInt64] = []
  public private(set) var drain = false

  public struct Welcome {
    public var workerID = ""
    public var lost: [ForwardedLease] = []
  }

  public init?(_ bytes: Span<UInt8>) {
    do {
      var reader = WireReader()
      while let field = try reader.next(in: bytes) {
        switch (field.number, field.value) {
        case (1, .varint(let value)): seq = value
        case (2, .bytes(let range)): welcome = try Self.welcome(bytes.extracting(range))
        case (3, .bytes(let range)):
          let job = bytes.extracting(range)
          if let lease = try Scan.bytes(1, in: job) { assigned.append(try Scan.lease(job.extracting(lease))) }
        case (4, .bytes(let range)):
          let result = bytes.extracting(range)
          let lease = try Scan.bytes(1, in: result)
          let token = try lease.flatMap { try Scan.varint(2, in: result.extracting($0)) }
          results.append((token ?? 0, try Scan.varint(2, in: result) ?? 0))
        case (5, .bytes(let range)):
          let cancellation = bytes.extracting(range)
          guard let reason = try Scan.bytes(2, in: cancellation), let lease = try Scan.bytes(1, in: cancellation),
            WireReader.string(cancellation.extracting(reason)) == Self.leaseLost
          else { continue }
          lost.append(try Scan.varint(2, in: cancellation.extracting(lease)) ?? 0)
        case (6, .varint(let value)): drain = value != 0
        default: break
        }
      }
    } catch {
      return nil
    }
  }

  static let leaseLost = "lease lost"

  private static func welcome(_ bytes: Span<UInt8>) throws(WireReader.Malformed) -> Welcome {
    var welcome = Welcome()
    var reader = WireReader()
    while let field = try reader.next(in: bytes) {
      switch (field.number, field.value) {
      case (1, .bytes(let range)): welcome.workerID = WireReader.string(bytes.extracting(range)) ?? ""
      case (6, .bytes(let range)): welcome.lost.append(try Scan.lease(bytes.extracting(range)))
      default: break
      }
    }
    return welcome
  }
}

/// Messages that a server makes or changes on the way.
public enum Forwarding {
  /// A worker's first message on a new stream: its hello with what it holds now, its capacity, and outcomes nobody has answered.
  public static func resumption(
    hello: [UInt8], workerID: String, capacity: UInt32?, held: [ForwardedLease], outcomes: [[UInt8]], drain: Bool
  ) -> [UInt8] {
    var added = WireWriter()
    added.field(1, workerID)
    if let capacity { added.field(4, UInt64(capacity)) }
    for lease in held { added.field(8, lease.bytes) }
    var message = WireWriter()
    // Of singular fields the last counts.
    message.field(1, Scan.without(8, hello) + added.bytes)
    for outcome in outcomes { message.field(4, outcome) }
    if drain { message.field(6, 1) }
    return message.bytes
  }

  /// Fields of a message to a worker: it has lost these leases.
  public static func cancellations(_ lost: [ForwardedLease]) -> [UInt8] {
    var fields = WireWriter()
    for lease in lost {
      fields.message(5) { cancellation in
        cancellation.field(1, lease.bytes)
        cancellation.field(2, WorkResponseOutline.leaseLost)
      }
    }
    return fields.bytes
  }

  /// A message to a worker with another number; `dropping` leaves out one more field.
  public static func response(_ message: [UInt8], seq: UInt64, dropping field: Int? = nil) -> [UInt8] {
    var changed = WireWriter()
    changed.field(1, seq)
    let rest = Scan.without(1, message)
    return changed.bytes + (field.map { Scan.without($0, rest) } ?? rest)
  }

  /// A worker's message with another confirmation; 0: none.
  public static func request(_ message: [UInt8], ackSeq: UInt64) -> [UInt8] {
    var changed = WireWriter()
    if ackSeq > 0 { changed.field(2, ackSeq) }
    return Scan.without(2, message) + changed.bytes
  }

  /// The server goes away.
  public static func drain(seq: UInt64) -> [UInt8] {
    var message = WireWriter()
    message.field(1, seq)
    message.field(6, 1)
    return message.bytes
  }

  /// A worker takes no more jobs.
  public static let lastWords: [UInt8] = {
    var message = WireWriter()
    message.field(6, 1)
    return message.bytes
  }()

  /// Where a watcher has come to; nil: the message does not say.
  public static func cursor(of response: Span<UInt8>) -> String? {
    guard let range = try? Scan.bytes(2, in: response) else { return nil }
    return WireReader.string(response.extracting(range))
  }

  /// A watcher's request, to go on after `cursor`.
  public static func events(_ request: [UInt8], after cursor: String) -> [UInt8] {
    var changed = WireWriter()
    changed.field(1, cursor)
    return Scan.without(1, request) + changed.bytes
  }
}

private enum Scan {
  /// The last value of a field of the message.
  static func varint(_ number: Int, in bytes: Span<UInt8>) throws(WireReader.Malformed) -> UInt64? {
    var found: UInt64?
    var reader = WireReader()
    while let field = try reader.next(in: bytes) {
      if field.number == number, case .varint(let value) = field.value { found = value }
    }
    return found
  }

  static func bytes(_ number: Int, in bytes: Span<UInt8>) throws(WireReader.Malformed) -> Range<Int>? {
    var found: Range<Int>?
    var reader = WireReader()
    while let field = try reader.next(in: bytes) {
      if field.number == number, case .bytes(let range) = field.value { found = range }
    }
    return found
  }

  static func lease(_ bytes: Span<UInt8>) throws(WireReader.Malformed) -> ForwardedLease {
    var copy: [UInt8] = []
    copy.reserveCapacity(bytes.count)
    for index in bytes.indices { copy.append(bytes[index]) }
    return ForwardedLease(token: try varint(2, in: bytes) ?? 0, bytes: copy)
  }

  /// The message without one field; what cannot be read stays as it is.
  static func without(_ number: Int, _ message: [UInt8]) -> [UInt8] {
    var kept: [UInt8] = []
    kept.reserveCapacity(message.count)
    let bytes = message.span
    var reader = WireReader()
    var start = 0
    do {
      while let field = try reader.next(in: bytes) {
        if field.number != number { kept.append(contentsOf: message[start..<reader.place]) }
        start = reader.place
      }
    } catch {
      return message
    }
    return kept
  }
}

/// `gkick.v1.ListServersResponse`.
public enum ServerList {
  public static func encode(_ servers: [ServerRecord]) -> [UInt8] {
    var list = WireWriter()
    for server in servers {
      list.message(1) { message in
        message.field(1, server.id)
        if !server.address.isEmpty { message.field(2, server.address) }
        message.field(3, server.version)
        if server.leads { message.field(4, 1) }
        message.time(5, server.startedAt)
        message.time(6, server.lastSeenAt)
        if server.workers > 0 { message.field(7, UInt64(server.workers)) }
      }
    }
    return list.bytes
  }
}
