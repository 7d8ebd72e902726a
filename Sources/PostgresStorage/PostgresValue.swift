import Jobs

/// A parameter in PostgreSQL's binary form; `bytes` nil: NULL. The statements say the types.
struct PostgresValue {
  var bytes: [UInt8]?

  static func int8(_ value: Int64) -> PostgresValue { PostgresValue(bytes: bigEndian(value)) }
  static func int4(_ value: Int32) -> PostgresValue { PostgresValue(bytes: bigEndian(value)) }
  static func bool(_ value: Bool) -> PostgresValue { PostgresValue(bytes: [value ? 1 : 0]) }
  static func text(_ value: String) -> PostgresValue { PostgresValue(bytes: Array(value.utf8)) }
  static func bytea(_ value: [UInt8]?) -> PostgresValue { PostgresValue(bytes: value) }
  static func time(_ value: Timestamp) -> PostgresValue { int8(value.postgres) }
  static func array(_ array: PostgresArray) -> PostgresValue { PostgresValue(bytes: array.finished) }

  private static func bigEndian<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) -> [UInt8] {
    // A local's own bytes.
    unsafe withUnsafeBytes(of: value.bigEndian) { unsafe [UInt8]($0) }
  }
}

/// An array in the making: one column of the rows that a statement writes.
struct PostgresArray {
  /// PostgreSQL's numbers of its types.
  enum Element: UInt32 {
    case bool = 16
    case bytea = 17
    case int8 = 20
    case int2 = 21
    case int4 = 23
    case text = 25
    case timestamptz = 1184
  }

  private var bytes: [UInt8] = []
  private var count: Int32 = 0
  private var hasNull = false

  init(_ element: Element, room: Int = 0) {
    bytes.reserveCapacity(20 + room * 12)
    put(Int32(1))
    put(Int32(0))
    put(element.rawValue)
    put(Int32(0))
    put(Int32(1))
  }

  @inline(__always)
  private mutating func put<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    // A local's own bytes.
    unsafe withUnsafeBytes(of: value.bigEndian) { unsafe bytes.append(contentsOf: $0) }
  }

  @inline(__always)
  private mutating func append<T: FixedWidthInteger & BitwiseCopyable>(fixed value: T) {
    put(Int32(MemoryLayout<T>.size))
    put(value)
    count += 1
  }

  mutating func appendNull() {
    put(Int32(-1))
    count += 1
    hasNull = true
  }

  mutating func append(_ value: Int64) { append(fixed: value) }
  mutating func append(_ value: Int32) { append(fixed: value) }
  mutating func append(_ value: Int16) { append(fixed: value) }
  mutating func append(_ value: Bool) { append(fixed: value ? 1 as UInt8 : 0) }
  mutating func append(_ value: Timestamp) { append(fixed: value.postgres) }

  mutating func append(_ value: Timestamp?) {
    if let value { append(value) } else { appendNull() }
  }

  mutating func append(_ value: String) {
    put(Int32(value.utf8.count))
    bytes.append(contentsOf: value.utf8)
    count += 1
  }

  /// NULL for an empty one.
  mutating func append(nonEmpty value: String) {
    if value.isEmpty { appendNull() } else { append(value) }
  }

  mutating func append(_ value: [UInt8]) {
    put(Int32(value.count))
    bytes.append(contentsOf: value)
    count += 1
  }

  mutating func append(_ value: [UInt8]?) {
    if let value { append(value) } else { appendNull() }
  }

  var isEmpty: Bool { count == 0 }

  var finished: [UInt8] {
    var result = bytes
    func set(_ value: Int32, _ place: Int) {
      for index in 0..<4 { result[place + index] = UInt8(truncatingIfNeeded: value >> Int32(24 - 8 * index)) }
    }
    set(hasNull ? 1 : 0, 4)
    set(count, 12)
    return result
  }

  static func int8s(_ values: some Sequence<Int64>) -> PostgresValue {
    var array = PostgresArray(.int8)
    for value in values { array.append(value) }
    return .array(array)
  }

  static func texts(_ values: some Sequence<String>) -> PostgresValue {
    var array = PostgresArray(.text)
    for value in values { array.append(value) }
    return .array(array)
  }
}
