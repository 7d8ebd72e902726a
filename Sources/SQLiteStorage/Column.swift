/// One key of each of up to 4,096 jobs. When all have the same it takes a few bytes, else one or two per job and four per different key.
struct Column {
  /// Of all rows, as long as there are no codes; 0: no key.
  private var value: UInt32 = 0
  /// Places in `dictionary`, one per row: in one of the two.
  private var narrow: [UInt8] = []
  private var wide: [UInt16] = []
  private var dictionary: [UInt32] = []
  /// The same the other way round, while keys are added.
  private var places: [UInt32: UInt16]?
  private(set) var count: Int

  /// - Parameter count: rows without a key.
  init(count: Int = 0) { self.count = count }

  private var hasCodes: Bool { !dictionary.isEmpty }

  /// The key of a row that there is.
  subscript(row: Int) -> UInt32 {
    if !hasCodes { return value }
    return dictionary[wide.isEmpty ? Int(narrow[row]) : Int(wide[row])]
  }

  mutating func append(_ key: UInt32) {
    if !hasCodes {
      if count == 0 { value = key }
      if key == value {
        count += 1
        return
      }
      spread()
    }
    let place = place(of: key)
    if wide.isEmpty { narrow.append(UInt8(place)) } else { wide.append(place) }
    count += 1
  }

  mutating func set(_ row: Int, _ key: UInt32) {
    if !hasCodes {
      if key == value { return }
      spread()
    }
    let place = place(of: key)
    if wide.isEmpty { narrow[row] = UInt8(place) } else { wide[row] = place }
  }

  /// Codes for what had none.
  private mutating func spread() {
    dictionary = [value]
    narrow = Array(repeating: 0, count: count)
  }

  private mutating func place(of key: UInt32) -> UInt16 {
    if dictionary.count > 16 {
      if places == nil {
        places = Dictionary(
          dictionary.enumerated().map { ($0.element, UInt16($0.offset)) }, uniquingKeysWith: { first, _ in first })
      }
      if let place = places?[key] { return place }
    } else if let place = dictionary.firstIndex(of: key) {
      return UInt16(place)
    }
    let place = UInt16(dictionary.count)
    dictionary.append(key)
    places?[key] = place
    if place > UInt8.max, wide.isEmpty {
      wide = narrow.map { UInt16($0) }
      narrow = []
    }
    return place
  }

  /// No key is added for now: memory that only adding needs is given back.
  mutating func settle() { places = nil }

  /// A test whether a row has the key; nil: none has.
  enum Match {
    case all
    case narrow(UInt8)
    case wide(UInt16)
  }

  func match(_ key: UInt32) -> Match? {
    if !hasCodes { return key == value ? .all : nil }
    guard let place = dictionary.firstIndex(of: key) else { return nil }
    return wide.isEmpty ? .narrow(UInt8(place)) : .wide(UInt16(place))
  }

  func matches(_ row: Int, _ match: Match) -> Bool {
    switch match {
    case .all: true
    case .narrow(let code): narrow[row] == code
    case .wide(let code): wide[row] == code
    }
  }
}
