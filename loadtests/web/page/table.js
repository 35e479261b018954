// Rows that stay where they are: a poll changes texts, not nodes, so focus and selection survive.
// Text only ever becomes textContent.

/** Set a node's text, and only if it differs. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Keys told apart: the second of the same gets a number. */
export function unique(keys) {
  const seen = new Map();
  return keys.map((key) => {
    const times = seen.get(key) ?? 0;
    seen.set(key, times + 1);
    return times ? `${key} (${times + 1})` : key;
  });
}

export function badge(kind, label, mark = "") {
  return { kind, label, mark };
}

function fill(cell, content) {
  const { label, kind, mark, note } =
    typeof content === "object" && content !== null ? content : { label: String(content) };
  if (kind === undefined) {
    say(cell, label);
  } else {
    let chip = cell.firstElementChild;
    if (chip === null) {
      cell.textContent = "";
      chip = document.createElement("span");
      cell.append(chip);
    }
    chip.className = `badge ${kind}`;
    say(chip, mark ? `${mark} ${label}` : label);
  }
  if (note) cell.title = note;
  else cell.removeAttribute("title");
}

/**
 * Make a table's body show rows. columns: a class name each ("number", "", …); the first column
 * is the row's header unless `head` says which. rows: [{key, cells}], cells as text or badge().
 */
export function show(body, columns, rows, head = 0) {
  const known = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  const keys = unique(rows.map(({ key }) => key));
  rows.forEach(({ cells }, at) => {
    const key = keys[at];
    let row = known.get(key);
    known.delete(key);
    if (row && row.cells.length !== cells.length) {
      row.remove();
      row = undefined;
    }
    row ??= build(key, columns, head);
    if (body.rows[at] !== row) body.insertBefore(row, body.rows[at] ?? null);
    cells.forEach((content, column) => {
      if (content !== null) fill(row.cells[column], content);
    });
  });
  for (const row of known.values()) row.remove();
}

function build(key, columns, head) {
  const row = document.createElement("tr");
  row.dataset.key = key;
  columns.forEach((className, column) => {
    const cell = document.createElement(column === head ? "th" : "td");
    if (column === head) cell.scope = "row";
    if (className) cell.className = className;
    row.append(cell);
  });
  return row;
}
