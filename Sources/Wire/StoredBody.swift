import Protobuf

/// What can be read of a stored body (see `NewJobReading`) without unpacking all of it.
public enum StoredBody {
  /// The values of the metadata with these keys, in their order; nil where there is none. What is no body has none.
  public static func metadata(_ keys: [String], in body: [UInt8]) -> [String?] {
    var found = [String?](repeating: nil, count: keys.count)
    let bytes = body.span
    var reader = WireReader()
    do throws(WireReader.Malformed) {
      while let field = try reader.next(in: bytes) {
        guard field.number == 7, case .bytes(let range) = field.value else { continue }
        let (key, value) = try entry(bytes.extracting(range))
        if let place = keys.firstIndex(of: key) { found[place] = value }
      }
    } catch {
      return found
    }
    return found
  }

  /// One entry of a map: a message of key and value.
  private static func entry(_ bytes: Span<UInt8>) throws(WireReader.Malformed) -> (String, String) {
    var key = ""
    var value = ""
    var reader = WireReader()
    while let field = try reader.next(in: bytes) {
      guard case .bytes(let range) = field.value else { continue }
      let text = WireReader.string(bytes.extracting(range)) ?? ""
      if field.number == 1 { key = text } else if field.number == 2 { value = text }
    }
    return (key, value)
  }
}

extension Codec {
  /// The stored body of a job that did not come as a message, see `NewJobReading`.
  public static func body(
    payload: [UInt8], contentType: String, metadata: [(key: String, value: String)]
  ) -> [UInt8] {
    var writer = WireWriter(room: payload.count + contentType.utf8.count + 16)
    if !payload.isEmpty { writer.field(5, payload) }
    if !contentType.isEmpty { writer.field(6, contentType) }
    for (key, value) in metadata {
      writer.beginField(
        7, length: WireWriter.size(ofField: key.utf8.count) + WireWriter.size(ofField: value.utf8.count))
      writer.field(1, key)
      writer.field(2, value)
    }
    return writer.bytes
  }
}
