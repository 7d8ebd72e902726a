/// Writes the bytes of a document: numbers in groups of seven bits, texts and lists with their length before them.
struct Packer {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ number: UInt64) {
    var rest = number
    while rest > 0x7F {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// Small ones of either sign are short.
  mutating func add(signed number: Int64) { add(UInt64(bitPattern: number << 1 ^ number >> 63)) }

  mutating func add(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

  mutating func add(_ text: String) {
    add(UInt64(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }

  mutating func add(_ data: [UInt8]) {
    add(UInt64(data.count))
    bytes.append(contentsOf: data)
  }

  mutating func add(optional number: Int64?) {
    add(number != nil)
    if let number { add(signed: number) }
  }
}

/// Reads what `Packer` wrote. What is not there, or not of the form asked for, is nil, and so is all that follows.
struct Unpacker {
  private let bytes: [UInt8]
  private var place = 0
  private var isBroken = false

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { !isBroken && place == bytes.count }

  private mutating func broken<Value>() -> Value? {
    isBroken = true
    return nil
  }

  mutating func number() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while !isBroken, place < bytes.count, shift < 64 {
      let byte = bytes[place]
      place += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return broken()
  }

  mutating func signed() -> Int64? {
    number().map { Int64(bitPattern: $0 >> 1) ^ -Int64(bitPattern: $0 & 1) }
  }

  mutating func flag() -> Bool? {
    guard !isBroken, place < bytes.count, bytes[place] <= 1 else { return broken() }
    place += 1
    return bytes[place - 1] == 1
  }

  mutating func data() -> [UInt8]? {
    guard let count = number(), count <= UInt64(bytes.count - place) else { return broken() }
    place += Int(count)
    return Array(bytes[place - Int(count)..<place])
  }

  mutating func text() -> String? {
    guard let data = data(), let text = String(validating: data, as: UTF8.self) else { return broken() }
    return text
  }

  /// nil: cannot be read; .some(nil): was not set.
  mutating func optional() -> Int64?? {
    guard let isThere = flag() else { return nil }
    guard isThere else { return .some(nil) }
    guard let number = signed() else { return nil }
    return .some(number)
  }
}
