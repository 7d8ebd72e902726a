import Glibc
import Jobs
import Logging

/// Writes each message as one line to standard error, whole lines at a time.
struct ServerLog: LogHandler {
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  let format: LogFormat

  init(format: LogFormat, level: Logger.Level) {
    self.format = format
    logLevel = level
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let merged = event.metadata.map { metadata.merging($0) { _, new in new } } ?? metadata
    let line = Self.line(
      format: format, time: TimestampText.text(.now), level: event.level, message: "\(event.message)",
      metadata: merged.map { ($0.key, "\($0.value)") }.sorted { $0.0 < $1.0 })
    Self.write(line)
  }

  static func line(
    format: LogFormat, time: String, level: Logger.Level, message: String, metadata: [(String, String)]
  ) -> String {
    switch format {
    case .text:
      var line = "\(time) \(level.rawValue.uppercased()) \(escape(message, quotes: false))"
      for (key, value) in metadata {
        let plain = !value.isEmpty && !value.contains { $0 == " " || $0 == "\"" || $0 == "=" }
        line += plain ? " \(key)=\(escape(value, quotes: false))" : " \(key)=\"\(escape(value, quotes: true))\""
      }
      return line + "\n"
    case .json:
      var line =
        "{\"time\":\"\(time)\",\"level\":\"\(level.rawValue)\",\"message\":\"\(escape(message, quotes: true))\""
      for (key, value) in metadata { line += ",\"\(escape(key, quotes: true))\":\"\(escape(value, quotes: true))\"" }
      return line + "}\n"
    }
  }

  /// What a peer sent may be in a message: no control character may break the line or the JSON.
  private static func escape(_ text: String, quotes: Bool) -> String {
    var safe = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": safe += "\\n"
      case "\r": safe += "\\r"
      case "\t": safe += "\\t"
      case "\"" where quotes: safe += "\\\""
      case "\\" where quotes: safe += "\\\\"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        safe += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: safe.unicodeScalars.append(scalar)
      }
    }
    return safe
  }

  /// One write per line, so that lines of several threads do not mix. A closed or full standard error loses the line:
  /// there is nowhere left to say so.
  static func write(_ line: String) { write(Array(line.utf8)) }

  static func write(_ line: [UInt8]) {
    unsafe line.withUnsafeBytes { bytes in
      // The buffer lives until the closure returns.
      _ = unsafe Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
    }
  }
}
