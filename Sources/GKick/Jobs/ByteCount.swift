/// Sizes for people.
package enum ByteCount {
  /// "512 bytes", "1.5 KiB", "8 MiB": at most one place after the point.
  package static func text(_ bytes: Int) -> String {
    guard bytes >= 1024 else { return bytes == 1 ? "1 byte" : "\(bytes) bytes" }
    var size = Double(bytes) / 1024
    for unit in ["KiB", "MiB", "GiB"] {
      if size < 1023.95 || unit == "GiB" {
        let tenths = Int((size * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
      }
      size /= 1024
    }
    return "\(bytes) bytes"
  }
}
