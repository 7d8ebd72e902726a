import CProtobufC
import GKickProtos
public import Jobs

/// Limits, as the server sees them.
extension Codec {
  public func decodePutLimitRequest(_ bytes: RawSpan) throws(WireError) -> Limit {
    let message = unsafe try open(bytes, gkick__v1__put_limit_request__unpack)
    guard let given = unsafe message.pointee.limit else { throw WireError("limit", "required") }
    return unsafe try limit(given)
  }

  private func limit(_ given: UnsafeMutablePointer<Gkick__V1__Limit>) throws(WireError) -> Limit {
    var limit = Limit(unsafe try scope(given), maxRunning: unsafe given.pointee.max_running)
    limit.maxWaiting = unsafe given.pointee.max_waiting
    let count = unsafe given.pointee.rate_count
    guard count <= Limit.maxPerPeriod else { throw WireError("limit.rate_count", "at most 1,000,000") }
    let period = unsafe try interval(
      given.pointee.rate_period, "limit.rate_period", least: Limit.shortestPeriod, most: Limit.longestPeriod)
    switch (count, period) {
    case (0, nil): break
    case (0, _): throw WireError("limit.rate_count", "required with rate_period")
    case (_, nil): throw WireError("limit.rate_period", "required with rate_count")
    case (_, let period?):
      limit.rate = Limit.Rate(count: count, period: period)
    }
    guard limit.maxRunning > 0 || limit.rate != nil || limit.maxWaiting > 0 else {
      throw WireError("limit", "limits nothing: max_running, rate_count and rate_period, or max_waiting")
    }
    return limit
  }

  private func scope(_ given: UnsafeMutablePointer<Gkick__V1__Limit>) throws(WireError) -> Limit.Scope {
    // The union has what its case says.
    switch unsafe given.pointee.scope_case {
    case GKICK__V1__LIMIT__SCOPE_QUEUE: return .queue(unsafe try required(given.pointee.queue, "limit.queue"))
    case GKICK__V1__LIMIT__SCOPE_CONCURRENCY_KEY:
      let key = unsafe try text(given.pointee.concurrency_key, "limit.concurrency_key", max: Bounds.key)
      guard !key.isEmpty else { throw WireError("limit.concurrency_key", "required") }
      return .key(key)
    case GKICK__V1__LIMIT__SCOPE_CONCURRENCY_KEY_PREFIX:
      return .keyPrefix(
        unsafe try text(given.pointee.concurrency_key_prefix, "limit.concurrency_key_prefix", max: Bounds.key))
    default: throw WireError("limit.scope", "required: queue, concurrency_key or concurrency_key_prefix")
    }
  }

  public func decodeDeleteLimitRequest(_ bytes: RawSpan) throws(WireError) -> Limit.Scope {
    let message = unsafe try open(bytes, gkick__v1__delete_limit_request__unpack)
    guard let given = unsafe message.pointee.limit else { throw WireError("limit", "required") }
    return unsafe try scope(given)
  }

  public func decodeListLimitsRequest(
    _ bytes: RawSpan
  ) throws(WireError) -> (limit: Int, after: Limit.Scope?) {
    let message = unsafe try open(bytes, gkick__v1__list_limits_request__unpack)
    let token = unsafe try text(message.pointee.page_token, "page_token", max: Bounds.key + 2)
    guard !token.isEmpty else { return (Self.pageSize(unsafe message.pointee.page_size), nil) }
    guard let scope = Limit.Scope(documentKey: token) else { throw WireError("page_token", "not one of ours") }
    return (Self.pageSize(unsafe message.pointee.page_size), scope)
  }

  /// 0: 100; at most 1,000.
  static func pageSize(_ asked: UInt32) -> Int { asked == 0 ? 100 : Int(min(asked, 1_000)) }

