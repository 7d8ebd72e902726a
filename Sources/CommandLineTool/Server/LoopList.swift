import Dispatch
import NIOCore
import Synchronization

/// Loops of several groups as one, for those who only need loops. The groups are shut down by their owners.
final class LoopList: EventLoopGroup {
  private let loops: [any EventLoop]
  private let turn = Atomic<Int>(0)

  init(_ groups: [any EventLoopGroup]) {
    loops = groups.flatMap { Array($0.makeIterator()) }
    precondition(!loops.isEmpty)
  }

  func next() -> any EventLoop { loops[turn.wrappingAdd(1, ordering: .relaxed).oldValue % loops.count] }

  func makeIterator() -> EventLoopIterator { EventLoopIterator(loops) }

  func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
    queue.async { callback(nil) }
  }
}
