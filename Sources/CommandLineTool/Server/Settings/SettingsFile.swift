import ArgumentParser
import Yams

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The file that `--config` names: YAML, of which JSON is a part. One level of keys, each with one value or a list of them.
///
///     listen: [127.0.0.1:7450, unix:/run/gkick/gkick.sock]
///     store: embedded:/var/lib/gkick
///     lease: 30s
struct SettingsFile {
  let path: String
  /// Lists as the flags' text is: with commas. What is empty is not set.
  private(set) var values: [String: String] = [:]

  init(path: String) throws {
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw ValidationError("--config: \(path) cannot be read; is it there, and text?")
    }
    try self.init(text, path: path)
  }

  init(_ text: String, path: String) throws {
    self.path = path
    let root: Node?
    do {
      root = try Parser(yaml: text).singleRoot()
    } catch {
      throw ValidationError("\(path): \(Self.words(error))")
    }
    // Nothing but comments is nothing at all.
    guard let root, root.null == nil else { return }
    guard let mapping = root.mapping else { throw ValidationError("\(path): must be `key: value` lines") }
    for (key, value) in mapping {
      guard let name = key.string else { throw ValidationError("\(path): a key is not text") }
      guard values[name] == nil else { throw ValidationError("\(path): '\(name)' is there twice") }
      let text: String? =
        switch value {
        case .scalar(let scalar): value.null == nil ? scalar.string : ""
        case .sequence(let list): Self.joined(list)
        case .mapping, .alias: nil
        }
      guard let text else {
        throw ValidationError("\(path): '\(name)' must be one value or a list of values; there are no sections")
      }
      if !text.isEmpty { values[name] = text }
    }
  }

  private static func joined(_ list: Node.Sequence) -> String? {
    let items = list.map { $0.scalar?.string }
    return items.contains(nil) ? nil : items.compactMap(\.self).joined(separator: ",")
  }

  private static func words(_ error: any Error) -> String {
    guard let error = error as? YamlError else { return "\(error)" }
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return "line \(mark.line), column \(mark.column): \(problem)"
    default: return "\(error)"
    }
  }

  /// A value so that it is read back as it is.
  static func quoted(_ text: String) -> String {
    let isPlain =
      text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "./-_".contains($0)) }
      && text.first?.isLetter ?? false
    return isPlain ? text : "'\(text.replacing("'", with: "''"))'"
  }
}
