// Parallel coordinates: a line for each case; dragging along an axis selects cases.

function parallel(place) {
  let shown = data.axes;
  const brushes = new Map(); // by column: [low, high] in shares of the axis
  const cache = new Map();
  const controls = element("div", { class: "controls" });
  const made = chart(place, 344, draw, "Parallel coordinates of all cases; the table below tells the same");
  place.prepend(controls);
  controls.append(
    checks("Choose axes", [...PARAMETERS, ...MENU], shown, (columns) => {
      shown = columns;
      for (const column of [...brushes.keys()]) if (!columns.includes(column)) brush(column, null);
      made.redraw();
    }));

  function axisOf(column) {
    if (!cache.has(column)) {
      const values = placesOf(column);
      cache.set(column, { values, ends: ends(values, 0) });
    }
    return cache.get(column);
  }

  function share(column, row) {
    const { values, ends: [low, high] } = axisOf(column);
    return values[row] === null ? null : (values[row] - low) / (high - low);
  }

  function brush(column, range) {
    if (range) brushes.set(column, range);
    else brushes.delete(column);
    test(`axis ${column}`, range && ((row) => {
      const at = share(column, row);
      return at !== null && at >= range[0] - 1e-9 && at <= range[1] + 1e-9;
    }));
  }

  const box = () => ({ left: 46, right: made.width - 46, top: 76, bottom: made.height - 34 });

  function draw() {
    const { left, right, top, bottom } = box();
    const at = (rank) => (shown.length > 1 ? left + (rank / (shown.length - 1)) * (right - left) : (left + right) / 2);
    const down = (part) => bottom - part * (bottom - top);
    const order = [...Array(CASES).keys()].sort((a, b) => look.passing[a] - look.passing[b]);
    const pen = made.pen;
    pen.lineWidth = CASES > 2000 ? 0.5 : 1.1;
    for (const row of order) {
      pen.globalAlpha = look.passing[row] ? (CASES > 300 ? 0.35 : 0.75) : 0.3;
      pen.strokeStyle = look.passing[row] ? statusOf(row).colour : FADED;
      line(pen, row, at, down);
    }
    pen.globalAlpha = 1;
    if (look.chosen !== null) {
      pen.lineWidth = 3;
      pen.strokeStyle = CHOSEN;
      line(pen, look.chosen, at, down);
    }
    shown.forEach((column, rank) => axis(column, at(rank), down, rank));
    if (made.focus !== undefined) made.over.querySelectorAll(".axis")[shown.indexOf(made.focus)]?.focus();
    made.focus = undefined;
  }

  // A case through its axes; a short stroke where there is a value between two that are missing.
  function line(pen, row, at, down) {
    pen.beginPath();
    let before = false;
    shown.forEach((column, rank) => {
      const part = share(column, row);
      if (part === null) {
        before = false;
        return;
      }
      if (before) pen.lineTo(at(rank), down(part));
      else {
        pen.moveTo(at(rank) - 4, down(part));
        pen.lineTo(at(rank), down(part));
      }
      pen.lineTo(at(rank) + (rank === shown.length - 1 ? 0 : 4), down(part));
      before = true;
    });
    pen.stroke();
  }

  function axis(column, x, down, rank) {
    const { ends: range } = axisOf(column);
    const texts = tickWords(column, range, 5);
    const group = drawn("g", {
      tabindex: 0, role: "group", class: "axis",
      "aria-label": `${label(column)}: drag, or use the arrow keys, to select; + and − widen and narrow, Escape clears`,
    });
    group.append(drawn("line", { x1: x, x2: x, y1: down(0), y2: down(1), stroke: SOFT }));
    for (const [value, text] of texts) {
      const y = down((value - range[0]) / (range[1] - range[0]));
      group.append(drawn("line", { x1: x - 3, x2: x + 3, y1: y, y2: y, stroke: SOFT }),
        drawn("text", { x: x + 6, y: y + 3.5, class: "halo" }, text));
    }
    const first = rank === 0, last = rank === shown.length - 1 && rank > 0;
    const anchor = first ? "start" : last ? "end" : "middle";
    const room = Math.max(10, (made.width / shown.length) / 6.8);
    lines(data.columns[column], room).forEach((text, i, all) =>
      group.append(drawn("text", { x: first ? 2 : last ? made.width - 2 : x, y: 60 - 13 * (all.length - 1 - i), "text-anchor": anchor, class: "name" }, text)));
    const range_ = brushes.get(column);
    if (range_) {
      group.append(drawn("rect", {
        x: x - 9, width: 18, y: down(range_[1]), height: Math.max(down(range_[0]) - down(range_[1]), 2),
        fill: "#2f5d86", "fill-opacity": 0.22, stroke: "#2f5d86",
      }));
    }
    group.append(drawn("rect", { x: x - 14, width: 28, y: down(1) - 8, height: down(0) - down(1) + 16, fill: "transparent", class: "grip" }));
    drag(group, column, down);
    made.over.append(group);
  }

  // Title and unit in up to four lines.
  function lines({ title, unit }, room) {
    const found = [""];
    for (const word of `${title}${unit ? ` [${unit}]` : ""}`.split(/(?<=[ ._])/)) {
      if (found.length < 4 && found.at(-1) && (found.at(-1) + word).length > room) found.push("");
      found[found.length - 1] += word;
    }
    return found.map((text) => clipped(text.trim(), Math.max(room + 3, 12)));
  }

  function drag(group, column, down) {
    const part = (event) => {
      const y = event.clientY - made.holder.getBoundingClientRect().top;
      return Math.min(Math.max((down(0) - y) / (down(0) - down(1)), 0), 1);
    };
    group.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const from = part(event);
      const move = (moved) => brush(column, [Math.min(from, part(moved)), Math.max(from, part(moved))]);
      const up = (moved) => {
        window.removeEventListener("pointermove", move);
        if (Math.abs(part(moved) - from) < 0.02) brush(column, null);
      };
      window.addEventListener("pointermove", move);
      window.addEventListener("pointerup", up, { once: true });
    });
    group.addEventListener("keydown", (event) => {
      const [low, high] = brushes.get(column) || [0, 1];
      const moves = { ArrowUp: [0.05, 0.05], ArrowDown: [-0.05, -0.05], "+": [-0.05, 0.05], "-": [0.05, -0.05] };
      if (event.key === "Escape") brush(column, null);
      else if (moves[event.key]) {
        event.preventDefault();
        const from = Math.max(low + moves[event.key][0], 0), to = Math.min(high + moves[event.key][1], 1);
        if (to > from) brush(column, [from, to]);
      } else return;
      made.focus = column; // it is drawn anew
    });
  }

  document.addEventListener("clear-selection", () => [...brushes.keys()].forEach((column) => brush(column, null)));

  // The line next to the pointer, if one is near.
  function under(event) {
    const { left, right, top, bottom } = box();
    const frame = made.holder.getBoundingClientRect();
    const at = ((event.clientX - frame.left - left) / (right - left)) * (shown.length - 1);
    const rank = Math.min(Math.max(Math.floor(at), 0), shown.length - 2);
    let best = null, least = 7;
    if (shown.length < 2) return best;
    for (let row = 0; row < CASES; row++) {
      const a = share(shown[rank], row), b = share(shown[rank + 1], row);
      if (!look.passing[row] || (a === null && b === null)) continue;
      const part = a === null ? (at - rank > 0.9 ? b : NaN) : b === null ? (at - rank < 0.1 ? a : NaN) : a + (b - a) * (at - rank);
      const away = Math.abs(bottom - part * (bottom - top) - (event.clientY - frame.top));
      if (away < least) [best, least] = [row, away];
    }
    return best;
  }

  made.holder.addEventListener("pointermove", (event) => {
    const row = event.buttons ? null : under(event);
    if (row === null) note.hidden = true;
    else tell(event, caseLines(row, shown));
  });
  made.holder.addEventListener("pointerleave", () => { note.hidden = true; });
  made.holder.addEventListener("click", (event) => {
    const row = event.target.classList.contains("grip") ? null : under(event);
    if (row !== null) choose(row);
  });
}
