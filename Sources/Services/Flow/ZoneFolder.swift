import Glibc
public import Jobs
import Synchronization

/// The time zone database of this machine, or of a folder that was named: a TZif file per zone, read when it is first asked for and kept.
public final class ZoneFolder: TimeZoneSource {
  private static let usual = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo"]
  private static let largestFile = 1 << 20

  private let asked: String?
  private let path: String?
  private let known = Mutex<[String: TimeZoneRules]>([:])
  /// Names are asked for by anybody: no more are kept.
  private static let maxKept = 2_000

  /// - Parameter folder: nil: where systems have it.
  public init(_ folder: String?) {
    let candidates = folder.map { [$0] } ?? Self.usual
    path = candidates.first { candidate in
      ["Europe/London", "Etc/UTC", "UTC"].contains { Self.read(candidate + "/" + $0) != nil }
    }
    asked = folder
  }

  /// What is wrong, for people; nil: zones can be had.
  public var lack: String? {
    if path != nil { return nil }
    if let asked { return "\(asked) has no time zone data: only UTC is known" }
    return "this machine has no time zone data: only UTC is known; install tzdata or say --tzdata"
  }

  public func rules(_ name: String) -> TimeZoneRules? {
    if name.isEmpty || name == "UTC" || name == "Etc/UTC" { return UTCOnly().rules(name) }
    guard let path, TimeZoneRules.isName(name) else { return nil }
    if let rules = known.withLock({ $0[name] }) { return rules }
    guard let bytes = Self.read(path + "/" + name), let rules = TimeZoneRules(name: name, file: bytes) else {
      return nil
    }
    known.withLock { if $0.count < Self.maxKept { $0[name] = rules } }
    return rules
  }

  private static func read(_ path: String) -> [UInt8]? {
    guard let bytes = read(path, atMost: largestFile), bytes.starts(with: "TZif".utf8) else { return nil }
    return bytes
  }

  /// A whole file; nil: it cannot be read, or is larger.
  public static func read(_ path: String, atMost most: Int) -> [UInt8]? {
    guard let file = unsafe fopen(path, "rb") else { return nil }
    defer { _ = unsafe fclose(file) }
    var bytes = [UInt8](repeating: 0, count: most + 1)
    // Reads no more than there is room for.
    let count = unsafe bytes.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
    guard count <= most else { return nil }
    return Array(bytes.prefix(count))
  }
}
