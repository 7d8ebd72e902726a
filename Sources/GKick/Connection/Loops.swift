import NIOCore
import NIOPosix

/// The event loops that clients and workers live on: the process's own.
enum Loops {
  static var group: any EventLoopGroup { MultiThreadedEventLoopGroup.singleton }
}
