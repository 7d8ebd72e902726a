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

  /// - Parameter suffix: a letter behind it.
  mutating func add(_ number: Int64, _ suffix: Unicode.Scalar? = nil) {
    var digits = DecimalDigits(number)
    while let digit = digits.next() { bytes.append(digit) }
    if let suffix { bytes.append(UInt8(ascii: suffix)) }
    ends.append(bytes.count)
  }

  mutating func add(_ number: Int) { add(Int64(number)) }

  /// Arguments of another.
  mutating func add(_ other: RedisCommand, _ arguments: Range<Int>) {
    guard !arguments.isEmpty else { return }
    let start = arguments.lowerBound == 0 ? 0 : other.ends[arguments.lowerBound - 1]
    let shift = bytes.count - start
    bytes.append(contentsOf: other.bytes[start..<other.ends[arguments.upperBound - 1]])
    for place in arguments { ends.append(other.ends[place] + shift) }
  }

  /// One argument, written in place.
  mutating func add(_ write: (inout [UInt8]) -> Void) {
    write(&bytes)
    ends.append(bytes.count)
  }

  /// Hands the command, in the protocol's form, to `body`.
  /// - Parameter more: the last arguments, which stay where they are: there may be a megabyte of them.
  func withFormatted<R>(
    _ more: RedisCommand = RedisCommand(), _ body: (RawSpan) throws(RedisFailure) -> R
  ) throws(RedisFailure) -> R {
    var target: UnsafeMutablePointer<CChar>?
    // Every pointer points into one of the two buffers or one past its end (an empty argument), and is used during this call only.
    let length = unsafe bytes.withUnsafeBufferPointer { buffer in
      unsafe more.bytes.withUnsafeBufferPointer { moreBuffer in
        var pointers: [UnsafePointer<CChar>?] = unsafe []
        unsafe pointers.reserveCapacity(count + more.count)
        var lengths: [Int] = []
        lengths.reserveCapacity(count + more.count)
        func add(_ ends: [Int], of buffer: UnsafeBufferPointer<UInt8>) {
          let base = unsafe buffer.baseAddress.map { unsafe UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self) }
          var start = 0
          for end in ends {
            unsafe pointers.append(base.map { unsafe $0 + start })
            lengths.append(end - start)
            start = end
          }
        }
        unsafe add(ends, of: buffer)
        unsafe add(more.ends, of: moreBuffer)
        return unsafe redisFormatCommandArgv(&target, Int32(lengths.count), &pointers, lengths)
      }
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
