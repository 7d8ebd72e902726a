/// What waits on one loop, by number: a slab whose numbers are not used twice (a slot's number counts up in the high half).
struct RouteTable<Entry> {
  private struct Slot {
    var generation: UInt32
    var entry: Entry?
  }
  private var slots: [Slot] = []
  private var free: [UInt32] = []

  mutating func insert(_ entry: Entry) -> UInt64 {
    if let index = free.popLast() {
      slots[Int(index)].entry = entry
      return UInt64(slots[Int(index)].generation) << 32 | UInt64(index)
    }
    slots.append(Slot(generation: 1, entry: entry))
    return 1 << 32 | UInt64(slots.count - 1)
  }

  subscript(id: UInt64) -> Entry? {
    let index = Int(id & 0xFFFF_FFFF)
    guard index < slots.count, slots[index].generation == UInt32(id >> 32) else { return nil }
    return slots[index].entry
  }

  @discardableResult mutating func remove(_ id: UInt64) -> Entry? {
    let index = Int(id & 0xFFFF_FFFF)
    guard index < slots.count, slots[index].generation == UInt32(id >> 32), let entry = slots[index].entry.take() else {
      return nil
    }
    // A slot whose numbers are used up is left alone.
    if slots[index].generation < .max {
      slots[index].generation += 1
      free.append(UInt32(index))
    }
    return entry
  }

  /// All that is in it.
  var entries: [Entry] { slots.compactMap(\.entry) }
}
