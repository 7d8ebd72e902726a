import ArgumentParser

/// Text by which something is named or chosen.
///
/// An empty one, as of a shell's variable that is not set, is never meant: `cancel --queue "$Q" --yes` would cancel the jobs of all queues, and
/// `enqueue --id "$ID"` would store a second job.
enum GivenText {
  static func read(_ text: String) throws -> String {
    guard !text.isEmpty else { throw ValidationError("it is empty; to say nothing, leave it away") }
    return text
  }
}
