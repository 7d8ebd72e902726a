/// Which jobs may have a text (a chosen id, a unique key): its hash and their seqs, 16 bytes each. A hit says "perhaps": whoever asks compares
/// the job's own text, so texts that share a hash do no harm.
struct HashIndex {
  /// 0 is free.
  private var hashes: [UInt64] = Array(repeating: 0, count: 16)
  private var seqs: [Int64] = Array(repeating: 0, count: 16)
  private(set) var count = 0
  /// Spreads the hashes of every process differently, so that nobody can choose texts that fall together.
  let seed: UInt64

  init(seed: UInt64) { self.seed = seed }

  func hash(_ text: String) -> UInt64 { mix(text, seed) }

  func hash(_ first: String, _ second: String) -> UInt64 { mix(second, mix(first, seed)) }

  private func mix(_ text: String, _ start: UInt64) -> UInt64 {
    var text = text
    var hash = start ^ UInt64(text.utf8.count) &* 0x9E37_79B9_7F4A_7C15
    text.withUTF8 { bytes in
      var place = 0
      while place < bytes.count {
        var word: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64, place < bytes.count {
          unsafe word |= UInt64(bytes[place]) << shift
          shift += 8
          place += 1
        }
        let product = (hash ^ word).multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
        hash = product.high ^ product.low ^ seed
      }
    }
    let product = (hash ^ 0xE703_7ED1_A0B4_28DB).multipliedFullWidth(by: 0x8EBC_6AF0_9C88_C6E3)
    hash = product.high ^ product.low
    return hash == 0 ? 1 : hash
  }

  /// Calls `body` with each job that may have the text; ends early when it returns true.
  @inline(__always)
  func search(_ hash: UInt64, _ body: (Int64) -> Bool) {
    let mask = hashes.count - 1
    var place = Int(truncatingIfNeeded: hash) & mask
    while hashes[place] != 0 {
      if hashes[place] == hash, body(seqs[place]) { return }
      place = (place + 1) & mask
    }
  }

  func contains(_ hash: UInt64) -> Bool {
    var found = false
    search(hash) { _ in
      found = true
      return true
    }
    return found
  }

  /// Does nothing when it is there.
  mutating func insert(_ hash: UInt64, _ seq: Int64) {
    var isThere = false
    search(hash) { other in
      isThere = other == seq
      return isThere
    }
    if isThere { return }
    if (count + 1) * 3 > hashes.count * 2 { grow() }
    count += 1
    put(hash, seq)
  }

  private mutating func put(_ hash: UInt64, _ seq: Int64) {
    let mask = hashes.count - 1
    var place = Int(truncatingIfNeeded: hash) & mask
    while hashes[place] != 0 { place = (place + 1) & mask }
    hashes[place] = hash
    seqs[place] = seq
  }

  private mutating func grow() {
    let old = (hashes, seqs)
    hashes = Array(repeating: 0, count: old.0.count * 2)
    seqs = Array(repeating: 0, count: old.0.count * 2)
    for place in old.0.indices where old.0[place] != 0 { put(old.0[place], old.1[place]) }
  }

  mutating func remove(_ hash: UInt64, _ seq: Int64) {
    let mask = hashes.count - 1
    var gap = Int(truncatingIfNeeded: hash) & mask
    while hashes[gap] != hash || seqs[gap] != seq {
      if hashes[gap] == 0 { return }
      gap = (gap + 1) & mask
    }
    count -= 1
    var next = (gap + 1) & mask
    while hashes[next] != 0 {
      let home = Int(truncatingIfNeeded: hashes[next]) & mask
      if (next - home) & mask >= (next - gap) & mask {
        hashes[gap] = hashes[next]
        seqs[gap] = seqs[next]
        gap = next
      }
      next = (next + 1) & mask
    }
    hashes[gap] = 0
  }
}
