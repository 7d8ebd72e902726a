import NIOCore

@testable import RPC

/// A streaming handler that notes everything and does what the test says.
final class Probe: CallHandler {
  var messages: [[UInt8]] = []
  var isHalfClosed = false
  var end: CallEnd?
  var ends = 0
  var writables = 0
  var call: ServerCall?
  var onMessage: (Probe, ServerCall) -> Void = { _, _ in }
  var onHalfClosed: (Probe, ServerCall) -> Void = { _, call in call.finish() }

  func message(_ message: ByteBuffer, call: ServerCall) {
    self.call = call
    messages.append(Array(message.readableBytesView))
    onMessage(self, call)
  }

  func halfClosed(call: ServerCall) {
    self.call = call
    isHalfClosed = true
    onHalfClosed(self, call)
  }

  func writable(call: ServerCall) { writables += 1 }

  func ended(_ reason: CallEnd, call: ServerCall) {
    end = reason
    ends += 1
  }
}

/// The methods that the tests call. Everything runs on the test's thread.
struct TestMethods: @unchecked Sendable {
  // Why `@unchecked Sendable` is right: an embedded loop has no thread of its own.
  let probe = Probe()

  var table: MethodTable {
    var table = MethodTable()
    table.unary("/t.T/Echo") { call, request in call.reply { $0.writeImmutableBuffer(request) } }
    table.unary("/t.T/Fail") { call, _ in
      call.finish(
        Status(.notFound, "no ä 100%", details: [1, 2], retryPushback: 50), trailers: Metadata(("x-t", "v")))
    }
    table.unary("/t.T/Silent") { call, _ in call.finish(.ok) }
    table.unary("/t.T/Twice") { call, request in
      call.send(request)
      call.reply { $0.writeImmutableBuffer(request) }
    }
    table.unary("/t.T/Zip") { call, request in
      call.compressesMessages = true
      call.reply { $0.writeImmutableBuffer(request) }
    }
    table.unary("/t.T/Metadata") { call, request in
      var initial = Metadata()
      for entry in call.metadata { if case .text(let text) = entry.value { initial.add("i-" + entry.name, text) } }
      call.setInitialMetadata(initial)
      call.send(request)
      var trailers = Metadata()
      for entry in call.metadata {
        if case .bytes(let bytes) = entry.value { trailers.add("t-" + entry.name, bytes: bytes) }
      }
      call.finish(.ok, trailers: trailers)
    }
    table.unary("/t.T/Big") { call, _ in call.reply { $0.writeRepeatingByte(1, count: 600_000) } }
    let probe = NIOLoopBoundProbe(probe)
    table.unary("/t.T/Later") { call, _ in probe.value.call = call }
    table.stream("/t.T/Probe", .bidirectionalStreaming) { call in
      probe.value.call = call
      return probe.value
    }
    table.async("/t.T/AsyncEcho", .unary) { call in
      call.setTrailers(Metadata(("x-async", "1")))
      try await call.send(try await call.request())
    }
    table.async("/t.T/AsyncThrows", .unary) { _ in throw Status(.aborted, "thrown") }
    table.async("/t.T/AsyncStream", .bidirectionalStreaming) { call in
      while true {
        let batch = try await call.nextBatch()
        if batch.isEmpty { break }
        for message in batch { try await call.send(message) }
      }
    }
    return table
  }

  struct NIOLoopBoundProbe: @unchecked Sendable {
    // See above: one thread.
    let value: Probe
    init(_ value: Probe) { self.value = value }
  }
}
