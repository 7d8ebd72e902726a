import Crypto

/// A bearer token as it is kept: never itself, only what SHA-256 makes of it. It is random, so that nothing slower is needed.
public struct TokenHash: Hashable, Sendable {
  public let bytes: [UInt8]

  public init(of token: some Collection<UInt8>) { bytes = Array(SHA256.hash(data: Array(token))) }

  /// 64 hexadecimal digits.
  public init?(hex: String) {
    let digits = Array(hex.utf8)
    guard digits.count == 2 * SHA256.byteCount else { return nil }
    var bytes: [UInt8] = []
    for place in stride(from: 0, to: digits.count, by: 2) {
      guard let high = Self.value(digits[place]), let low = Self.value(digits[place + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    self.bytes = bytes
  }

  public var hex: String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }

  /// Compares in a time that does not tell how much of it was right.
  public func equals(_ other: TokenHash) -> Bool { Bytes.equal(bytes, other.bytes) }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

public enum Token {
  /// Says to people and to programs that look for lost secrets what it is.
  public static let prefix = "gkick_"

  /// No token is longer, in bytes.
  public static let maxBytes = 8 << 10

  /// Whether it looks like one that somebody else has signed: three parts with dots between them. gKick's own have none.
  public static func isSigned(_ token: ArraySlice<UInt8>) -> Bool {
    token.reduce(0) { $0 + ($1 == UInt8(ascii: ".") ? 1 : 0) } == 2
  }

  /// A new one of 256 random bits.
  public static func make(using random: inout some RandomNumberGenerator) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
    // 43 letters of 62: 256 bits.
    return prefix
      + String(decoding: (0..<43).map { _ in letters[Int.random(in: 0..<62, using: &random)] }, as: UTF8.self)
  }

  public static func make() -> String {
    var random = SystemRandomNumberGenerator()
    return make(using: &random)
  }
}

public enum Bytes {
  /// Whether both are the same, in a time that depends on their lengths only.
  public static func equal(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    var difference: UInt8 = 0
    for index in a.indices { difference |= a[index] ^ b[index] }
    return difference == 0
  }
}
