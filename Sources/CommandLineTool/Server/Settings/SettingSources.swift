import ArgumentParser
import Configuration

/// Where settings come from that no flag names: the environment and, under it, the file that `--config` names.
///
/// A setting is known by its flag's name in all three: `--max-payload`, `GKICK_MAX_PAYLOAD`, `max-payload:`.
final class SettingSources {
  private let environment: ConfigReader
  private let file: SettingsFile?
  /// What was asked for, with what its flag said: every setting that there is, once all are read.
  private var asked: [String: String?] = [:]

  init(environment: [String: String], file: SettingsFile? = nil) {
    // An empty variable is one that is not set.
    self.environment = ConfigReader(
      provider: EnvironmentVariablesProvider(environmentVariables: environment.filter { !$0.value.isEmpty }))
    self.file = file
  }

  /// - Parameter config: what `--config` says.
  /// - Throws: what is wrong with the file, for people.
  convenience init(config: String?, environment: [String: String]) throws {
    let path = config ?? environment["GKICK_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
    self.init(environment: environment, file: try path.map { try SettingsFile(path: $0) })
  }

  struct Found {
    var text: String
    /// For people: who said it.
    var source: String
  }

  /// - Parameters:
  ///   - name: `max-payload`.
  ///   - given: by its flag, which wins.
  func find(_ name: String, given: String?) -> Found? {
    asked.updateValue(given, forKey: name)
    if let given { return Found(text: given, source: "--\(name)") }
    if let text = environment.string(forKey: ConfigKey(["gkick", name])) {
      return Found(text: text, source: "\(Setting.variable(for: name)) (--\(name))")
    }
    return file?.values[name].map { Found(text: $0, source: "\(name) in \(file?.path ?? "")") }
  }

  /// To be called when all settings have been read: a key of the file that nobody asked for is a mistake.
  func refuseUnknown() throws {
    guard let file else { return }
    for name in file.values.keys.sorted() where asked[name] == nil {
      throw ValidationError("\(file.path): there is no setting '\(name)'; its keys are the flags of `gkick server`")
    }
  }

  /// Every setting that there is, as a file for `--config`: those that are set, and by whom; the others as comments.
  var description: String {
    asked.sorted { $0.key < $1.key }.map { name, given in
      guard let found = find(name, given: given) else { return "# \(name):" }
      return "\(name): \(SettingsFile.quoted(found.text))  # \(found.source)"
    }.joined(separator: "\n")
  }
}

extension SettingSources: ExpressibleByDictionaryLiteral {
  convenience init(dictionaryLiteral elements: (String, String)...) {
    self.init(environment: Dictionary(uniqueKeysWithValues: elements))
  }
}
