/// Which jobs may have a text (a chosen id, a unique key): its hash and their seqs, 16 bytes each. A hit says "perhaps": whoever asks compares
/// the job's own text, so texts that share a hash do no harm.
struct HashIndex {
  private struct Slot {
    /// 0: free.
    var hash: UInt64 = 0
    var seq: Int64 = 0
  }

  /// A power of two of them, at most two thirds full.
  private var slots: [Slot] = Array(repeating: Slot(), count: 16)
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
      func take(_ word: UInt64) {
        let product = (hash ^ word).multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
        hash = product.high ^ product.low ^ seed
      }
      let raw = UnsafeRawBufferPointer(bytes)
      var place = 0
      while place + 8 <= raw.count {
        // There are eight more.
        unsafe take(UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: place, as: UInt64.self)))
        place += 8
      }
      if place < raw.count {
        var word: UInt64 = 0
        var shift: UInt64 = 0
        while place < raw.count {
          unsafe word |= UInt64(raw[place]) << shift
          shift += 8
          place += 1
        }
        take(word)
      }
    }
    let product = (hash ^ 0xE703_7ED1_A0B4_28DB).multipliedFullWidth(by: 0x8EBC_6AF0_9C88_C6E3)
    hash = product.high ^ product.low
    return hash == 0 ? 1 : hash
  }

  /// Calls `body` with each job that may have the text; ends early when it returns true.
  @inline(__always)
  func search(_ hash: UInt64, _ body: (Int64) -> Bool) {
    let mask = slots.count - 1
    var place = Int(truncatingIfNeeded: hash) & mask
    while slots[place].hash != 0 {
      if slots[place].hash == hash, body(slots[place].seq) { return }
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
    if (count + 1) * 3 > slots.count * 2 { resize(slots.count * 2) }
    let mask = slots.count - 1
    var place = Int(truncatingIfNeeded: hash) & mask
    while slots[place].hash != 0 {
      if slots[place].hash == hash, slots[place].seq == seq { return }
      place = (place + 1) & mask
    }
    slots[place] = Slot(hash: hash, seq: seq)
    count += 1
  }

  /// Makes room for so many at once.
  mutating func reserve(_ expected: Int) {
    var size = slots.count
    while expected > size / 3 * 2 { size *= 2 }
    if size > slots.count { resize(size) }
  }

  private mutating func resize(_ size: Int) {
    let old = slots
    slots = Array(repeating: Slot(), count: size)
    let mask = size - 1
    for slot in old where slot.hash != 0 {
      var place = Int(truncatingIfNeeded: slot.hash) & mask
      while slots[place].hash != 0 { place = (place + 1) & mask }
      slots[place] = slot
    }
  }

  mutating func remove(_ hash: UInt64, _ seq: Int64) {
    let mask = slots.count - 1
    var gap = Int(truncatingIfNeeded: hash) & mask
    while slots[gap].hash != hash || slots[gap].seq != seq {
      if slots[gap].hash == 0 { return }
      gap = (gap + 1) & mask
    }
    count -= 1
    var next = (gap + 1) & mask
    while slots[next].hash != 0 {
      let home = Int(truncatingIfNeeded: slots[next].hash) & mask
      if (next - home) & mask >= (next - gap) & mask {
        slots[gap] = slots[next]
        gap = next
      }
      next = (next + 1) & mask
    }
    slots[gap].hash = 0
  }
}
