import CNghttp2

/// Header fields that never change: built once, sent without a copy of name or value.
@safe public final class HTTP2StaticHeaders: @unchecked Sendable {
  // Why `@unchecked Sendable` is right: written in `init` only; the strings are in the program's constant data.
  private let storage: UnsafeMutableBufferPointer<nghttp2_nv>

  public init(_ fields: [(StaticString, StaticString)]) {
    unsafe storage = .allocate(capacity: fields.count)
    let flags = UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
    for (position, field) in fields.enumerated() {
      precondition(field.0.hasPointerRepresentation && field.1.hasPointerRepresentation)
      // nghttp2 only reads through these pointers, which live as long as the program.
      unsafe storage.initializeElement(
        at: position,
        to: nghttp2_nv(
          name: UnsafeMutablePointer(mutating: field.0.utf8Start),
          value: UnsafeMutablePointer(mutating: field.1.utf8Start),
          namelen: field.0.utf8CodeUnitCount, valuelen: field.1.utf8CodeUnitCount, flags: flags))
    }
  }

  deinit { unsafe storage.deallocate() }

  /// Lends the fields; nghttp2 copies the array itself before the closure returns.
  func withFields<R>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> R) -> R {
    unsafe body(UnsafePointer(storage.baseAddress), storage.count)
  }
}
