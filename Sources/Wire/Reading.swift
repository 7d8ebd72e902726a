import Jobs

/// Single fields, out of messages that `open` decoded. All pointers are into the arena, or protobuf-c's empty string.
extension Codec {
  /// The bytes of a string field, its true length included.
  func utf8(_ field: TextView) -> UnsafeBufferPointer<UInt8> {
    guard let field = unsafe field.pointer, unsafe field != arena.emptyString else {
      return unsafe UnsafeBufferPointer(start: nil, count: 0)
    }
    // protobuf-c allocated the string as its bytes and a NUL, see Arena.
    return unsafe UnsafeBufferPointer(
      start: UnsafeRawPointer(field).assumingMemoryBound(to: UInt8.self),
      count: arena.size(of: field) - 1)
  }

  func isEmpty(_ field: TextView) -> Bool { unsafe utf8(field).isEmpty }

  /// Any text of at most `max` bytes.
  func text(
    _ field: TextView, _ path: StaticString, max: Int
  ) throws(WireError) -> String {
    let bytes = unsafe utf8(field)
    if bytes.isEmpty { return "" }
    guard bytes.count <= max else { throw WireError(path, "at most \(max) bytes") }
    return unsafe try text(bytes, path)
  }

  /// Any bytes as a text: what is none, and NUL, becomes U+FFFD; what is longer than `max` bytes is cut, not inside a character.
  func cleaned(_ field: TextView, max: Int) -> String {
    let bytes = unsafe utf8(field)
    if bytes.isEmpty { return "" }
    var result = ""
    if bytes.count <= max, unsafe !bytes.contains(0) {
      result = unsafe String(decoding: bytes, as: UTF8.self)
    } else {
      // A few bytes more than are kept, so that a character at the border is whole.
      let kept = unsafe bytes.prefix(max + 4).map { $0 }
      result = String(decoding: kept, as: UTF8.self)
      if kept.contains(0) {
        result = String(String.UnicodeScalarView(result.unicodeScalars.map { $0.value == 0 ? "\u{FFFD}" : $0 }))
      }
    }
    guard result.utf8.count > max else { return result }
    let utf8 = result.utf8
    var end = utf8.index(utf8.startIndex, offsetBy: max)
    while end > utf8.startIndex, utf8[end] & 0xC0 == 0x80 { end = utf8.index(before: end) }
    return String(result.unicodeScalars[..<end])
  }

  private func text(_ bytes: UnsafeBufferPointer<UInt8>, _ path: StaticString) throws(WireError)
    -> String
  {
    guard unsafe !bytes.contains(0) else { throw WireError(path, "must not contain NUL") }
    do {
      return String(copying: unsafe try UTF8Span(validating: bytes.span))
    } catch {
      throw WireError(path, "must be UTF-8")
    }
  }

  /// The bytes of a text that is passed on as it is, once it is known to be one.
  func checked(
    _ field: TextView, _ path: StaticString
  ) throws(WireError) -> UnsafeBufferPointer<UInt8> {
    let bytes = unsafe utf8(field)
    guard unsafe !bytes.contains(0) else { throw WireError(path, "must not contain NUL") }
    do {
      _ = unsafe try UTF8Span(validating: bytes.span)
    } catch {
      throw WireError(path, "must be UTF-8")
    }
    return unsafe bytes
  }

  /// An identifier; may be empty.
  func identifier(
    _ field: TextView, _ path: StaticString, allowingStar: Bool = false
  ) throws(WireError) -> String {
    let bytes = unsafe utf8(field)
    if bytes.isEmpty { return "" }
    let star: Bool = unsafe allowingStar && bytes[bytes.count - 1] == UInt8(ascii: "*")
    let count = bytes.count - (star ? 1 : 0)
    guard count <= Bounds.id, unsafe bytes.prefix(count).allSatisfy(Codec.isIdentifierByte) else {
      throw WireError(
        path,
        "at most \(Bounds.id) characters of [A-Za-z0-9_.:-]"
          + (allowingStar ? ", then * for a prefix" : ""))
    }
    return unsafe String(decoding: bytes, as: UTF8.self)
  }

  /// Whether it can be a job's id.
  static func isIdentifier(_ text: String) -> Bool {
    // By its bytes where they lie: a view of characters costs ten times as much.
    let bytes = text.utf8Span.span
    guard (1...Bounds.id).contains(bytes.count) else { return false }
    for index in bytes.indices where !isIdentifierByte(bytes[index]) { return false }
    return true
  }

  func required(
    _ field: TextView, _ path: StaticString
  ) throws(WireError) -> String {
    guard !isEmpty(field) else { throw WireError(path, "required") }
    return try identifier(field, path)
  }

