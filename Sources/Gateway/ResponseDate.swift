import Glibc
import Synchronization

/// The `date` of answers (RFC 9110, section 6.6.1), written once a second.
enum ResponseDate {
  private static let last = Mutex<(second: Int, text: String)>((-1, ""))
  private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

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
    let (day, time) = (second / 86_400, second % 86_400)
    // Years that begin with March, so that the leap day is a year's last; from 1 March 0000.
    let shifted = day + 719_468
    let era = shifted / 146_097
    let ofEra = shifted % 146_097
    let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
    let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * ofYear + 2) / 153
    let year = era * 400 + yearOfEra + (month < 10 ? 0 : 1)
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(days[(day + 4) % 7]), \(two(ofYear - (153 * month + 2) / 5 + 1)) \(months[(month + 2) % 12]) \(year) "
      + "\(two(time / 3_600)):\(two(time / 60 % 60)):\(two(time % 60)) GMT"
  }
}
