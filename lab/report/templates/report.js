// Draws the charts. Colours come from the page's CSS variables, so dark mode and print need no script.
// `ast` interprets chart expressions instead of compiling them: the page forbids eval.
"use strict";
for (const [id, spec] of Object.entries(JSON.parse(document.getElementById("specs").textContent))) {
  const options = { mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false, logLevel: 1 };
  vegaEmbed("#" + id, spec, options).catch((error) => {
    document.getElementById(id).textContent = "This chart could not be drawn: " + error.message;
    console.error(id, error);
  });
}
