/// Reads TZif (RFC 8536), versions 1 to 4. Whatever the bytes are, nothing worse happens than nil.
extension TimeZoneRules {
  public convenience init?(name: String, file bytes: [UInt8]) {
    guard let head = Head(bytes, at: 0) else { return nil }
    if head.version < UInt8(ascii: "2") {
      guard let body = Body(bytes, head, at: Head.size, wide: false) else { return nil }
      self.init(name: name, first: body.first, changes: body.changes, offsets: body.offsets, rule: nil)
      return
    }
    // From version 2 on the same follows again with times of 64 bits, and a rule for the time after it.
    let second = Head.size + head.bodySize(wide: false)
    guard let head = Head(bytes, at: second),
      let body = Body(bytes, head, at: second + Head.size, wide: true)
    else { return nil }
    let footer = second + Head.size + head.bodySize(wide: true)
    guard footer < bytes.count, bytes[footer] == UInt8(ascii: "\n"),
      let end = bytes[(footer + 1)...].firstIndex(of: UInt8(ascii: "\n"))
    else { return nil }
    let text = bytes[(footer + 1)..<end]
    var rule: TimeZoneRule?
    if !text.isEmpty {
      guard let read = TimeZoneRule(text) else { return nil }
      rule = read
    }
    self.init(name: name, first: body.first, changes: body.changes, offsets: body.offsets, rule: rule)
  }

  private struct Head {
    static let size = 44
    var version: UInt8
    var counts: [Int] = []

    init?(_ bytes: [UInt8], at start: Int) {
      guard bytes.count >= start + Self.size, Array(bytes[start..<start + 4]) == Array("TZif".utf8) else { return nil }
      version = bytes[start + 4]
      // isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt
      for index in 0..<6 {
        guard let count = bytes.number(at: start + 20 + 4 * index, size: 4), (0...100_000).contains(count) else {
          return nil
        }
        counts.append(count)
      }
      // Files with leap seconds (those under right/) count another time than clocks do.
      guard counts[4] > 0, counts[2] == 0 else { return nil }
    }

    var times: Int { counts[3] }
    var types: Int { counts[4] }

    func bodySize(wide: Bool) -> Int {
      let time = wide ? 8 : 4
      return times * time + times + types * 6 + counts[5] + counts[2] * (time + 4) + counts[1] + counts[0]
    }
  }

  private struct Body {
    var first = 0
    var changes: [Int] = []
    var offsets: [Int32] = []

    init?(_ bytes: [UInt8], _ head: Head, at start: Int, wide: Bool) {
      let size = wide ? 8 : 4
      let kinds = start + head.times * size
      let types = kinds + head.times
      guard bytes.count >= start + head.bodySize(wide: wide) else { return nil }
      func offset(_ type: Int) -> Int? {
        guard type < head.types, let offset = bytes.number(at: types + 6 * type, size: 4),
          (-93_599...93_599).contains(offset)
        else { return nil }
        return offset
      }
      guard let zero = offset(0) else { return nil }
      first = zero
      for index in 0..<head.times {
        guard let time = bytes.number(at: start + size * index, size: size), time > changes.last ?? .min,
          let offset = offset(Int(bytes[kinds + index]))
        else { return nil }
        changes.append(time)
        offsets.append(Int32(offset))
      }
    }
  }
}

extension [UInt8] {
  /// A big-endian, signed number.
  fileprivate func number(at start: Int, size: Int) -> Int? {
    guard start >= 0, start + size <= count else { return nil }
    var value = Int(Int8(bitPattern: self[start]))
    for index in 1..<size { value = value << 8 | Int(self[start + index]) }
    return value
  }
}

extension TimeZoneRule {
  /// Reads a POSIX TZ string, e.g. "CET-1CEST,M3.5.0,M10.5.0/3".
  init?(_ text: ArraySlice<UInt8>) {
    var reader = RuleReader(rest: text)
    guard reader.skipName(), let standard = reader.time() else { return nil }
    // What POSIX writes is what is added to local time.
    self.init(standard: -standard, daylight: -standard, begin: nil, end: nil)
    if reader.isAtEnd { return }
    guard reader.skipName() else { return nil }
    daylight = self.standard + 3_600
    if !reader.isAtEnd, !reader.isAt(",") {
      guard let offset = reader.time() else { return nil }
      daylight = -offset
    }
    guard let begin = reader.change(), let end = reader.change(), reader.isAtEnd else { return nil }
    self.begin = begin
    self.end = end
  }

  private struct RuleReader {
    var rest: ArraySlice<UInt8>

    var isAtEnd: Bool { rest.isEmpty }
    func isAt(_ character: Unicode.Scalar) -> Bool { rest.first == UInt8(ascii: character) }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
      guard isAt(character) else { return false }
      rest.removeFirst()
      return true
    }

    mutating func skipName() -> Bool {
      if take("<") {
        guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
        rest = rest[(end + 1)...]
        return true
      }
      let name = rest.prefix { byte in
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
      }
      rest = rest[name.endIndex...]
      return name.count >= 3
    }

    mutating func number(most: Int) -> Int? {
      var value = 0
      var digits = 0
      while let byte = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), digits < 4 {
        value = value * 10 + Int(byte - UInt8(ascii: "0"))
        digits += 1
        rest.removeFirst()
      }
      return digits > 0 && value <= most ? value : nil
    }

    /// [+-]hh[:mm[:ss]], in seconds.
    mutating func time() -> Int? {
      let isNegative = take("-")
      if !isNegative { _ = take("+") }
      guard var seconds = number(most: 167).map({ $0 * 3_600 }) else { return nil }
      if take(":") {
        guard let minutes = number(most: 59) else { return nil }
        seconds += minutes * 60
        if take(":") {
          guard let more = number(most: 59) else { return nil }
          seconds += more
        }
      }
      return isNegative ? -seconds : seconds
    }

    mutating func change() -> Change? {
      guard take(",") else { return nil }
      var change = Change(day: .ordinal(0), time: 7_200)
      if take("M") {
        guard let month = number(most: 12), month > 0, take("."), let week = number(most: 5), week > 0, take("."),
          let day = number(most: 6)
        else { return nil }
        change.day = .weekday(month: month, week: week, day: day)
      } else if take("J") {
        guard let day = number(most: 365), day > 0 else { return nil }
        change.day = .julian(day)
      } else {
        guard let day = number(most: 365) else { return nil }
        change.day = .ordinal(day)
      }
      if take("/") {
        guard let time = time() else { return nil }
        change.time = time
      }
      return change
    }
  }
}
