// The parts of the page that follow the load: tiles, latency, gates, charts, connections, failures,
// verdicts. Each takes the live document; what is missing in it is a dash, with the reason beside.

import { Charts } from "./chart.js";
import * as as from "./format.js";
import { badge, say, show } from "./table.js";

const CLASSES = ["long", "short", "idle"];
const PERCENTILES = ["p50", "p90", "p99", "max"];
const GATE_BADGES = {
  void: ["void", "✕"],
  warn: ["warn", "!"],
  pass: ["pass", "✓"],
  unknown: ["unknown", "?"], // what a load by hand cannot tell; always the same ones
};
const WORST_FIRST = Object.keys(GATE_BADGES);
const VERDICT_MARKS = { supported: "✓", refuted: "✕", inconclusive: "~", void: "∅", skipped: "–" };
const WAITING = 1.5; // response over service from which requests visibly wait for their turn

const TILES = [
  ["Requests", (now) => as.rate(now.requests_per_s)],
  ["CPU per request", (now) => as.micros(now.server_cpu_us_per_request), "meter"],
  ["Server CPU", (now) => as.cores(now.server_cpu), "meter"],
  ["Server memory", (now) => as.memory(now.server_memory_bytes), "meter"],
  ["Failures", (now) => as.rate(now.failures_per_s)],
  ["Send lag p99", (now) => as.millis(now.send_lag_ms?.p99)],
  ["Load engine CPU", (now) => as.percent(now.engine_cpu, "% of a core")],
  ["Server throttled", (now) => as.counted(now.throttled, now.throttled === 1 ? "period" : "periods"), "meter"],
];

const CHARTS = [
  {
    title: "Response and service time p99, ms",
    log: true,
    show: (value) => as.joined(as.millis(value)),
    lines: [
      { name: "response", value: (point) => point.response_p99_ms },
      { name: "service", value: (point) => point.service_p99_ms },
    ],
  },
  {
    title: "CPU per request, µs",
    show: (value) => as.joined(as.micros(value)),
    lines: [{ name: "", value: (point) => point.server_cpu_us_per_request }],
  },
  {
    title: "Requests per second",
    show: (value) => as.joined(as.rate(value)),
    lines: [{ name: "", value: (point) => point.requests_per_s }],
  },
  {
    title: "Server memory, MiB",
    show: (value) => as.joined(as.pair(value, "MiB")),
    lines: [{ name: "", value: (point) => as.mebibytes(point.server_memory_bytes) }],
  },
  {
    title: "Send lag p99, ms",
    log: true,
    show: (value) => as.joined(as.millis(value)),
    lines: [{ name: "", value: (point) => point.send_lag_p99_ms }],
  },
];

/** A load in a few words: idle + busy, 50 connections and 5,000 idle, 3,000/s, 64 B. */
export function loadWords(run) {
  const connections = as.plural(run.connections, "connection");
  const parts = [run.workload, run.idle ? `${connections} and ${as.count(run.idle)} idle` : connections];
  parts.push(run.rate ? `${as.number(run.rate)}/s` : "closed loop");
  if (typeof run.payload === "number") parts.push(as.joined([as.count(run.payload), "B"]));
  return parts.join(", ");
}

export class Sections {
  constructor(at) {
    this.at = at;
    this.tiles = TILES.map(([name]) => this.#tile(name));
    this.charts = new Charts(at("figures"), CHARTS);
  }

  show(live) {
    this.#now(live);
    this.#latency(live);
    this.#gates(live);
    this.#series(live.series);
    this.#census(live);
    this.#errors(live.total);
    this.#verdicts(live.verdicts);
  }

  #tile(name) {
    const tile = document.createElement("div");
    const [term, value, number, unit] = ["dt", "dd", "span", "span"].map((tag) => document.createElement(tag));
    term.textContent = name;
    unit.className = "unit";
    value.append(number, " ", unit);
    tile.append(term, value);
    this.at("tiles").append(tile);
    return { value, number, unit };
  }

  #now(live) {
    const { now } = live;
    const why = now ? now.meter_note : "No load is running.";
    TILES.forEach(([, read, source], at) => {
      const tile = this.tiles[at];
      const [number, unit] = read(now ?? {});
      say(tile.number, number);
      say(tile.unit, unit);
      const note = number === as.NONE ? (now && source !== "meter" ? "Not measured yet." : why || "Not known.") : "";
      if (note) tile.value.title = note;
      else tile.value.removeAttribute("title");
    });
    say(this.at("now-lead"), now ? "The last second." : this.#without(live));
    const note = this.at("meter-note");
    note.hidden = !now?.meter_note;
    say(note, as.sentence(now?.meter_note));
  }

