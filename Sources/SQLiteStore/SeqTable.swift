/// A dictionary by seq for what every job passes through: `Dictionary` hashes each key against attackers, which numbers that the store itself
/// makes do not need. Open addressing; a removed entry's gap is closed, so that no search stops short.
struct SeqTable<Value> {
  /// 0: free, no job has this number.
  private var seqs: [Int64]
  private var values: [Value?]
  private(set) var count = 0

  init() {
    seqs = Array(repeating: 0, count: 64)
    values = Array(repeating: nil, count: 64)
  }

  subscript(seq: Int64) -> Value? {
    let place = place(of: seq)
    return seqs[place] == seq ? values[place] : nil
  }

  mutating func insert(_ seq: Int64, _ value: Value) {
    if (count + 1) * 2 > seqs.count { grow() }
    let place = place(of: seq)
    if seqs[place] != seq { count += 1 }
    seqs[place] = seq
    values[place] = value
  }

  mutating func remove(_ seq: Int64) {
    var gap = place(of: seq)
    guard seqs[gap] == seq else { return }
    count -= 1
    let mask = seqs.count - 1
    var next = (gap + 1) & mask
    while seqs[next] != 0 {
      let home = home(of: seqs[next])
      if (next - home) & mask >= (next - gap) & mask {
        seqs[gap] = seqs[next]
        values.swapAt(gap, next)
        gap = next
      }
      next = (next + 1) & mask
    }
    seqs[gap] = 0
    values[gap] = nil
  }

  /// Numbers that follow each other lie far apart, so that runs of them do not grow together.
  private func home(of seq: Int64) -> Int {
    Int(truncatingIfNeeded: (UInt64(bitPattern: seq) &* 0x9E37_79B9_7F4A_7C15) >> 32) & (seqs.count - 1)
  }

  /// Where it is, or where it would be put.
  private func place(of seq: Int64) -> Int {
    var place = home(of: seq)
    while seqs[place] != seq, seqs[place] != 0 { place = (place + 1) & (seqs.count - 1) }
    return place
  }

  private mutating func grow() {
    let old = (seqs, values)
    seqs = Array(repeating: 0, count: old.0.count * 2)
    values = Array(repeating: nil, count: old.0.count * 2)
    for (seq, value) in zip(old.0, old.1) where seq != 0 {
      let place = place(of: seq)
      seqs[place] = seq
      values[place] = value
    }
  }
}
