public import Jobs

extension Backlog {
  /// Takes in what programs put into the storage by themselves, in that order. What cannot become a job, and what is one already, is told by
  /// an event and by the row that the storage keeps of it. - Returns: the queues of those that became jobs.
  public func takeIn(_ items: [InboxItem], now: Moment) throws(StoreError) -> [String] {
    let sound = items.filter { $0.fault == nil }
    let results = try enqueue(sound.map { EnqueueGroup(jobs: [$0.job]) }, now: now)
    var next = 0
    var stored: [String] = []
    for item in items {
      var refusal: (reason: String, existing: String)?
      if let fault = item.fault {
        refusal = (fault, "")
      } else {
        refusal = refused(item.job, results[next])
        next += 1
      }
      taken.append(
        TakenItem(
          number: item.number,
          refusal: refusal.map { said in
            TakenItem.Refusal(
              id: item.job.id, queue: item.job.queue, name: item.job.name, reason: said.reason,
              existingID: said.existing)
          }))
      guard let refusal else {
        stored.append(item.job.queue)
        continue
      }
      let failure = Failure(type: "refused", message: refusal.reason, retryable: false, at: now.wall)
      record([
        Event(
          kind: .refused, at: now.wall, jobID: item.job.id, queue: item.job.queue, name: item.job.name,
          batchID: item.job.options.batchID, detail: .failure(failure))
      ])
    }
    return stored
  }

  /// Why it did not become a job of its own; nil: it did.
  private func refused(_ job: NewJob, _ result: EnqueueResult) -> (reason: String, existing: String)? {
    switch result {
    case .stored: nil
    case .duplicate(let id, _, _) where id == job.id: ("the id exists", id)
    case .duplicate(let id, let state, _):
      if job.options.unique?.onConflict == .replace, [.ready, .scheduled, .retrying, .blocked].contains(state) {
        ("the unique key is held by a waiting job, which took over what was asked for", id)
      } else {
        ("the unique key is held", id)
      }
    case .conflict(let existing): ("the unique key is held", existing)
    case .withdrawn: ("it was withdrawn", "")
    case .refused(.unknownDependency(let id)): ("depends_on: there is no job \(id)", id)
    case .refused(.circle): ("depends_on: the job would wait for itself", "")
    case .refused(.batchClosed(let id)): ("batch_id: the batch \(id) is closed", "")
    case .refused(.tooManyWaiting): ("as many jobs wait as the limit allows", "")
    case .refused(.foreignID): ("the id exists", job.id)
    case .refused(.foreignBatch(let id)): ("batch_id: the batch \(id) is another's", "")
    }
  }
}
