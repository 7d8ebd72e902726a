import Testing

@testable import SQLiteStorage

/// Which way of writing is taken, by how long each took.
@Suite struct WritePaceTests {
  /// A disk and a processor, in seconds a write.
  private struct Machine {
    var pace = WritePace()
    var now = 100.0
    var unattended: Double
    var thread: Double
    private(set) var unattendedWrites = 0

    init(unattended: Double, thread: Double) {
      self.unattended = unattended
      self.thread = thread
    }

    /// One after the other, for so many seconds.
    mutating func write(seconds: Double) {
      unattendedWrites = 0
      let end = now + seconds
      while now < end { writeOne() }
    }

    mutating func writeOne() {
      if pace.isUnattended(at: now) {
        unattendedWrites += 1
        now += unattended
        pace.wrote(in: unattended, at: now)
      } else {
        now += thread
        pace.threadWrote(in: thread, at: now)
      }
    }
  }

  @Test func aQuickDiskIsWrittenToWithoutAThread() {
    var machine = Machine(unattended: 0.0002, thread: 0.0002)
    for _ in 1...10_000 { machine.writeOne() }
    #expect(machine.unattendedWrites == 10_000)
  }

  /// A program computes where the kernel would end unattended writes.
  @Test func whatAThreadDoesMuchQuickerIsLeftToIt() {
    var machine = Machine(unattended: 0.004, thread: 0.0003)
    machine.write(seconds: 10)
    // Eight writes to find out, after 0, 1, 3 and 7 seconds.
    #expect(machine.unattendedWrites == 32)
    machine.write(seconds: 600)
    #expect(machine.unattendedWrites < 130)
    // It is tried again at most a minute later.
    machine.unattended = 0.0003
    machine.write(seconds: 61)
    machine.write(seconds: 10)
    #expect(machine.unattendedWrites > 30_000)
    // What it had learnt is forgotten then: back after a second, not after a minute.
    machine.unattended = 0.004
    machine.write(seconds: 1)
    machine.unattended = 0.0003
    machine.write(seconds: 1)
    #expect(machine.unattendedWrites > 100)
  }

  /// A thread would not be quicker: it is asked seldom.
  @Test func aSlowDiskIsWrittenToWithoutAThread() {
    var machine = Machine(unattended: 0.006, thread: 0.005)
    machine.write(seconds: 60)
    // But for trials of eight after 0, 1, 3, 7, 15 and 31 seconds.
    #expect(machine.unattendedWrites > 9_900)
  }

  @Test func oneSlowWriteChangesNothing() {
    var machine = Machine(unattended: 0.0002, thread: 0.0002)
    for _ in 1...20 { machine.writeOne() }
    for _ in 1...50 {
      machine.unattended = 0.01
      machine.writeOne()
      machine.unattended = 0.0002
      for _ in 1...20 { machine.writeOne() }
    }
    #expect(machine.unattendedWrites == 20 + 50 * 21)
  }

  /// A disk that hung is left to the thread for a second, and so is one whose kernel refuses.
  @Test func aDiskInTroubleIsLeftToTheThreadForASecond() {
    var pace = WritePace()
    pace.wrote(in: 0.02, at: 100)
    #expect(pace.isUnattended(at: 100))
    pace.wrote(in: 0.021, at: 101)
    #expect(!pace.isUnattended(at: 101.999))
    #expect(pace.isUnattended(at: 102))
    pace.refused(at: 103)
    // That the thread is quick meanwhile says nothing.
    for _ in 1...20 { pace.threadWrote(in: 0.0001, at: 103.5) }
    #expect(!pace.isUnattended(at: 103.999))
    #expect(pace.isUnattended(at: 104))
  }
}
