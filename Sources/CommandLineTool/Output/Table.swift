/// Rows under headings, in columns as wide as their widest cell.
struct Table {
  struct Column {
    var title: String
    /// Numbers stand to the right.
    var isNumeric = false
  }
  let columns: [Column]
  private var rows: [[String]] = []

  init(_ columns: [Column]) { self.columns = columns }

  /// "NAME" is text, "#READY" a number.
  init(_ titles: String...) {
    columns = titles.map {
      $0.hasPrefix("#") ? Column(title: String($0.dropFirst()), isNumeric: true) : Column(title: $0)
    }
  }

  mutating func add(_ cells: [String]) { rows.append(cells.map(Table.onOneLine)) }

  func text(style: Style) -> String {
    let widths = columns.indices.map { column in
      rows.reduce(columns[column].title.count) { max($0, column < $1.count ? $1[column].count : 0) }
    }
    func line(_ cells: [String]) -> String {
      var out = ""
      for (column, cell) in cells.enumerated() where column < columns.count {
        let padding = String(repeating: " ", count: max(0, widths[column] - cell.count))
        let isLast = column == columns.count - 1
        out += columns[column].isNumeric ? padding + cell : isLast ? cell : cell + padding
        if !isLast { out += "  " }
      }
      return out
    }
    return ([style.bold(line(columns.map(\.title)))] + rows.map(line)).joined(separator: "\n")
  }

  /// What comes from outside must not move the cursor of somebody's terminal.
  static func onOneLine(_ text: String) -> String {
    String(text.map { $0.isNewline || $0.unicodeScalars.contains { $0.value < 32 || $0.value == 127 } ? "·" : $0 })
  }
}
