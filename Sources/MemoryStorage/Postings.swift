import Jobs

/// What jobs are found by.
enum Posting: Hashable, Sendable {
  case all
  case queue(String)
  case name(String)
  case state(JobState)
  case batch(String)
  case concurrency(String)
  case fairness(String)
  case recurring(String)
}

extension StoredJob {
  /// The lists that it is in.
  var postings: [Posting] {
    let job = head.job
    var list: [Posting] = [.all, .queue(job.queue), .name(job.name), .state(standing.state)]
    let options = job.options
    if options === JobOptions.standard { return list }
    if !options.batchID.isEmpty { list.append(.batch(options.batchID)) }
    if !options.concurrencyKey.isEmpty { list.append(.concurrency(options.concurrencyKey)) }
    if !options.fairnessKey.isEmpty { list.append(.fairness(options.fairnessKey)) }
    if !options.recurringJobID.isEmpty { list.append(.recurring(options.recurringJobID)) }
    return list
  }
}

extension JobQuery {
  /// Lists that together hold all that may match, in each way there is.
  var choices: [[Posting]] {
    var choices: [[Posting]] = [[.all]]
    if !queue.isEmpty { choices.append([.queue(queue)]) }
    if !name.isEmpty { choices.append([.name(name)]) }
    if !states.isEmpty { choices.append(states.map { .state($0) }) }
    if !batchID.isEmpty { choices.append([.batch(batchID)]) }
    if !concurrencyKey.isEmpty { choices.append([.concurrency(concurrencyKey)]) }
    if !fairnessKey.isEmpty { choices.append([.fairness(fairnessKey)]) }
    if !recurringJobID.isEmpty { choices.append([.recurring(recurringJobID)]) }
    return choices
  }
}

/// Elements in order. Those that mean nothing any more stay until they are many.
struct SortedList<Element: Comparable & Sendable>: Sendable {
  private var all: [Element] = []
  /// Those before it are taken.
  private var start = 0
  private var end: Int?
  private var stale = 0

  var elements: ArraySlice<Element> { all[start..<(end ?? all.count)] }
  var first: Element? { elements.first }
  var isMostlyStale: Bool { stale > 64 && stale > (all.count - start) / 2 }

  /// Of the first that is not less.
  private func index(of element: Element) -> Int {
    var low = start
    var high = all.count
    while low < high {
      let middle = (low + high) / 2
      if all[middle] < element { low = middle + 1 } else { high = middle }
    }
    return low
  }

  mutating func insert(_ element: Element) {
    if let last = elements.last, element <= last {
      let index = index(of: element)
      // It may have been left behind here.
      if all[index] != element { all.insert(element, at: index) } else { stale = max(0, stale - 1) }
    } else {
      all.append(element)
    }
  }

  mutating func removeFirst() {
    start += 1
    if start > 1_024, start > all.count / 2 {
      all.removeFirst(start)
      start = 0
    }
  }

  /// Leaves out, in a copy that is only looked at, all from here on.
  mutating func cut(from element: Element) { end = min(end ?? all.count, index(of: element)) }

  mutating func noteStale() { stale += 1 }

  mutating func clean(_ means: (Element) -> Bool) {
    all = elements.filter(means)
    start = 0
    stale = 0
  }
}
