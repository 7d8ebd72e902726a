import Jobs

/// Numbers queues by name and keeps their figures. Bounded: a server with more queues than `limit` counts the rest together.
final class QueueLedger {
  /// The number of everything past the limit, and of a queue that is not known.
  static let other: Int32 = 0
  static let limit = 1_000

  private(set) var names: [String] = ["other"]
  private(set) var figures: [EngineStatistics.Queue] = [EngineStatistics.Queue()]
  private var numbers: [String: Int32] = ["other": QueueLedger.other]
  /// Jobs come in runs of one queue: the last answer is mostly the next one too.
  private var last: (name: String, number: Int32) = ("", QueueLedger.other)

  func number(of name: String) -> Int32 {
    if last.name == name { return last.number }
    let number: Int32
    if let known = numbers[name] {
      number = known
    } else if names.count <= Self.limit, !name.isEmpty {
      number = Int32(names.count)
      numbers[name] = number
      names.append(name)
      figures.append(EngineStatistics.Queue())
    } else {
      return Self.other
    }
    last = (name, number)
    return number
  }

  func enqueued(_ queue: Int32) { figures[Int(queue)].enqueued &+= 1 }

  func started(_ queue: Int32, waited: Interval) { figures[Int(queue)].wait.record(waited) }

  func ended(_ queue: Int32, ran: Interval) { figures[Int(queue)].run.record(ran) }

  /// Counts what was committed.
  func count(_ events: [Event]) {
    for index in events.indices {
      let kind = events[index].kind
      switch kind {
      case .scheduled, .enqueued, .progress, .blocked, .queuePaused, .queueResumed, .workerConnected,
        .workerDisconnected:
        continue
      default: break
      }
      let queue = Int(number(of: events[index].queue))
      switch kind {
      case .started: figures[queue].started &+= 1
      case .succeeded: figures[queue].succeeded &+= 1
      case .failed: figures[queue].failed &+= 1
      case .dead: figures[queue].dead &+= 1
      case .canceled: figures[queue].canceled &+= 1
      case .expired: figures[queue].expired &+= 1
      case .leaseLost: figures[queue].lost &+= 1
      default: break
      }
    }
  }

  var byName: [String: EngineStatistics.Queue] {
    var result: [String: EngineStatistics.Queue] = [:]
    for (name, figure) in zip(names, figures) where name != names[0] || figure.enqueued > 0 || figure.started > 0 {
      result[name] = figure
    }
    return result
  }
}
