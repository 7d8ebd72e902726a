import Glibc
import Synchronization

/// The `date` of answers (RFC 9110, section 6.6.1), written once a second.
enum ResponseDate {
  private static let last = Mutex<(second: Int, text: String)>((-1, ""))

  static var now: String {
    let second = time(nil)
    return last.withLock { last in
      if last.second != second { last = (second, text(second)) }
      return last.text
    }
  }

  /// "Sun, 06 Nov 1994 08:49:37 GMT"
  /// - Parameter second: since 1970.
  static func text(_ second: Int) -> String {
    var second = second
    var fields = unsafe tm()
    var text = [CChar](repeating: 0, count: 32)
    // Each fills what it is given, and no more of the text than is told. The names are those of the C locale, which nothing here leaves.
    _ = unsafe gmtime_r(&second, &fields)
    let count = unsafe strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &fields)
    return String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
