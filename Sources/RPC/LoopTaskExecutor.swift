public import NIOCore

/// Lets tasks prefer an event loop: what they do between two waits runs there (SE-0417). NIO ships none.
public final class LoopTaskExecutor: TaskExecutor {
  private let eventLoop: any EventLoop

  public init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    eventLoop.execute { [self] in
      // A job is run exactly once: the loop runs what it was given exactly once.
      unsafe job.runSynchronously(on: asUnownedTaskExecutor())
    }
  }
}
