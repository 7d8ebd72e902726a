/// A dictionary by numbers other than 0 that the state itself gives out (seqs, tokens): `Dictionary` hashes each key against attackers, which these
/// do not need. Open addressing; a removed entry's gap is closed, so that no search stops short.
@frozen public struct NumberTable<Value> {
  /// 0: free, nothing has this number.
  @usableFromInline var numbers: [Int64]
  @usableFromInline var values: [Value?]
  @usableFromInline var stored = 0

  /// How many numbers are in it.
  @inlinable public var count: Int { stored }

  @inlinable public init() {
    numbers = Array(repeating: 0, count: 64)
    values = Array(repeating: nil, count: 64)
  }

  @inlinable public subscript(number: Int64) -> Value? {
    let place = place(of: number)
    return numbers[place] == number ? values[place] : nil
  }

  @inlinable public mutating func insert(_ number: Int64, _ value: Value) {
    if (count + 1) * 2 > numbers.count { resize(to: numbers.count * 2) }
    let place = place(of: number)
    if numbers[place] != number { stored += 1 }
    numbers[place] = number
    values[place] = value
  }

  @inlinable public mutating func remove(_ number: Int64) {
    var gap = place(of: number)
    guard numbers[gap] == number else { return }
    stored -= 1
    let mask = numbers.count - 1
    var next = (gap + 1) & mask
    while numbers[next] != 0 {
      let home = home(of: numbers[next])
      if (next - home) & mask >= (next - gap) & mask {
        numbers[gap] = numbers[next]
        values.swapAt(gap, next)
        gap = next
      }
      next = (next + 1) & mask
    }
    numbers[gap] = 0
    values[gap] = nil
    // What one large tick took is given back.
    if numbers.count > 4_096, count * 16 < numbers.count { resize(to: numbers.count / 4) }
  }

  /// In no order that means anything.
  @inlinable public func forEach(_ body: (Value) -> Void) {
    for value in values { if let value { body(value) } }
  }

  /// Numbers that follow each other lie far apart, so that runs of them do not grow together.
  @inlinable func home(of number: Int64) -> Int {
    Int(truncatingIfNeeded: (UInt64(bitPattern: number) &* 0x9E37_79B9_7F4A_7C15) >> 32) & (numbers.count - 1)
  }

  /// Where it is, or where it would be put.
  @inlinable func place(of number: Int64) -> Int {
    var place = home(of: number)
    while numbers[place] != number, numbers[place] != 0 { place = (place + 1) & (numbers.count - 1) }
    return place
  }

  @inlinable mutating func resize(to size: Int) {
    let old = (numbers, values)
    numbers = Array(repeating: 0, count: size)
    values = Array(repeating: nil, count: size)
    for (number, value) in zip(old.0, old.1) where number != 0 {
      let place = place(of: number)
      numbers[place] = number
      values[place] = value
    }
  }
}
