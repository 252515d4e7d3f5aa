// Main effects: means at each level of every parameter, and the cases behind them.

function effects(place) {
  if (!MENU.length || !PARAMETERS.some((column) => data.columns[column].varies)) return;
  let quantity = MENU[0];
  const panels = element("div", { class: "panels" });
  const told = element("p", { class: "soft" });
  place.append(
    element("div", { class: "controls" }, columnMenu("Quantity", MENU, quantity, (column) => {
      quantity = column;
      describe();
      charts.forEach((made) => made.redraw());
    })), panels, told);
  const rankOf = (parameter) => (data.effects[quantity] || []).find((one) => one.parameter === parameter);
  const charts = PARAMETERS.filter((column) => data.columns[column].varies).map((parameter) => {
    const text = `Main effect of ${data.columns[parameter].title}; the menu chooses the quantity`;
    const made = chart(panels, 262, () => draw(made, parameter), text);
    pointed(made, () => [quantity]);
    return made;
  });
  describe();

  function describe() {
    const missing = data.values[quantity].filter((value) => value === null).length;
    told.textContent = missing ? `${missing} of ${CASES} cases have no number for this quantity and do not count.` : "";
  }

  function draw(made, parameter) {
    const found = rankOf(parameter);
    if (!found) return;
    const box = { left: 62, right: made.width - 14, top: 34, bottom: 206 };
    const across = placesOf(parameter), up = data.values[quantity];
    const x = { column: parameter, ends: ends(across, 0.1) };
    const y = { column: quantity, ends: ends(up, 0.08) };
    x.at = scale(x.ends, box.left, box.right);
    y.at = scale(y.ends, box.bottom, box.top);
    axes(made, box, x, y);
    for (let row = 0; row < CASES; row++) {
      if (up[row] === null || across[row] === null) continue;
      const at = { x: x.at(across[row]), y: y.at(up[row]), row };
      made.pen.globalAlpha = CASES > 300 ? 0.45 : 0.8;
      const colour = !look.passing[row] ? FADED : statusOf(row).name === "ok" ? "#9fb3c6" : statusOf(row).colour;
      mark(made.pen, row, at.x, at.y, CASES > 1000 ? 1.8 : 3, colour);
      made.marks.push(at);
      if (row === look.chosen) ring(made, at.x, at.y, 6);
    }
    made.pen.globalAlpha = 1;
    means(made, found.levels, x, y, data.columns[parameter].number);
    if (found.share !== null) {
      made.over.append(drawn("text", { x: (box.left + box.right) / 2, y: box.bottom + 49, "text-anchor": "middle" }, `${Math.round(100 * found.share)} % of the variance`));
    }
  }

  function means(made, levels, x, y, joined) {
    const path = levels.map(([at, , mean], i) => `${i ? "L" : "M"}${x.at(at)},${y.at(mean)}`).join("");
    if (joined) made.over.append(drawn("path", { d: path, fill: "none", stroke: "#2f5d86", "stroke-width": 1.8 }));
    for (const [at, name, mean, error, count] of levels) {
      const cx = x.at(at), cy = y.at(mean);
      if (error) {
        const low = y.at(mean - error), high = y.at(mean + error);
        made.over.append(drawn("path", { d: `M${cx - 4},${high}h8M${cx},${high}V${low}M${cx - 4},${low}h8`, stroke: "#2f5d86", "stroke-width": 1.4 }));
      }
      made.over.append(drawn("rect", { x: cx - 4, y: cy - 4, width: 8, height: 8, fill: "#2f5d86", stroke: "#fff" }));
      const { unit } = data.columns[quantity];
      made.marks.unshift({ x: cx, y: cy, lines: [
        [`${data.columns[x.column].title} ${name}`, ""],
        ["mean", `${rounded(mean, error)}${unit ? ` ${unit}` : ""}`],
        ["cases", String(count)],
      ] });
    }
  }
}
