import GKickProtos
import RPCServices

/// The serialized descriptor set of gKick's own .proto files, for reflection.
enum Descriptors {
  static var gkick: [UInt8] {
    // Static memory of the length that the same generated file states.
    unsafe Array(UnsafeBufferPointer(start: gkick_protos_descriptor_set(), count: gkick_protos_descriptor_set_size()))
  }
}
