/// What a stored body has in it, for columns that people query: a protobuf message whose fields 5, 6 and 7 are payload, content type
/// and entries of metadata. A body that is something else has none of them.
public struct BodyFields: Sendable {
  /// Where the payload begins; nil: there is none.
  public private(set) var payloadAt: Int?
  public private(set) var contentType = ""
  /// A JSON object; nil: there are none.
  public private(set) var metadata: String?

  public init(_ body: [UInt8]) {
    var reader = RecordReader(body)
    var entries: [String] = []
    while !reader.isAtEnd, reader.isGood {
      let tag = reader.takeVariable()
      let field = reader.takeBytes()
      guard reader.isGood else { return }
      switch tag {
      case 5 << 3 | 2: payloadAt = reader.place - field.count
      case 6 << 3 | 2: contentType = String(decoding: field, as: UTF8.self)
      case 7 << 3 | 2:
        var entry = RecordReader(field)
        var pair = ["", ""]
        while !entry.isAtEnd, entry.isGood {
          let part = entry.takeVariable()
          let text = entry.takeString()
          if part == 1 << 3 | 2 { pair[0] = text } else if part == 2 << 3 | 2 { pair[1] = text }
        }
        entries.append(Self.quoted(pair[0]) + ":" + Self.quoted(pair[1]))
      default: return
      }
    }
    if !entries.isEmpty { metadata = "{" + entries.joined(separator: ",") + "}" }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\" + String(scalar)
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
