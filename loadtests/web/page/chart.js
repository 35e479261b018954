// Lines over time in SVG, drawn with attributes only: the page's policy forbids inline styles.
// A null is a gap, never a zero. All charts share one cursor, so that one moment is read on all.

import { number } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 150; // px; the width is the figure's
const LEFT = 52; // room for "1,000,000"
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;
const SHORTEST_S = 10; // the axis is never shorter, else the first points fill it
const LOG_FROM = 30; // largest over smallest from which a chart of times turns logarithmic
const CURSOR_KEYS = { ArrowLeft: -1, ArrowRight: 1 };

const make = (tag, attributes = {}, text = "") => {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  return node;
};

/** Round steps from 0: about three of them. */
function linearTicks(high) {
  const rough = high / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) * power;
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last + 1 }, (_, at) => at * step);
}

function logTicks(low, high) {
  const from = Math.floor(Math.log10(low));
  const to = Math.max(from + 1, Math.ceil(Math.log10(high)));
  return Array.from({ length: to - from + 1 }, (_, at) => 10 ** (from + at));
}

const tickText = (value) =>
  value === 0 ? "0" : value < 0.01 ? number(value) : value.toLocaleString("en-US", { maximumSignificantDigits: 3 });

/** The vertical axis: ticks, and from a value to 0 (bottom) to 1 (top). */
function axis(values, mayBeLog) {
  const positive = values.filter((value) => value > 0);
  const high = positive.length ? Math.max(...positive) : 1;
  const low = positive.length ? Math.min(...positive) : 1;
  if (mayBeLog && positive.length === values.length && high / low > LOG_FROM) {
    const ticks = logTicks(low, high);
    const [from, to] = [Math.log10(ticks[0]), Math.log10(ticks.at(-1))];
    return { ticks, log: true, place: (value) => (Math.log10(value) - from) / (to - from) };
  }
  const ticks = linearTicks(high);
  return { ticks, log: false, place: (value) => value / ticks.at(-1) };
}

/** "M x y L x y" with a new M after each gap; a lone point gets a line of no length, a round dot. */
function path(points, value, x, y) {
  let pen = "M";
  let drawn = "";
  points.forEach((point, at) => {
    if (typeof value(point) !== "number") {
      pen = "M";
      return;
    }
    const here = `${x(point.t).toFixed(1)} ${y(value(point)).toFixed(1)}`;
    const alone = pen === "M" && typeof value(points[at + 1] ?? {}) !== "number";
    drawn += alone ? `M${here}h0` : `${pen}${here}`;
    pen = "L";
  });
  return drawn;
}

