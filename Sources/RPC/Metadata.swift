/// Request or response metadata: an ordered list of name/value pairs; a name may come more than once.
///
/// Names are lower case (`[0-9a-z_.-]`). Names that end in `-bin` carry bytes, all others carry text. Names that begin with
/// `grpc-` or `:` belong to the protocol: they are not found here and are not sent if added.
public struct Metadata: Sendable, Equatable {
  public enum Value: Sendable, Equatable {
    case text(String)
    case bytes([UInt8])
  }

  public struct Entry: Sendable, Equatable {
    public var name: String
    public var value: Value

    public init(name: String, value: Value) {
      self.name = name
      self.value = value
    }
  }

  @usableFromInline var entries: [Entry]

  public init() { entries = [] }

  /// Adds a text pair. For a name that ends in `-bin` the text's UTF-8 becomes the bytes.
  public mutating func add(_ name: String, _ value: String) {
    let name = name.lowercased()
    if name.hasSuffix("-bin") {
      entries.append(Entry(name: name, value: .bytes(Array(value.utf8))))
    } else {
      entries.append(Entry(name: name, value: .text(value)))
    }
  }

  /// Adds a binary pair. The name must end in `-bin`; otherwise the pair is not added.
  public mutating func add(_ name: String, bytes: [UInt8]) {
    let name = name.lowercased()
    guard name.hasSuffix("-bin") else { return }
    entries.append(Entry(name: name, value: .bytes(bytes)))
  }

  /// The first text value under this name.
  public subscript(first name: String) -> String? {
    for entry in entries where entry.name == name {
      if case .text(let value) = entry.value { return value }
    }
    return nil
  }

  /// The first binary value under this name.
  public subscript(firstBytes name: String) -> [UInt8]? {
    for entry in entries where entry.name == name {
      if case .bytes(let value) = entry.value { return value }
    }
    return nil
  }

  /// All values under this name, in order.
  public subscript(name: String) -> [Value] {
    entries.filter { $0.name == name }.map(\.value)
  }

  public mutating func removeAll(_ name: String) {
    entries.removeAll { $0.name == name }
  }
}

extension Metadata: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { entries.count }
  public subscript(position: Int) -> Entry { entries[position] }
}

extension Metadata {
  public init(_ pairs: (String, String)...) {
    self.init()
    for (name, value) in pairs { add(name, value) }
  }
}
