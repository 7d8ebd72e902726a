/// Cuts bytes that come in pieces into lines, without their ends. A line that is too long comes in several.
struct LineCutter {
  private var rest: [UInt8] = []
  private static let longest = 16 << 10

  mutating func add(_ bytes: ArraySlice<UInt8>, _ tell: ([UInt8]) -> Void) {
    var bytes = bytes
    while let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
      rest += bytes[..<end]
      tellWhole(tell)
      bytes = bytes[(end + 1)...]
    }
    rest += bytes
    tellWhatIsTooLong(tell)
  }

  /// The last line, which may lack its end.
  mutating func finish(_ tell: ([UInt8]) -> Void) {
    if !rest.isEmpty { tellWhole(tell) }
  }

  private mutating func tellWhatIsTooLong(_ tell: ([UInt8]) -> Void) {
    while rest.count > Self.longest {
      tell(Array(rest[..<Self.longest]))
      rest.removeFirst(Self.longest)
    }
  }

  private mutating func tellWhole(_ tell: ([UInt8]) -> Void) {
    tellWhatIsTooLong(tell)
    tell(rest)
    rest.removeAll(keepingCapacity: true)
  }
}
