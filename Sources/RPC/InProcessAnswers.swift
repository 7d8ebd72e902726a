public import NIOCore

/// The answers of one streaming call within the process. See `InProcessTransport.stream`.
public struct InProcessAnswers: AsyncSequence, Sendable {
  public typealias Element = ByteBuffer
  typealias Producer = NIOThrowingAsyncSequenceProducer<
    ByteBuffer, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, Reader
  >

  private let sequence: Producer

  static func start(
    on eventLoop: any EventLoop, _ begin: @escaping @Sendable (Handler) -> ClientCall?
  ) -> InProcessAnswers {
    let reader = Reader(eventLoop)
    let made = Producer.makeSequence(
      elementType: ByteBuffer.self, failureType: (any Error).self,
      backPressureStrategy: .init(lowWatermark: 4, highWatermark: 16), finishOnDeinit: false, delegate: reader)
    let source = made.source
    eventLoop.execute {
      guard !reader.state.value.isCancelled else { return source.finish() }
      let call = begin(Handler(source, reader))
      if call == nil { source.finish(Status(.internal, "no memory for a connection")) }
    }
    return InProcessAnswers(sequence: made.sequence)
  }

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base: sequence.makeAsyncIterator()) }

  public struct AsyncIterator: AsyncIteratorProtocol {
    let base: Producer.AsyncIterator

    public func next() async throws -> ByteBuffer? { try await base.next() }
  }

  /// What the reader of the sequence wants, carried to the call's loop.
  final class Reader: NIOAsyncSequenceProducerDelegate, Sendable {
    struct State {
      var call: ClientCall?
      var isCancelled = false
    }
    let state: NIOLoopBoundBox<State>
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) {
      self.eventLoop = eventLoop
      state = NIOLoopBoundBox.makeBoxSendingValue(State(), eventLoop: eventLoop)
    }

    func produceMore() { eventLoop.execute { self.state.value.call?.resumeReading() } }

    func didTerminate() {
      eventLoop.execute {
        self.state.value.isCancelled = true
        self.state.value.call?.cancel()
        self.state.value.call = nil
      }
    }
  }

  /// On the call's loop.
  final class Handler: ClientCallHandler {
    var requests: [ByteBuffer] = []
    private let source: Producer.Source
    private let reader: Reader

    init(_ source: Producer.Source, _ reader: Reader) {
      self.source = source
      self.reader = reader
    }

    func started(call: ClientCall) {
      reader.state.value.call = call
      for request in requests { call.send(request) }
      call.halfClose()
    }

    func message(_ message: ByteBuffer, call: ClientCall) {
      switch source.yield(ByteBuffer(buffer: message)) {
      case .produceMore: break
      case .stopProducing: call.pauseReading()
      case .dropped: call.cancel()
      }
    }

    func ended(_ status: Status, trailers: Metadata, call: ClientCall) {
      reader.state.value.call = nil
      if status.isOK { source.finish() } else { source.finish(status) }
    }
  }
}
