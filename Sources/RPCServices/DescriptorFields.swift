import Protobuf

/// The fields of one small message by number: enough to walk descriptors with, once, when the server starts.
struct DescriptorFields {
  private var contents: [Int: [[UInt8]]] = [:]
  private var integers: [Int: UInt64] = [:]

  init(_ bytes: [UInt8]) throws(WireReader.Malformed) {
    var reader = WireReader()
    while let field = try reader.next(in: bytes.span) {
      switch field.value {
      case .bytes(let range): contents[field.number, default: []].append(Array(bytes[range]))
      case .varint(let value): integers[field.number] = value
      case .fixed32, .fixed64: break
      }
    }
  }

  func all(_ number: Int) -> [[UInt8]] { contents[number] ?? [] }

  func strings(_ number: Int) -> [String] { all(number).map { String(decoding: $0, as: UTF8.self) } }

  func string(_ number: Int) -> String? { strings(number).last }

  func integer(_ number: Int) -> UInt64? { integers[number] }
}
