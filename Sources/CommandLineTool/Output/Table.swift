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

  /// In so many columns of a terminal: while it is wider, these of its own columns go, in this order; then the first is cut.
  func text(style: Style, columns width: Int, dropping: [Int]) -> String {
    var table = self
    var gone: Set<Int> = []
    for column in dropping where table.width > width {
      gone.insert(column)
      table = without(gone)
    }
    let excess = table.width - width
    if excess > 0, let first = table.widths.first {
      let kept = max(4, first - excess)
      table.rows = table.rows.map { [Self.cut($0[0], kept)] + $0.dropFirst() }
    }
    return table.text(style: style)
  }

  private func without(_ gone: Set<Int>) -> Table {
    var table = Table(columns.indices.filter { !gone.contains($0) }.map { columns[$0] })
    table.rows = rows.map { row in row.indices.filter { !gone.contains($0) }.map { row[$0] } }
    return table
  }

  private var widths: [Int] {
    columns.indices.map { column in
      rows.reduce(columns[column].title.count) { max($0, column < $1.count ? $1[column].count : 0) }
    }
  }

  private var width: Int { widths.reduce(0, +) + 2 * max(0, columns.count - 1) }

  /// At most so many characters, the last of them an ellipsis where something is missing.
  static func cut(_ text: String, _ width: Int) -> String {
    text.count <= width ? text : text.prefix(max(0, width - 1)) + "…"
  }

  func text(style: Style) -> String {
    let widths = widths
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
    String(text.map { $0.isNewline || $0.unicodeScalars.contains(where: steers) ? "·" : $0 })
  }

  /// Control characters (of which U+009B begins escape sequences as ESC [ does), and those that turn the direction of writing.
  private static func steers(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}