  /** Why there are no numbers of now. */
  #without({ state, driver, series, why }) {
    if (driver === "lab run") return "lab run meters and judges its trials itself; they come to its report.";
    if (state !== "idle") return "No numbers yet.";
    const ended = why ? `The last one: ${why}. ` : "";
    return `No load is running. ${ended}${series.length ? "What stands below is of the last one." : ""}`;
  }

  #latency({ now, total }) {
    const sources = [now?.response_ms, now?.service_ms, total?.response_ms, total?.service_ms];
    const rows = PERCENTILES.map((name) => ({
      key: name,
      cells: [name, ...sources.map((times) => as.number(times?.[name]))],
    }));
    rows.push({ key: "samples", cells: ["samples", ...sources.map((times) => as.count(times?.samples))] });
    if (now?.connect_ms) {
      const { p50, p99 } = now.connect_ms;
      rows.push({ key: "connect", cells: ["connect p50, p99", "", `${as.number(p50)}, ${as.number(p99)}`, "", ""] });
    }
    show(this.at("latency-rows"), ["", "number", "number", "number", "number"], rows);
    const [response, service] = [now?.response_ms?.p99, now?.service_ms?.p99];
    const apart = response && service ? response / service : 0;
    const said = `p99 of the last second: response is ${as.ratio(response, service)} service. `;
    const waits = "Requests wait to be sent: no connection is free, or the load engine is late.";
    const due = now?.backlog ? ` ${as.plural(now.backlog, "request")} due and not yet sent.` : "";
    const words = apart > WAITING ? waits : "Close together: requests are sent when they are due.";
    say(this.at("latency-gap"), apart ? said + words + due : due);
  }

  #gates({ gates, driver }) {
    const sorted = [...gates].sort((a, b) => WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state));
    const rows = sorted.map(({ gate, state, why }) => {
      const [kind, mark] = GATE_BADGES[state] ?? ["unknown", "?"];
      return { key: gate, cells: [badge(kind, state, mark), gate, why || ""] };
    });
    if (!rows.length) rows.push({ key: "", cells: [as.NONE, "none", driver === "lab run" ? "lab run judges its trials itself." : "No run has been judged yet."] });
    show(this.at("gate-rows"), ["", "", "why"], rows, 1);
    const bad = gates.filter(({ state }) => state === "void");
    const banner = this.at("void");
    banner.hidden = !bad.length;
    say(banner, `Void: ${bad.map(({ gate, why }) => (why ? `${gate} (${why})` : gate)).join("; ")}. The numbers below are not to be believed.`);
  }

  #series(series) {
    this.at("figures").hidden = this.at("charts-lead").hidden = !series.length;
    this.at("charts-none").hidden = series.length > 0;
    this.charts.show(series);
  }

  #census({ now, run }) {
    const census = now?.census;
    const rows = CLASSES.map((name) => {
      const asked = census?.asked?.[name];
      const open = census?.open?.[name];
      return { key: name, cells: [name, as.count(asked), as.count(open), this.#compared(name, asked, open)] };
    });
    const held = census?.server_sockets;
    const due = CLASSES.reduce((sum, name) => sum + (census?.open?.[name] ?? 0), 0);
    const note = typeof held === "number" ? badge("plain", held === due ? "as open here" : `${as.count(due)} open here`) : badge("plain", now?.meter_note ? "not known, see the note above" : "");
    rows.push({ key: "held", cells: ["held by the server", "", as.count(held), run ? note : ""] });
    show(this.at("census-rows"), ["", "number", "number", ""], rows);
  }

  /** Long and idle connections are all there or not; short ones come and go. */
  #compared(name, asked, open) {
    if (typeof asked !== "number" || typeof open !== "number" || asked + open === 0) return badge("plain", "");
    if (asked === open) return badge("pass", "exact", "✓");
    if (name === "short") return badge("plain", "come and go");
    return badge("warn", open < asked ? `${as.count(asked - open)} missing` : `${as.count(open - asked)} too many`, "!");
  }

  #errors(total) {
    const errors = total?.errors ?? [];
    this.at("errors-scroll").hidden = !errors.length;
    const rows = errors.map(({ text, count }, at) => ({ key: `${at} ${text}`, cells: [as.text(text), as.count(count)] }));
    show(this.at("error-rows"), ["why", "number"], rows);
    const words = total ? `${as.count(total.failures)} of ${as.plural(total.requests, "request")} failed.` : "No run, no failures.";
    say(this.at("errors-lead"), words);
  }

  #verdicts(verdicts) {
    this.at("verdicts-none").hidden = verdicts.length > 0;
    this.at("verdicts-scroll").hidden = !verdicts.length;
    const rows = verdicts.map(({ claim, verdict, effect, interval, reason, at }, index) => ({
      key: `${index} ${claim}`,
      cells: [
        badge(verdict in VERDICT_MARKS ? verdict : "unknown", as.text(verdict), VERDICT_MARKS[verdict] ?? "?"),
        as.text(claim),
        as.text(effect),
        as.text(interval),
        reason || "",
        as.clock(at),
      ],
    }));
    show(this.at("verdict-rows"), ["", "", "number", "number", "why", ""], rows, 1);
  }
}
