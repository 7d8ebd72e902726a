import Jobs
import SQLRecords

/// A row of the table `inbox` as an item.
enum InboxRow {
  static func item(_ rows: PostgresResult, _ row: Int) throws(StoreError) -> InboxItem {
    func text(_ column: Int) -> String { rows.optionalString(row, column) ?? "" }
    func span(_ column: Int) -> Interval? {
      rows.isNull(row, column) ? nil : Interval(microseconds: rows.int64(row, column))
    }
    func number(_ column: Int) -> UInt32? {
      rows.isNull(row, column) ? nil : UInt32(clamping: rows.int32(row, column))
    }
    func double(_ column: Int) -> Double? {
      rows.isNull(row, column) ? nil : Double(bitPattern: UInt64(bitPattern: rows.int64(row, column)))
    }
    var draft = JobDraft()
    draft.maxAttempts = number(12)
    draft.initialBackoff = span(13)
    draft.maxBackoff = span(14)
    draft.multiplier = double(15)
    draft.jitter = double(16)
    draft.maxLost = number(17)
    draft.timeout = span(10)
    draft.startBefore = rows.optionalTime(row, 9)
    draft.retention = span(11)
    draft.uniqueKey = text(18)
    draft.uniqueHold = span(19)
    draft.onConflict = text(20)
    draft.concurrencyKey = text(21)
    draft.fairnessKey = text(22)
    draft.batchID = text(23)
    draft.dependsOn = text(24).split(separator: ",").map(String.init)
    draft.onDependencyFailure = text(25)
    let payload = rows.bytes(row, 6)
    let metadata =
      rows.isNull(row, 8) ? [] : ParsedJSON.object(rows.bytes(row, 8)).flatMap { ParsedJSON.texts($0) }
    return InboxItem(
      number: rows.int64(row, 0),
      job: NewJob(
        id: rows.string(row, 1), queue: rows.string(row, 2), name: rows.string(row, 3),
        priority: Int8(clamping: rows.int32(row, 4)), runAt: rows.optionalTime(row, 5), options: draft.options,
        payloadSize: payload.count),
      payload: payload, contentType: text(7), metadata: metadata ?? [],
      fault: metadata == nil ? "metadata: an object of texts" : nil)
  }
}
