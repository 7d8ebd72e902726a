public import Jobs

/// Somebody who may do something: a program, a team, a person.
public struct Principal: Hashable, Sendable {
  /// How somebody shows who they are.
  public enum Credential: Hashable, Sendable {
    case token(TokenHash)
    /// The subject of a TLS client certificate, or one of its names.
    case certificate(String)
  }

  public var name: String
  public var roles: RoleSet
  /// None: all queues.
  public var queues: [QueuePattern]
  public var credentials: [Credential]
  /// From then on it is nobody.
  public var expires: Timestamp?

  public init(
    name: String, roles: RoleSet, queues: [QueuePattern] = [], credentials: [Credential] = [],
    expires: Timestamp? = nil
  ) {
    self.name = name
    self.roles = roles
    self.queues = queues
    self.credentials = credentials
    self.expires = expires
  }

  /// 1 to 128 characters that a log, a header and a file can hold as they are.
  public static func isName(_ text: String) -> Bool {
    (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
  }

  /// A queue's name, or the beginning of one and `*`.
  public static func isPattern(_ text: String) -> Bool {
    let name = text.hasSuffix("*") ? text.dropLast() : Substring(text)
    guard name.utf8.count <= 128, !text.isEmpty else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"),
        UInt8(ascii: "-"):
        true
      default: false
      }
    }
  }

  /// As it stands in the file.
  public var entry: String {
    var lines = ["principal \(name)"]
    for role in roles.roles { lines.append("  role \(role.rawValue)") }
    for queue in queues { lines.append("  queue \(queue.word)") }
    for credential in credentials {
      switch credential {
      case .token(let hash): lines.append("  token-sha256 \(hash.hex)")
      case .certificate(let name): lines.append("  certificate \(name)")
      }
    }
    if let expires { lines.append("  expires \(UTCTime.text(expires))") }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension QueuePattern {
  /// As written: "mail", "mail*".
  public var word: String { isPrefix ? text + "*" : text }
}

/// Times as the file has them: 2027-01-31 or 2027-01-31T12:00:00Z.
enum UTCTime {
  static func read(_ text: String) -> Timestamp? {
    let bytes = Array(text.utf8)
    func number(_ range: Range<Int>) -> Int64? {
      guard range.upperBound <= bytes.count else { return nil }
      var value: Int64 = 0
      for byte in bytes[range] {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value = value * 10 + Int64(byte - UInt8(ascii: "0"))
      }
      return value
    }
    func isAt(_ place: Int, _ letter: Unicode.Scalar) -> Bool {
      place < bytes.count && bytes[place] == UInt8(ascii: letter)
    }
    guard let year = number(0..<4), isAt(4, "-"), let month = number(5..<7), isAt(7, "-"), let day = number(8..<10),
      year >= 1970, (1...12).contains(month), (1...lengthOfMonth(year, month)).contains(day)
    else { return nil }
    var seconds = days(year, month, day) * 86_400
    if bytes.count > 10 {
      guard bytes.count == 20, isAt(10, "T"), isAt(13, ":"), isAt(16, ":"), isAt(19, "Z"), let hour = number(11..<13),
        let minute = number(14..<16), let second = number(17..<19), hour < 24, minute < 60, second < 60
      else { return nil }
      seconds += hour * 3_600 + minute * 60 + second
    }
    return Timestamp(microseconds: seconds * 1_000_000)
  }

  static func text(_ time: Timestamp) -> String {
    let seconds = time.microseconds / 1_000_000
    var rest = seconds / 86_400
    var year: Int64 = 1970
    while rest >= lengthOfYear(year) {
      rest -= lengthOfYear(year)
      year += 1
    }
    var month: Int64 = 1
    while rest >= lengthOfMonth(year, month) {
      rest -= lengthOfMonth(year, month)
      month += 1
    }
    func two(_ number: Int64) -> String { (number < 10 ? "0" : "") + String(number) }
    let time = seconds % 86_400
    return "\(year)-\(two(month))-\(two(rest + 1))T\(two(time / 3_600)):\(two(time / 60 % 60)):\(two(time % 60))Z"
  }

  private static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  private static func lengthOfYear(_ year: Int64) -> Int64 { isLeap(year) ? 366 : 365 }

  private static func lengthOfMonth(_ year: Int64, _ month: Int64) -> Int64 {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    (1970..<year).reduce(0) { $0 + lengthOfYear($1) } + (1..<month).reduce(0) { $0 + lengthOfMonth(year, $1) } + day - 1
  }
}