/** Charts with one cursor. specs: [{title, unit, note, log, lines: [{name, value(point)}], show}]. */
export class Charts {
  constructor(parent, specs) {
    this.points = [];
    this.cursor = null; // an index into points; null: the latest
    this.charts = specs.map((spec) => this.#build(parent, spec));
    // Only widths are watched: drawing changes no width, so this cannot call itself for ever.
    this.watch = new ResizeObserver(() => this.#draw());
    this.watch.observe(parent);
  }

  show(points) {
    const at = this.cursor === null ? null : this.points[this.cursor]?.t;
    this.points = points;
    if (at !== null) {
      const found = points.findIndex((point) => point.t === at);
      this.cursor = found < 0 ? null : found;
    }
    this.#draw();
  }

  #build(parent, spec) {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    const title = document.createElement("h3");
    title.textContent = spec.title;
    const readout = document.createElement("p");
    readout.className = "readout";
    caption.append(title, readout);
    const stage = document.createElement("div");
    stage.className = "chart";
    stage.tabIndex = 0;
    stage.setAttribute("role", "slider"); // of time: what it stands on is told as its value
    stage.setAttribute("aria-label", spec.title);
    figure.append(caption, stage);
    parent.append(figure);
    const chart = { spec, readout, stage };
    stage.addEventListener("pointermove", (event) => this.#point(chart, event));
    stage.addEventListener("pointerleave", () => this.#move(null));
    stage.addEventListener("blur", () => this.#move(null));
    stage.addEventListener("keydown", (event) => this.#key(event));
    return chart;
  }

  #key(event) {
    if (event.key === "Escape") this.#move(null);
    const step = CURSOR_KEYS[event.key];
    if (!step || !this.points.length || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const from = this.cursor ?? this.points.length - 1;
    this.#move(Math.min(Math.max(from + step, 0), this.points.length - 1));
  }

  #point(chart, event) {
    if (!this.points.length || !chart.scale) return;
    const across = event.clientX - chart.stage.getBoundingClientRect().left;
    const far = this.points.map((point) => Math.abs(chart.scale(point.t) - across));
    this.#move(far.indexOf(Math.min(...far)));
  }

  #move(cursor) {
    if (cursor === this.cursor) return;
    this.cursor = cursor;
    this.#draw();
  }

  #draw() {
    for (const chart of this.charts) this.#drawOne(chart);
  }

  #drawOne(chart) {
    const { spec, stage } = chart;
    const { points } = this;
    const width = Math.max(stage.clientWidth, 160);
    const values = points.flatMap((point) => spec.lines.map((line) => line.value(point)));
    const known = values.filter((value) => typeof value === "number");
    const told = this.#tell(chart, known.length > 0);
    stage.setAttribute("aria-valuemin", 0);
    stage.setAttribute("aria-valuemax", Math.max(points.length - 1, 0));
    stage.setAttribute("aria-valuenow", this.cursor ?? Math.max(points.length - 1, 0));
    // The latest value changes each second and is not to be read aloud each time: the text beside
    // the title has it.
    stage.setAttribute("aria-valuetext", this.cursor === null ? "latest" : told);
    if (!known.length) {
      chart.scale = null;
      const none = document.createElement("p");
      none.className = "nothing";
      none.textContent = "Not known: see the note above.";
      stage.replaceChildren(none);
      return;
    }
    const from = points[0].t;
    const until = Math.max(points.at(-1).t, from + SHORTEST_S);
    const { ticks, log, place } = axis(known, spec.log);
    const x = (t) => LEFT + ((t - from) / (until - from)) * (width - LEFT - RIGHT);
    const y = (value) => TOP + (1 - place(value)) * (HEIGHT - TOP - BOTTOM);
    chart.scale = x;
    const svg = make("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true" });
    for (const tick of ticks) {
      svg.append(make("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(tick), y2: y(tick) }));
      svg.append(make("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, tickText(tick)));
    }
    svg.append(make("text", { x: LEFT, y: HEIGHT - 4 }, `${Math.round(from)} s`));
    svg.append(make("text", { x: width - RIGHT, y: HEIGHT - 4, "text-anchor": "end" }, `${Math.round(until)} s${log ? ", log scale" : ""}`));
    spec.lines.forEach((line, at) => {
      svg.append(make("path", { class: `line line-${at + 1}`, d: path(points, line.value, x, y) }));
    });
    this.#mark(svg, spec, x, y);
    stage.replaceChildren(svg);
  }

  #mark(svg, spec, x, y) {
    const point = this.points[this.cursor ?? this.points.length - 1];
    if (this.cursor !== null) {
      svg.append(make("line", { class: "cursor", x1: x(point.t), x2: x(point.t), y1: TOP, y2: HEIGHT - BOTTOM }));
    }
    spec.lines.forEach((line, at) => {
      const value = line.value(point);
      if (typeof value === "number") {
        svg.append(make("circle", { class: `dot line-${at + 1}`, cx: x(point.t), cy: y(value), r: 3.5 }));
      }
    });
  }

  /** Say what stands at the cursor, or last: beside the title, and to who cannot see the lines. */
  #tell(chart, anything) {
    const { spec, readout } = chart;
    const point = this.points[this.cursor ?? this.points.length - 1];
    if (!point || !anything) {
      readout.replaceChildren();
      return "No numbers.";
    }
    const when = this.cursor === null ? "" : `at ${Math.round(point.t)} s `;
    const said = spec.lines.map((line) => [line.name, spec.show(line.value(point))]);
    readout.replaceChildren(
      when,
      ...said.map(([name, value], at) => {
        const one = document.createElement("span");
        one.className = `key line-${at + 1}`;
        const amount = document.createElement("b");
        amount.textContent = value;
        one.append(...(name ? [`${name} `] : []), amount);
        return one;
      }),
    );
    return when + said.map(([name, value]) => `${name} ${value}`.trim()).join(", ");
  }
}
