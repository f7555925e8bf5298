// The read-out below the pointer. Everything it says is in the tables too. Text goes in as text, never as markup.
(() => {
  "use strict";
  const NS = "http://www.w3.org/2000/svg";
  const plots = [];

  function nearest(xs, x) {
    let low = 0, high = xs.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (xs[middle] <= x) low = middle; else high = middle;
    }
    return high >= 0 && x - xs[low] > xs[high] - x ? high : low;
  }

  function make(name, attributes, parent) {
    const element = document.createElementNS(NS, name);
    for (const key of Object.keys(attributes)) element.setAttribute(key, attributes[key]);
    parent.appendChild(element);
    return element;
  }

  function say(parent, name, value, look) {
    const row = document.createElement("span");
    const key = document.createElement("i");
    const said = document.createElement("span");
    key.textContent = name;
    said.textContent = value;
    row.className = look || "bare";
    row.append(key, said);
    parent.appendChild(row);
  }

  function clear() {
    for (const plot of plots) {
      plot.layer.replaceChildren();
      plot.tip.hidden = true;
    }
  }

  function cursor(plot, x) {
    const [, top, , foot] = plot.data.box;
    plot.layer.replaceChildren();
    make("path", { d: `M${x} ${top}V${foot}`, class: "cursor" }, plot.layer);
    for (const line of plot.data.lines) {
      const i = nearest(plot.data.xs[line.on], x);
      if (line.y.length && Math.abs(plot.data.xs[line.on][i] - x) < 12)
        make("circle", { cx: plot.data.xs[line.on][i], cy: line.y[i], r: 3.5, class: `dot ${line.look}` }, plot.layer);
    }
  }

  function cell(plot, column, y) {
    const { box, bands, cells } = plot.data;
    const band = Math.floor((box[3] - y) / (box[3] - box[1]) * bands.length);
    if (!(band >= 0 && band < bands.length)) return;
    let count = 0;
    for (let i = 0; i < cells[column].length; i += 2) if (cells[column][i] === band) count = cells[column][i + 1];
    say(plot.tip, bands[band], count.toLocaleString("en") + (count === 1 ? " receipt" : " receipts"));
  }

  function read(plot, event) {
    const frame = plot.svg.getBoundingClientRect();
    const scale = plot.svg.viewBox.baseVal.width / frame.width;
    const x = (event.clientX - frame.left) * scale, y = (event.clientY - frame.top) * scale;
    const [left, top, right, foot] = plot.data.box;
    clear();
    if (x < left - 6 || x > right + 6 || y < top - 20 || y > foot + 20 || !plot.data.xs.length) return;
    const best = plot.data.xs.map((xs, on) => ({ on, i: nearest(xs, x), far: Math.abs(xs[nearest(xs, x)] - x) }))
      .filter((found) => found.far === found.far).sort((a, b) => a.far - b.far)[0];
    if (!best) return;
    const at = plot.data.xs[best.on][best.i];
    for (const other of plots) if (other === plot || (plot.data.group && other.data.group === plot.data.group)) cursor(other, at);
    plot.tip.replaceChildren();
    const head = document.createElement("b");
    head.textContent = plot.data.at[best.on][best.i];
    plot.tip.appendChild(head);
    for (const line of plot.data.lines.slice().reverse()) {
      const i = nearest(plot.data.xs[line.on], at);
      if (line.y.length && Math.abs(plot.data.xs[line.on][i] - at) < 12) say(plot.tip, line.name, line.said[i], line.look.split(" ")[0]);
    }
    if (plot.data.cells) cell(plot, best.i, y);
    plot.tip.hidden = false;
    const card = plot.figure.getBoundingClientRect();
    const wide = plot.tip.offsetWidth, px = frame.left - card.left + at / scale;
    plot.tip.style.left = `${px + wide + 30 > card.width ? px - wide - 14 : px + 14}px`;
    plot.tip.style.top = `${frame.top - card.top + top / scale + 4}px`;
  }

  for (const svg of document.querySelectorAll("svg[data-hover]")) {
    const figure = svg.closest("figure");
    if (!figure) continue;
    const title = svg.querySelector("title"); // the browser's own tip would lie over ours
    svg.setAttribute("aria-label", title.textContent);
    svg.removeAttribute("aria-labelledby");
    title.remove();
    const tip = document.createElement("div");
    tip.className = "tip plot-tip";
    tip.hidden = true;
    tip.setAttribute("aria-hidden", "true");
    figure.appendChild(tip);
    const plot = { svg, figure, tip, data: JSON.parse(svg.dataset.hover), layer: make("g", {}, svg) };
    plots.push(plot);
    svg.addEventListener("pointermove", (event) => read(plot, event));
    svg.addEventListener("pointerleave", clear);
  }
})();
