import Jobs

/// Prints for people, or with --json for programs.
struct Output {
  let json: Bool
  let style: Style

  init(json: Bool) {
    self.json = json
    style = json ? Style(isOn: false) : .forStandardOutput()
  }

  /// One thing: as JSON, or as the text.
  func print(_ value: @autoclosure () -> JSONValue, _ text: @autoclosure () -> String) {
    Terminal.print(json ? value().text : text())
  }

  /// Many things: a JSON line each, or a table.
  func print<Element>(_ elements: [Element], _ value: (Element) -> JSONValue, table: () -> Table, ifNone: String) {
    if json {
      for element in elements { Terminal.print(value(element).text) }
    } else if elements.isEmpty {
      Terminal.note(ifNone)
    } else {
      Terminal.print(table().text(style: style))
    }
  }

  /// Lines about one thing, each under its title; nothing in them may steer a terminal.
  func page(_ lines: [(title: String, text: String)]) -> String {
    lines.map { style.dim($0.title + String(repeating: " ", count: max(1, 14 - $0.title.count))) + $0.text }
      .joined(separator: "\n")
  }

  func state(_ state: JobState) -> String {
    let name = state.name
    return switch state {
    case .succeeded: style.green(name)
    case .dead: style.red(name)
    case .retrying, .canceled, .expired: style.yellow(name)
    default: name
    }
  }
}
