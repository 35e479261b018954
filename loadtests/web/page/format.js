// Numbers in plain words, as lab/report/words.py writes them: three significant digits, a unit,
// and a dash for what is not known. Never a zero for what could not be read.

export const NONE = "—";
const DIGITS = 3;
const SPACE = "\u00a0";

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** 0.0123, 3.10, 1,234; a dash for null. */
export function number(value) {
  if (!isNumber(value)) return NONE;
  if (value === 0) return "0";
  const places = Math.max(0, DIGITS - 1 - Math.floor(Math.log10(Math.abs(value))));
  if (places > 5) return value.toExponential(1);
  return value.toLocaleString("en-US", {
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  });
}

/** A count: all its digits, and separators. */
export const count = (value) =>
  isNumber(value) ? Math.round(value).toLocaleString("en-US") : NONE;

/** A value and its unit, apart, so that a tile can set the unit smaller. */
export const pair = (value, unit) => (isNumber(value) ? [number(value), unit] : [NONE, ""]);

export const rate = (value) => pair(value, "/s");
export const micros = (value) => pair(value, "µs");
export const cores = (value) => pair(value, value === 1 ? "core" : "cores");
export const percent = (value, unit = "%") => pair(isNumber(value) ? value * 100 : value, unit);
export const counted = (value, unit = "") => (isNumber(value) ? [count(value), unit] : [NONE, ""]);

export function millis(value) {
  if (!isNumber(value) || value === 0) return pair(value, "ms");
  if (value < 1) return pair(value * 1000, "µs");
  return value < 1000 ? pair(value, "ms") : pair(value / 1000, "s");
}

export const mebibytes = (bytes) => (isNumber(bytes) ? bytes / 2 ** 20 : null);

export const memory = (bytes) => pair(mebibytes(bytes), "MiB");

export const joined = ([value, unit]) => (unit ? `${value}${SPACE}${unit}` : value);

/** A ratio to a base: 1.32 ×. A dash where there is nothing to divide. */
export const ratio = (value, base) =>
  isNumber(value) && isNumber(base) && base > 0 ? `${number(value / base)}${SPACE}×` : NONE;

export function duration(seconds) {
  if (!isNumber(seconds)) return NONE;
  const whole = Math.max(0, Math.round(seconds));
  const parts = [
    [Math.floor(whole / 3600), "h"],
    [Math.floor((whole % 3600) / 60), "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([size], at) => size > 0 || at === 2);
  return parts
    .slice(first, first + 2)
    .map(([size, unit]) => `${size}${SPACE}${unit}`)
    .join(" ");
}

/** An ISO moment as this browser's time of day; what is no moment is shown as it came. */
export function clock(iso) {
  const moment = new Date(iso);
  if (Number.isNaN(moment.getTime())) return text(iso);
  return moment.toLocaleTimeString("en-GB");
}

/** Whatever came, as text: an effect may be a number or words, an interval two numbers or words. */
export function text(value) {
  if (value === null || value === undefined || value === "") return NONE;
  if (isNumber(value)) return number(value);
  if (Array.isArray(value)) return value.map(text).join(" to ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

/** Words as a sentence: the first letter large, a full stop. */
export const sentence = (words) =>
  words ? `${words[0].toUpperCase()}${words.slice(1).replace(/\.$/, "")}.` : "";
