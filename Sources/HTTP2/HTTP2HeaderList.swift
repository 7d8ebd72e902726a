/// Header fields to be sent, in order.
public struct HTTP2HeaderList: Sendable {
  struct Field: Sendable {
    var nameStart: Int
    var nameLength: Int
    var valueStart: Int
    var valueLength: Int
    var indexed: Bool
  }

  var bytes: [UInt8] = []
  var fields: [Field] = []

  public init() {}

  /// `name` must be lower case. `indexed: false` keeps a value that will hardly come again out of the HPACK table.
  public mutating func add(_ name: some Sequence<UInt8>, _ value: some Sequence<UInt8>, indexed: Bool = true) {
    let nameStart = bytes.count
    bytes.append(contentsOf: name)
    let valueStart = bytes.count
    bytes.append(contentsOf: value)
    fields.append(
      Field(
        nameStart: nameStart, nameLength: valueStart - nameStart, valueStart: valueStart,
        valueLength: bytes.count - valueStart, indexed: indexed))
  }

  public mutating func add(_ name: String, _ value: String, indexed: Bool = true) {
    add(name.utf8, value.utf8, indexed: indexed)
  }
}
