import CHiredis

/// A command that is being put together: its arguments one after the other in one buffer. Made once, emptied, used again.
struct RedisCommand {
  private(set) var bytes: [UInt8] = []
  /// Where each argument ends.
  private var ends: [Int] = []

  var count: Int { ends.count }

  init() {}

  init(_ arguments: String...) {
    for argument in arguments { add(argument) }
  }

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 20)
    ends.removeAll(keepingCapacity: true)
  }

  mutating func add(_ text: String) {
    bytes.append(contentsOf: text.utf8)
    ends.append(bytes.count)
  }

  mutating func add(_ value: [UInt8]) {
    bytes.append(contentsOf: value)
    ends.append(bytes.count)
  }

  mutating func add(_ number: Int64) {
    var digits = DecimalDigits(number)
    while let digit = digits.next() { bytes.append(digit) }
    ends.append(bytes.count)
  }

  mutating func add(_ number: Int) { add(Int64(number)) }

  /// One argument, written in place.
  mutating func add(_ write: (inout [UInt8]) -> Void) {
    write(&bytes)
    ends.append(bytes.count)
  }

  /// Hands the command, in the protocol's form, to `body`.
  func withFormatted<R>(_ body: (RawSpan) throws(RedisFailure) -> R) throws(RedisFailure) -> R {
    var target: UnsafeMutablePointer<CChar>?
    // Every pointer points into `bytes` or one past its end (an empty argument), and is used during this call only.
    let length = unsafe bytes.withUnsafeBufferPointer { buffer in
      let base = unsafe buffer.baseAddress.map { unsafe UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self) }
      var pointers: [UnsafePointer<CChar>?] = unsafe []
      unsafe pointers.reserveCapacity(ends.count)
      var lengths: [Int] = []
      lengths.reserveCapacity(ends.count)
      var start = 0
      for end in ends {
        unsafe pointers.append(base.map { unsafe $0 + start })
        lengths.append(end - start)
        start = end
      }
      return unsafe redisFormatCommandArgv(&target, Int32(ends.count), &pointers, lengths)
    }
    guard length > 0, let text = unsafe target else { throw .connection("no memory for a command") }
    // hiredis gave us `length` bytes, ours to free.
    defer { unsafe redisFreeCommand(text) }
    let span = unsafe UnsafeRawBufferPointer(start: text, count: Int(length)).bytes
    return try body(span)
  }
}

/// A number's decimal digits, without a String in between.
private struct DecimalDigits {
  private var rest: UInt64
  private var divisor: UInt64 = 1
  private var isNegative: Bool
  private var isDone = false

  init(_ number: Int64) {
    isNegative = number < 0
    rest = number.magnitude
    while rest / divisor >= 10 { divisor *= 10 }
  }

  mutating func next() -> UInt8? {
    if isNegative {
      isNegative = false
      return UInt8(ascii: "-")
    }
    if isDone { return nil }
    let digit = UInt8(rest / divisor)
    rest %= divisor
    isDone = divisor == 1
    divisor /= 10
    return UInt8(ascii: "0") + digit
  }
}