  public func encodeListLimitsResponse(_ views: [LimitView], next: Limit.Scope?) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__list_limits_response__init)
    unsafe message.pointee.n_limits = views.count
    unsafe message.pointee.limits = arena.array(views.count) { unsafe limit(views[$0].limit) }
    unsafe message.pointee.n_usage = views.count
    unsafe message.pointee.usage = arena.array(views.count) { index in
      let view = views[index].usage
      let usage = unsafe arena.make(gkick__v1__limit_usage__init)
      unsafe usage.pointee.running = view.running
      unsafe usage.pointee.waiting = view.waiting
      unsafe usage.pointee.held_back = view.heldBack
      unsafe usage.pointee.started_in_period = view.startedInPeriod
      unsafe usage.pointee.keys = view.keys
      unsafe usage.pointee.busiest_key = arena.copy(view.busiestKey)
      return unsafe usage
    }
    unsafe message.pointee.next_page_token = arena.copy(next?.documentKey ?? "")
    return unsafe finish(message)
  }

  private func limit(_ limit: Limit) -> UnsafeMutablePointer<Gkick__V1__Limit> {
    let message = unsafe arena.make(gkick__v1__limit__init)
    switch limit.scope {
    case .queue(let name):
      unsafe message.pointee.scope_case = GKICK__V1__LIMIT__SCOPE_QUEUE
      unsafe message.pointee.queue = arena.copy(name)
    case .key(let key):
      unsafe message.pointee.scope_case = GKICK__V1__LIMIT__SCOPE_CONCURRENCY_KEY
      unsafe message.pointee.concurrency_key = arena.copy(key)
    case .keyPrefix(let prefix):
      unsafe message.pointee.scope_case = GKICK__V1__LIMIT__SCOPE_CONCURRENCY_KEY_PREFIX
      unsafe message.pointee.concurrency_key_prefix = arena.copyChosen(prefix)
    }
    unsafe message.pointee.max_running = limit.maxRunning
    if let rate = limit.rate {
      unsafe message.pointee.rate_count = rate.count
      unsafe message.pointee.rate_period = duration(rate.period)
    }
    unsafe message.pointee.max_waiting = limit.maxWaiting
    return unsafe message
  }

  // MARK: As an operator sees them

  public func encodePutLimitRequest(_ given: Limit) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__put_limit_request__init)
    unsafe message.pointee.limit = limit(given)
    return unsafe finish(message)
  }

  public func encodeDeleteLimitRequest(_ scope: Limit.Scope) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__delete_limit_request__init)
    unsafe message.pointee.limit = limit(Limit(scope))
    return unsafe finish(message)
  }

  /// Limits, batches' and recurring jobs' lists ask alike but for what else they say.
  public func encodeListLimitsRequest(pageSize: UInt32 = 0, pageToken: String = "") -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__list_limits_request__init)
    unsafe message.pointee.page_size = pageSize
    unsafe message.pointee.page_token = arena.copy(pageToken)
    return unsafe finish(message)
  }

  public func decodeListLimitsResponse(_ bytes: RawSpan) throws(WireError) -> (limits: [LimitView], next: String) {
    let message = unsafe try open(bytes, gkick__v1__list_limits_response__unpack)
    var views: [LimitView] = []
    for index in 0..<(unsafe message.pointee.n_limits) {
      // There are n_limits of them, and none is nil; as many uses, if the server says any.
      let given = unsafe message.pointee.limits[index]!
      var limit = Limit(unsafe try scope(given), maxRunning: unsafe given.pointee.max_running)
      limit.maxWaiting = unsafe given.pointee.max_waiting
      if let period = unsafe try interval(given.pointee.rate_period, "limits.rate_period") {
        limit.rate = Limit.Rate(count: unsafe given.pointee.rate_count, period: period)
      }
      var usage = LimitUsage()
      if unsafe index < message.pointee.n_usage {
        let said = unsafe message.pointee.usage[index]!
        usage.running = unsafe said.pointee.running
        usage.waiting = unsafe said.pointee.waiting
        usage.heldBack = unsafe said.pointee.held_back
        usage.startedInPeriod = unsafe said.pointee.started_in_period
        usage.keys = unsafe said.pointee.keys
        usage.busiestKey = unsafe try text(said.pointee.busiest_key, "usage.busiest_key", max: .max)
      }
      views.append(LimitView(limit: limit, usage: usage))
    }
    return (views, unsafe try text(message.pointee.next_page_token, "next_page_token", max: .max))
  }
}
