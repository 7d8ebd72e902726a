import HTTP2
import NIOCore

extension HTTP2HeaderList {
  mutating func addResponseHead() {
    add(":status", "200")
    add("content-type", "application/grpc")
  }

  /// `grpc-status` and what belongs to it.
  mutating func add(_ status: Status) {
    add("grpc-status", String(status.code.rawValue))
    if !status.message.isEmpty {
      add("grpc-message".utf8, PercentCoding.encode(status.message), indexed: false)
    }
    if let details = status.details {
      add("grpc-status-details-bin".utf8, Base64.encode(details), indexed: false)
    }
    if let pushback = status.retryPushback {
      add("grpc-retry-pushback-ms", String(pushback), indexed: false)
    }
  }

  /// Custom metadata. What would be no valid header, or belongs to the protocol, is left out.
  mutating func add(_ metadata: Metadata) {
    for entry in metadata where Metadata.isCustomName(entry.name.utf8) {
      switch entry.value {
      case .text(let text):
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) else { continue }
        var value = text.utf8[...]
        while let first = value.first, first == 0x20 || first == 0x09 { value.removeFirst() }
        while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
        add(entry.name.utf8, value, indexed: false)
      case .bytes(let bytes):
        add(entry.name.utf8, Base64.encode(bytes), indexed: false)
      }
    }
  }
}

extension Metadata {
  /// Names of `[0-9a-z_.-]` that are not the protocol's own.
  static func isCustomName(_ name: some Collection<UInt8>) -> Bool {
    guard let first = name.first, first != UInt8(ascii: ":") else { return false }
    let isName = name.allSatisfy {
      switch $0 {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"),
        UInt8(ascii: "."), UInt8(ascii: "-"):
        true
      default: false
      }
    }
    if !isName || name.starts(with: "grpc-".utf8) { return false }
    let count = name.count
    return !Self.reserved.contains { $0.utf8.count == count && $0.utf8.elementsEqual(name) }
  }

  private static let reserved = [
    "te", "content-type", "content-length", "connection", "host", "transfer-encoding", "upgrade", "keep-alive",
    "proxy-connection",
  ]

  /// The custom fields of a received block. A `-bin` value may be several, joined by commas; what is no base64 is dropped. Text that is
  /// no UTF-8 is repaired, not refused.
  init(block: ByteBuffer) {
    self.init()
    let fields = HTTP2HeaderFields(block)
    for field in fields {
      let name = block.viewBytes(at: field.nameStart, length: field.nameLength)
      guard let name, Self.isCustomName(name) else { continue }
      let text = fields.name(field)
      guard text.hasSuffix("-bin") else {
        entries.append(Entry(name: text, value: .text(fields.value(field))))
        continue
      }
      guard let value = block.viewBytes(at: field.valueStart, length: field.valueLength) else { continue }
      for part in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
        let trimmed = part.drop { $0 == UInt8(ascii: " ") }
        if let bytes = Base64.decode(trimmed) { entries.append(Entry(name: text, value: .bytes(bytes))) }
      }
    }
  }
}
