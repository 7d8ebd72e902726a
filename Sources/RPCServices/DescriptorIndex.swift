import GRPCProtos
import Protobuf

/// What can be found in a set of protobuf descriptors: files by name, and the file that declares each symbol and extension.
///
/// It is made once, when the server starts, from `google.protobuf.FileDescriptorSet`s, and read from all loops.
public struct DescriptorIndex: Sendable {
  struct File: Sendable {
    /// The serialized `FileDescriptorProto`.
    var bytes: [UInt8]
    var dependencies: [String]
  }

  private(set) var files: [String: File] = [:]
  private(set) var symbols: [String: String] = [:]
  /// Message name to extension number to file.
  private(set) var extensions: [String: [Int32: String]] = [:]
  private(set) var messages: Set<String> = []
  /// The full names of the services that the descriptors declare.
  public private(set) var services: [String] = []

  /// Descriptors of the health and reflection services.
  public static let standardServices: [UInt8] = {
    // Static memory of the generated code, of exactly that size.
    let bytes = unsafe UnsafeBufferPointer(
      start: grpc_protos_descriptor_set(), count: grpc_protos_descriptor_set_size())
    return unsafe Array(bytes)
  }()

  /// - Parameter sets: serialized `FileDescriptorSet`s, imports included. A file that is in several is taken once.
  /// - Throws: if one of them is not a descriptor set.
  public init(_ sets: [[UInt8]]) throws(WireReader.Malformed) {
    for set in sets {
      var reader = WireReader()
      while let field = try reader.next(in: set.span) {
        if field.number == 1, case .bytes(let range) = field.value { try add(Array(set[range])) }
      }
    }
    services.sort()
  }

  /// The file and all it imports, directly or not, the file first. Nil if there is no such file.
  func closure(of name: String) -> [[UInt8]]? {
    guard files[name] != nil else { return nil }
    var found: [[UInt8]] = []
    var seen: Set<String> = [name]
    var queue = [name]
    while let next = queue.popLast() {
      guard let file = files[next] else { continue }
      found.append(file.bytes)
      for dependency in file.dependencies where seen.insert(dependency).inserted { queue.append(dependency) }
    }
    return found
  }

  // MARK: - Reading descriptors. The numbers are those of google/protobuf/descriptor.proto.

  private mutating func add(_ bytes: [UInt8]) throws(WireReader.Malformed) {
    let fields = try DescriptorFields(bytes)
    guard let name = fields.string(1), files[name] == nil else { return }
    let package = fields.string(2) ?? ""
    files[name] = File(bytes: bytes, dependencies: fields.strings(3))
    for message in fields.all(4) { try addMessage(message, in: package, of: name) }
    for enumeration in fields.all(5) { try addEnum(enumeration, in: package, of: name) }
    for service in fields.all(6) {
      let service = try DescriptorFields(service)
      let full = Self.join(package, service.string(1))
      services.append(full)
      symbols[full] = name
      try addNames(service.all(2), in: full, of: name)
    }
    for field in fields.all(7) { try addExtension(field, in: package, of: name) }
  }

  private mutating func addMessage(
    _ bytes: [UInt8], in scope: String, of file: String
  ) throws(WireReader.Malformed) {
    let fields = try DescriptorFields(bytes)
    let full = Self.join(scope, fields.string(1))
    symbols[full] = file
    messages.insert(full)
    try addNames(fields.all(2), in: full, of: file)
    for nested in fields.all(3) { try addMessage(nested, in: full, of: file) }
    for enumeration in fields.all(4) { try addEnum(enumeration, in: full, of: file) }
    for field in fields.all(6) { try addExtension(field, in: full, of: file) }
    try addNames(fields.all(8), in: full, of: file)
  }

  /// The values of an enum are its siblings, not its children.
  private mutating func addEnum(_ bytes: [UInt8], in scope: String, of file: String) throws(WireReader.Malformed) {
    let fields = try DescriptorFields(bytes)
    symbols[Self.join(scope, fields.string(1))] = file
    try addNames(fields.all(2), in: scope, of: file)
  }

  private mutating func addExtension(
    _ bytes: [UInt8], in scope: String, of file: String
  ) throws(WireReader.Malformed) {
    let fields = try DescriptorFields(bytes)
    symbols[Self.join(scope, fields.string(1))] = file
    guard let extendee = fields.string(2), let number = fields.integer(3) else { return }
    // The compiler writes resolved names with a leading dot.
    extensions[String(extendee.drop { $0 == "." }), default: [:]][Int32(truncatingIfNeeded: number)] = file
  }

  private mutating func addNames(
    _ children: [[UInt8]], in scope: String, of file: String
  ) throws(WireReader.Malformed) {
    for child in children { symbols[Self.join(scope, try DescriptorFields(child).string(1))] = file }
  }

  private static func join(_ scope: String, _ name: String?) -> String {
    scope.isEmpty ? name ?? "" : scope + "." + (name ?? "")
  }
}
