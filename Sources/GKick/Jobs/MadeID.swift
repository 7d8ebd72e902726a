#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
import Jobs

/// Ids as servers make them: UUIDs of version 7 (RFC 9562), which sort by time.
package enum MadeID {
  package static func make() -> String {
    let milliseconds = UInt64(max(0, Date().timestamp.microseconds) / 1_000)
    let high = milliseconds << 16 | 0x7000 | UInt64.random(in: 0...0xFFF)
    let low = 0x8000_0000_0000_0000 | UInt64.random(in: 0...0x3FFF_FFFF_FFFF_FFFF)
    let digits = [high, low].map { word in
      let text = String(word, radix: 16)
      return String(repeating: "0", count: 16 - text.count) + text
    }.joined()
    var out = ""
    for (place, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(place) { out += "-" }
      out.append(digit)
    }
    return out
  }
}
