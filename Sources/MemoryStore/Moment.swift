import Jobs

/// A job's place in an order by time.
struct Moment: Comparable {
  var at: Timestamp
  var seq: Int64

  static func < (a: Moment, b: Moment) -> Bool { a.at == b.at ? a.seq < b.seq : a.at < b.at }
}
