import ArgumentParser
import Jobs

/// One thing that can be set: by a flag, else by the environment, else by the file of `--config`; else it has its default.
struct Setting {
  /// With its dashes: `--lease`.
  let flag: String
  /// As given; nil: nobody says anything.
  let text: String?
  /// For people: who gave it.
  private let source: String

  init(_ flag: String, _ given: String?, environment: SettingSources) {
    self.flag = flag
    let found = environment.find(String(flag.drop { $0 == "-" }), given: given)
    text = found?.text
    source = found?.source ?? flag
  }

  /// `GKICK_LEASE` for `--lease`.
  static func variable(for flag: String) -> String {
    "GKICK_" + flag.drop { $0 == "-" }.uppercased().replacing("-", with: "_")
  }

  /// - Parameter parse: nil refuses the text.
  /// - Parameter allowed: what the error says is allowed.
  func value<Value>(default standard: Value, allowed: String, _ parse: (String) -> Value?) throws -> Value {
    guard let text else { return standard }
    guard let value = parse(text) else { throw refusal(text, allowed: allowed) }
    return value
  }

  func number(default standard: Int, _ range: ClosedRange<Int>) throws -> Int {
    try value(default: standard, allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
      Int(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  func time(default standard: Interval, _ range: ClosedRange<Interval>) throws -> Interval {
    let allowed =
      "\(IntervalText.form), from \(IntervalText.format(range.lowerBound)) to \(IntervalText.format(range.upperBound))"
    return try value(default: standard, allowed: allowed) { text in
      IntervalText.parse(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// Of a flag without a value, which a variable or a file turns on or off by a word.
  ///
  /// - Parameter given: the flag is there.
  static func isOn(_ flag: String, _ given: Bool, environment: SettingSources) throws -> Bool {
    let setting = Setting(flag, given ? "true" : nil, environment: environment)
    return try setting.value(default: false, allowed: "1, true, yes or on, nor 0, false, no or off") { text in
      switch text.lowercased() {
      case "1", "true", "yes", "on": true
      case "0", "false", "no", "off": false
      default: nil
      }
    }
  }

  func refusal(_ text: String, allowed: String) -> ValidationError {
    ValidationError("\(source): '\(text)' is not \(allowed)")
  }
}
