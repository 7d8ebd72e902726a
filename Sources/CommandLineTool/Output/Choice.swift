import ArgumentParser

/// What an option may be: one of a few cases, by their names.
struct Choice<Value: Sendable>: Sendable {
  private let values: [Value]

  init(_ values: Value...) { self.values = values }

  var completion: CompletionKind { .list(values.map { "\($0)" }) }

  /// "keep, reject or replace".
  var form: String {
    let words = values.map { "\($0)" }
    return words.dropLast().joined(separator: ", ") + " or \(words[words.count - 1])"
  }

  subscript(word: String) -> Value? { values.first { "\($0)" == word } }

  func read(_ word: String) throws -> Value {
    guard let value = self[word] else { throw ValidationError("'\(word)' is not \(form)") }
    return value
  }
}
