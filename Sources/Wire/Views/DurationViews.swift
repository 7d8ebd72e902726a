// Made by Scripts/generate: do not edit.
// swift-format-ignore-file
import CProtobufC
import GKickProtos

// A message of the arena is whole: the generated function that made or decoded it filled all of the struct.

extension Proto {
  @safe struct Duration: DecodedView {
    let pointer: UnsafeMutablePointer<Google__Protobuf__Duration>

    init(_ pointer: UnsafeMutablePointer<Google__Protobuf__Duration>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Google__Protobuf__Duration>.size).assumingMemoryBound(to: Google__Protobuf__Duration.self)
      unsafe google__protobuf__duration__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Google__Protobuf__Duration.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe google__protobuf__duration__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var seconds: Int64 {
      get { unsafe pointer.pointee.seconds }
      nonmutating set { unsafe pointer.pointee.seconds = newValue }
    }

    var nanos: Int32 {
      get { unsafe pointer.pointee.nanos }
      nonmutating set { unsafe pointer.pointee.nanos = newValue }
    }
  }
}
