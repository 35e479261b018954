"""What to ask a page in its own language: JavaScript expressions for `Page.evaluate`."""

# Texts of less than WCAG 2.2's contrast (4.5; 3 from 24 px) on the background behind them.
FAINT = """(() => {
  const rgb = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => rgb(color).slice(0, 3).reduce((sum, part, at) => {
    const c = part / 255;
    const linear = c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    return sum + [0.2126, 0.7152, 0.0722][at] * linear;
  }, 0);
  const behind = (node) => {
    const color = getComputedStyle(node).backgroundColor;
    const [, , , alpha = 1] = rgb(color);
    return alpha === 1 || !node.parentElement ? color : behind(node.parentElement);
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility()) continue;
    if (node.closest(".out, noscript")) continue;
    const style = getComputedStyle(node);
    const front = node.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(front), light(behind(node))].sort((x, y) => y - x);
    texts += 1;
    if ((a + 0.05) / (b + 0.05) < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) {
      faint.push(`${walker.currentNode.data.trim()}: ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
    }
  }
  return { texts, faint };
})()"""
# What reaches past the window's edge and is in no region that scrolls by itself.
OUTSIDE = """[...document.querySelectorAll("body *")]
  .filter((one) => !one.closest(".scroll, .skip, .out") && one.checkVisibility())
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1
    || one.getBoundingClientRect().left < -1)
  .map((one) => one.tagName + "#" + one.id + "." + one.getAttribute("class"))"""
FOCUSED = """(() => {
  const one = document.activeElement;
  if (one === document.body) return null;
  const style = getComputedStyle(one);
  return [one.outerHTML, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
})()"""
REACHABLE = """[...document.querySelectorAll("a[href], button, input, [tabindex='0']")]
  .filter((one) => one.checkVisibility()).map((one) => one.outerHTML)"""
