// Draws the charts. Colours come from the page's CSS variables, so dark mode and print need no script.
// `ast` interprets chart expressions instead of compiling them: the page forbids eval.
"use strict";
// One after the other, with a breath between: a book has a hundred charts, and the page is read meanwhile.
async function draw(specs) {
  const options = { mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false, logLevel: 1 };
  for (const [id, spec] of specs) {
    const place = document.getElementById(id);
    try {
      await vegaEmbed(place, spec, options);
    } catch (error) {
      place.textContent = "This chart could not be drawn: " + error.message;
      console.error(id, error);
    }
    await new Promise((go) => setTimeout(go));
  }
}
const specs = Object.entries(JSON.parse(document.getElementById("specs").textContent));
const top_of = ([id]) => document.getElementById(id).getBoundingClientRect().top;
draw(specs.map((one) => [top_of(one), one]).sort((a, b) => a[0] - b[0]).map(([, one]) => one));
