import Jobs

/// Numbers queues by name and keeps their figures. Bounded: of a server with more queues than `limit` the busiest have figures of their own,
/// all others are counted together. Once a minute those that are busier take the places of those that are less.
final class QueueLedger {
  /// The number of everything that has no place, and of a queue that is not known.
  static let other: Int32 = 0
  /// Its name: one that no queue can have.
  static let otherName = "(other)"
  static let limit = 1_000
  /// How long is counted who is busy.
  static let period = Interval.seconds(60)
  /// Names without a place that are counted in a period.
  private static let maxCandidates = 4 * limit

  private struct Place {
    var name: String
    /// Numbers that were given out for another that had the place mean nothing any more.
    var generation: Int32 = 0
    /// How often it was asked for in this period.
    var recent: UInt32 = 0
    var figures = EngineStatistics.Queue()
  }

  private var places: [Place] = [Place(name: QueueLedger.otherName)]
  /// Of names that have a place; of those that have none: below zero, see `candidates`. One table, since each step of a job asks it.
  private var numbers: [String: Int32] = [:]
  /// Names without a place, and how often they were asked for: -1 is the first.
  private var candidates: [(name: String, count: UInt32)] = []
  private var periodEnds: Instant?
  /// Jobs come in runs of one queue: the last answer is mostly the next one too.
  private var last: (name: String, number: Int32) = ("", QueueLedger.other)

  func number(of name: String) -> Int32 {
    if last.name == name {
      places[Int(last.number & 0xFFFF)].recent &+= 1
      return last.number
    }
    let number: Int32
    if let known = numbers[name] {
      if known < 0 {
        candidates[Int(~known)].count &+= 1
        return Self.other
      }
      number = known
    } else if places.count <= Self.limit, !name.isEmpty {
      number = Int32(places.count)
      numbers[name] = number
      places.append(Place(name: name))
    } else {
      if candidates.count < Self.maxCandidates {
        numbers[name] = ~Int32(candidates.count)
        candidates.append((name, 1))
      }
      return Self.other
    }
    places[Int(number & 0xFFFF)].recent &+= 1
    last = (name, number)
    return number
  }

  /// The place in the lower bits, its generation in the upper ones.
  private func place(_ number: Int32) -> Int {
    let place = Int(number & 0xFFFF)
    return places[place].generation == number >> 16 ? place : Int(Self.other)
  }

  func enqueued(_ queue: Int32) { places[place(queue)].figures.enqueued &+= 1 }

  func started(_ queue: Int32, waited: Interval) { places[place(queue)].figures.wait.record(waited) }

  func ended(_ queue: Int32, ran: Interval) { places[place(queue)].figures.run.record(ran) }

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
      let place = place(number(of: events[index].queue))
      switch kind {
      case .started: places[place].figures.started &+= 1
      case .succeeded: places[place].figures.succeeded &+= 1
      case .failed: places[place].figures.failed &+= 1
      case .dead: places[place].figures.dead &+= 1
      case .canceled: places[place].figures.canceled &+= 1
      case .expired: places[place].figures.expired &+= 1
      case .leaseLost: places[place].figures.lost &+= 1
      default: break
      }
    }
  }

  /// Once a period: who is busier than one that has a place gets it. What was counted for that one goes to all others.
  func pass(_ now: Instant) {
    guard let end = periodEnds else {
      periodEnds = now + Self.period
      return
    }
    if now < end { return }
    periodEnds = now + Self.period
    defer {
      candidates.removeAll(keepingCapacity: true)
      for place in places.indices { places[place].recent = 0 }
    }
    if candidates.isEmpty { return }
    for candidate in candidates { numbers[candidate.name] = nil }
    let busiest = candidates.sorted { ($1.count, $0.name) < ($0.count, $1.name) }
    let idlest = places.indices.dropFirst().sorted { places[$0].recent < places[$1].recent }
    for ((name, count), place) in zip(busiest, idlest) {
      // Those that do about the same do not take turns.
      if count / 2 < places[place].recent { break }
      give(place, to: name)
    }
    last = ("", Self.other)
  }

  private func give(_ place: Int, to name: String) {
    numbers[places[place].name] = nil
    places[0].figures.add(places[place].figures)
    let generation = (places[place].generation + 1) & 0x7FFF
    places[place] = Place(name: name, generation: generation)
    numbers[name] = generation << 16 | Int32(place)
  }

  /// Those that have figures of their own.
  var names: [String] { places.dropFirst().map(\.name) }

  var byName: [String: EngineStatistics.Queue] {
    var result: [String: EngineStatistics.Queue] = [:]
    for (index, place) in places.enumerated()
    where index > 0 || place.figures.enqueued > 0 || place.figures.started > 0 {
      result[place.name] = place.figures
    }
    return result
  }
}
