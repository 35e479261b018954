// The last runs: a table, and those that are ticked side by side with ratios to the first of them.
// Ticks are kept by the run's key over polls; a run that has left the list is unticked.

import * as as from "./format.js";
import { badge, say, show, unique } from "./table.js";
import { loadWords } from "./sections.js";

const LOAD = ["protocol", "workload", "connections", "idle", "rate", "payload"];
const METRICS = [
  ["Requests, /s", (run) => run.requests_per_s],
  ["Response p50, ms", (run) => run.response_ms?.p50],
  ["Response p99, ms", (run) => run.response_ms?.p99],
  ["Service p50, ms", (run) => run.service_ms?.p50],
  ["Service p99, ms", (run) => run.service_ms?.p99],
  ["CPU per request, µs", (run) => run.server_cpu_us_per_request],
  ["Memory, MiB", (run) => as.mebibytes(run.server_memory_bytes)],
];
const COLUMNS = ["tick", "", "load", "number", "number", "number", "number", "number", "number", "gate"];

const both = (times) => (times ? `${as.number(times.p50)}, ${as.number(times.p99)}` : as.NONE);

function validity({ valid, gates, why }) {
  if (!valid) return { ...badge("void", gates.join(", ") || "void", "✕"), note: why };
  return gates.length ? badge("warn", gates.join(", "), "!") : badge("pass", "valid", "✓");
}

export class Runs {
  constructor(at) {
    this.at = at;
    this.ticked = new Set();
    this.runs = [];
    at("clear").addEventListener("click", () => this.#clear());
  }

  show(runs) {
    const keys = unique(runs.map((run) => `${run.at} ${run.server}`));
    this.runs = runs.map((run, at) => ({ ...run, key: keys[at] })).reverse(); // the latest first
    for (const key of this.ticked) if (!keys.includes(key)) this.ticked.delete(key);
    this.at("runs-none").hidden = runs.length > 0;
    this.at("runs-scroll").hidden = !runs.length;
    const rows = this.runs.map((run) => ({ key: run.key, cells: this.#cells(run) }));
    show(this.at("run-rows"), COLUMNS, rows, 1);
    for (const row of this.at("run-rows").rows) this.#tick(row);
    this.#compare();
  }

  #cells(run) {
    const unmetered = run.server_cpu_us_per_request === null ? "The server's meter could not be read." : "";
    return [
      null, // the tick, made once
      run.server,
      { label: `${run.protocol}, ${loadWords(run)}, ${as.duration(run.seconds)}, ended ${as.clock(run.at)}` },
      as.number(run.requests_per_s),
      as.count(run.failures),
      both(run.response_ms),
      both(run.service_ms),
      { label: as.number(run.server_cpu_us_per_request), note: unmetered },
      { label: as.number(as.mebibytes(run.server_memory_bytes)), note: unmetered },
      validity(run),
    ];
  }

  #tick(row) {
    const cell = row.cells[0];
    if (cell.firstElementChild) return;
    const { key } = row.dataset;
    const run = this.runs.find((one) => one.key === key);
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = this.ticked.has(key);
    box.setAttribute("aria-label", `Compare ${run.server}, ended ${as.clock(run.at)}`);
    box.addEventListener("change", () => {
      if (box.checked) this.ticked.add(key);
      else this.ticked.delete(key);
      this.#compare();
    });
    const label = document.createElement("label"); // a target for a finger
    label.append(box);
    cell.append(label);
  }

  #clear() {
    this.ticked.clear();
    const boxes = [...this.at("run-rows").querySelectorAll("input")];
    for (const box of boxes) box.checked = false;
    boxes[0]?.focus(); // the button is about to vanish
    this.#compare();
  }

  #compare() {
    const chosen = [...this.ticked].map((key) => this.runs.find((run) => run.key === key));
    this.at("compare").hidden = chosen.length < 2;
    if (chosen.length < 2) return;
    const columns = ["", ...chosen.map(() => "number")];
    const head = ["", ...chosen.map((run) => `${run.server}, ${as.clock(run.at)}`)];
    this.#heads(head);
    const rows = METRICS.map(([name, read]) => ({
      key: name,
      cells: [name, ...chosen.map((run, at) => this.#beside(read(run), read(chosen[0]), at))],
    }));
    rows.push({ key: "valid", cells: ["Valid", ...chosen.map(validity)] });
    show(this.at("compare-rows"), columns, rows);
    say(this.at("compare-note"), this.#caution(chosen));
  }

  #heads(names) {
    const row = document.createElement("tr");
    names.forEach((name, at) => {
      const cell = document.createElement(at ? "th" : "td");
      if (at) [cell.scope, cell.className] = ["col", "number"];
      cell.textContent = name;
      row.append(cell);
    });
    this.at("compare-head").replaceChildren(row);
  }

  #beside(value, base, at) {
    return at === 0 || value == null ? as.number(value) : `${as.number(value)} (${as.ratio(value, base)})`;
  }

  #caution(chosen) {
    const differing = LOAD.filter((name) => new Set(chosen.map((run) => run[name])).size > 1);
    const invalid = chosen.filter((run) => !run.valid).map((run) => run.server);
    const parts = [];
    if (differing.length) parts.push(`The loads differ in ${differing.join(", ")}: this compares more than servers.`);
    if (invalid.length) parts.push(`Not valid: ${invalid.join(", ")}.`);
    if (!parts.length) parts.push("The same load, one run each. A difference here is a hint, no verdict.");
    return parts.join(" ");
  }
}
