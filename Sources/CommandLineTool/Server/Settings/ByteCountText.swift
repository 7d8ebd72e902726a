/// Sizes as people write them: `65536`, `64KiB`, `1MiB`, `2GiB`, `1MB`.
enum ByteCountText {
  static let form = "a size such as 65536, 64KiB, 1MiB or 2GiB"

  /// nil: not of that form, or more than fits.
  static func parse(_ text: String) -> Int64? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let count = Int64(digits), let unit = bytes(of: text.dropFirst(digits.count)) else { return nil }
    let (size, tooMuch) = count.multipliedReportingOverflow(by: unit)
    return tooMuch ? nil : size
  }

  private static func bytes(of unit: Substring) -> Int64? {
    switch unit {
    case "", "B": 1
    case "KiB": 1 << 10
    case "MiB": 1 << 20
    case "GiB": 1 << 30
    case "TiB": 1 << 40
    case "KB": 1_000
    case "MB": 1_000_000
    case "GB": 1_000_000_000
    default: nil
    }
  }
}