  /// [A-Za-z0-9_.:-]
  static func isIdentifierByte(_ byte: UInt8) -> Bool {
    // A bit for each ASCII character that is one, since this is asked for every byte of every id.
    let bits: UInt64 = byte & 0x40 == 0 ? 0x07FF_6000_0000_0000 : 0x07FF_FFFE_87FF_FFFE
    return byte < 0x80 && bits >> UInt64(byte & 0x3F) & 1 == 1
  }

  func bytes(_ field: BytesView) -> [UInt8] { unsafe [UInt8](field.bytes) }

  /// A moment, rounded up to the microsecond, so that nothing starts before its time; before `earliest`: that.
  func timestamp(
    _ field: Proto.Timestamp?, _ path: StaticString,
    earliest: Timestamp = .distantPast
  ) throws(WireError) -> Timestamp? {
    guard let field else { return nil }
    let seconds = field.seconds
    let nanos = field.nanos
    guard (-62_135_596_800...253_402_300_799).contains(seconds), (0...999_999_999).contains(nanos)
    else {
      throw WireError(path, "years 1 to 9999, nanos 0 to 999,999,999")
    }
    let time = Timestamp(microseconds: seconds * 1_000_000 + (Int64(nanos) + 999) / 1_000)
    return max(earliest, min(.distantFuture, time))
  }

  /// A length of time, rounded up to the microsecond. What is shorter than `least` before that is refused.
  func interval(
    _ field: Proto.Duration?, _ path: StaticString,
    allowingZero: Bool = true,
    least: Interval = .zero,
    most: Interval = .seconds(Bounds.century)
  ) throws(WireError) -> Interval? {
    guard let field else { return nil }
    let seconds = field.seconds
    let nanos = field.nanos
    guard (-999_999_999...999_999_999).contains(nanos) else {
      throw WireError(path, "nanos -999,999,999 to 999,999,999")
    }
    guard seconds >= 0, nanos >= 0 else { throw WireError(path, "must not be negative") }
    guard allowingZero || seconds > 0 || nanos > 0 else {
      throw WireError(path, "must be more than zero")
    }
    let limit = most.microseconds / 1_000_000
    guard seconds < limit || (seconds == limit && nanos == 0) else {
      throw WireError(path, "at most \(limit) s")
    }
    guard seconds * 1_000_000 + Int64(nanos) / 1_000 >= least.microseconds else {
      throw WireError(path, "at least \(least.microseconds / 1_000) ms")
    }
    return Interval(microseconds: seconds * 1_000_000 + (Int64(nanos) + 999) / 1_000)
  }

  /// A length of time of which more than `most` is taken as that.
  func interval(
    _ field: Proto.Duration?, _ path: StaticString, upTo most: Interval
  ) throws(WireError) -> Interval? {
    if let field, field.seconds > Bounds.century, (0...999_999_999).contains(field.nanos) {
      return most
    }
    return try interval(field, path).map { min($0, most) }
  }

  /// A length of time that need not be right: negative is none, more than a century is a century.
  func clamped(_ field: Proto.Duration?) -> Interval? {
    guard let field else { return nil }
    let seconds = field.seconds
    let nanos = Int64(min(max(field.nanos, -999_999_999), 999_999_999))
    let whole = min(max(seconds, -1), Bounds.century)
    return Interval(microseconds: max(0, whole * 1_000_000 + (nanos + (nanos > 0 ? 999 : 0)) / 1_000))
  }

  /// A raw enum value as one of ours; 0 is nil.
  func choice<Value: RawRepresentable<UInt8>>(
    _ raw: UInt32, _ path: StaticString, as type: Value.Type
  ) throws(WireError) -> Value? {
    if raw == 0 { return nil }
    guard let byte = UInt8(exactly: raw), let value = Value(rawValue: byte) else {
      throw WireError(path, "unknown value \(Int32(bitPattern: raw))")
    }
    return value
  }

  /// The elements of a repeated enum field; 0 is refused.
  func choices<Value: RawRepresentable<UInt8> & Hashable, Raw: RawRepresentable<UInt32>>(
    _ values: ValueList<Raw>, _ path: StaticString, as type: Value.Type
  ) throws(WireError) -> Set<Value> {
    var set: Set<Value> = []
    for raw in values {
      guard let value = try choice(raw.rawValue, path, as: type) else {
        throw WireError(path, "must not be UNSPECIFIED")
      }
      set.insert(value)
    }
    return set
  }

  /// The elements of a repeated string field.
  func texts(
    _ values: TextList, _ path: StaticString, max: Int, each: Int = Bounds.name
  ) throws(WireError) -> [String] {
    guard values.count <= max else { throw WireError(path, "at most \(max)") }
    var texts: [String] = []
    texts.reserveCapacity(values.count)
    for value in values { texts.append(try text(value, path, max: each)) }
    return texts
  }
}
