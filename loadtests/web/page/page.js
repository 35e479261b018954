// The page /lab/: asks the master once a second for /lab/live and shows what came. It changes
// nothing: runs are started and stopped on Locust's own page. What the document holds is described
// by loadtests/web/example_live.json. All text from it is shown as text.

import { duration, plural } from "./format.js";
import { Runs } from "./runs.js";
import { Sections, loadWords } from "./sections.js";
import { say } from "./table.js";

const EVERY_MS = 1000;
const LAB_RUN = "lab run"; // as a driver
const PATIENCE_MS = 5000; // for one answer; a busy master answers in some 10 ms

const STATES = {
  idle: ["waiting", "idle"],
  preparing: ["warn", "preparing"],
  running: ["running", "running"],
  stopping: ["warn", "stopping"],
};
const at = (id) => document.getElementById(id);

const sections = new Sections(at);
const runs = new Runs(at);
let lastSeen = null;

function headline({ state, run, driver }) {
  if (!run && driver === LAB_RUN) return "Between two trials";
  if (!run) return state === "idle" ? "No load is running" : "A load begins";
  return `${run.server} over ${run.protocol}${state === "idle" ? ": ended" : ""}`;
}

function facts(live) {
  const { run, driver, workers, engines, state } = live;
  const parts = [];
  if (run) parts.push(loadWords(run));
  if (run && typeof run.since_s === "number") parts.push(`${state === "idle" ? "took" : "since"} ${duration(run.since_s)}`);
  if (driver === "hand") parts.push("started by hand");
  if (driver === LAB_RUN) parts.push(`driven by lab run${run?.trial ? `, trial ${run.trial}` : ""}`);
  if (!run && state === "idle") parts.push("start one on Locust's page");
  parts.push(`${plural(workers, "worker")}, ${plural(engines, "load engine")}`);
  return parts.join(" · ");
}

/** Tell a screen reader what has changed, and nothing of what merely moves, such as trials. */
function announce(live) {
  if (live.driver === LAB_RUN) return say(at("said"), "lab run drives this master.");
  const bad = live.gates.filter((gate) => gate.state === "void").map((gate) => gate.gate);
  const state = STATES[live.state]?.[1] ?? live.state;
  return say(at("said"), `${state}: ${headline(live)}.${bad.length ? ` Void by ${bad.join(", ")}.` : ""}`);
}

function show(live) {
  const [kind, word] = STATES[live.state] ?? ["unknown", live.state];
  at("state").className = `badge ${kind}`;
  say(at("state"), word);
  say(at("headline"), headline(live));
  say(at("facts"), facts(live));
  document.title = live.state === "running" && live.run ? `${live.run.server}, running: I/O lab` : "I/O lab, live";
  document.body.classList.toggle("idle", live.state === "idle");
  announce(live);
  sections.show(live);
  runs.show(live.runs);
}

function lost(why) {
  document.body.classList.add("stale");
  at("state").className = "badge void";
  say(at("state"), "no answer");
  const since = lastSeen ? ` What is shown here is of ${lastSeen.toLocaleTimeString("en-GB")}.` : "";
  at("gone").hidden = false;
  say(at("gone"), `${why}${since} Asking again every second.`);
  if (!lastSeen) say(at("headline"), "The master does not answer");
  document.title = "No answer: I/O lab";
}

function found() {
  document.body.classList.remove("stale");
  at("gone").hidden = true;
  lastSeen = new Date();
}

const LISTS = ["gates", "series", "runs", "verdicts"];
const isLive = (live) =>
  typeof live?.state === "string" && LISTS.every((name) => Array.isArray(live[name]));

async function ask() {
  let answer;
  try {
    answer = await fetch("live", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    return lost("The Locust master does not answer.");
  }
  if (!answer.ok) return lost(`The master refuses: HTTP ${answer.status}.`);
  const live = await answer.json().catch(() => null);
  if (!isLive(live)) return lost("What answers is not the lab's master.");
  found();
  return show(live);
}

let wake = () => {};
document.addEventListener("visibilitychange", () => wake());

async function forever() {
  for (;;) {
    if (!document.hidden) await ask(); // nobody looks: nobody asks
    await new Promise((resume) => {
      wake = resume;
      setTimeout(resume, EVERY_MS);
    });
  }
}

forever();
