// Table of all cases: sorted by a click on a title, filtered by text and status, in pages.

function table(place) {
  const main = [...PARAMETERS, ...data.headline.slice(0, 6)];
  const now = { shown: main, sort: null, falling: false, page: 0, size: 25, text: "", status: "" };
  const count = element("p", { class: "count", "aria-live": "polite" });
  const grid = element("table", { class: "cases" });
  const pages = element("div", { class: "controls pages" });
  const hay = [...Array(CASES).keys()].map((row) =>
    [row + 1, data.keys[row], statusOf(row).name, reasonOf(row), ...PARAMETERS.map((column) => words(column, row))].join(" ").toLowerCase());
  const box = element("input", { type: "search", placeholder: "parameters, reason, key" });
  box.addEventListener("input", () => filter("text", box.value.trim().toLowerCase()));
  const statuses = [["", "all"], ...data.statuses.map(({ name }, i) => [i, name])];
  place.append(
    element("div", { class: "controls" },
      element("label", {}, element("span", {}, "Find"), box),
      menu("Status", statuses, "", (value) => filter("status", value)),
      menu("Rows", [[25, "25"], [100, "100"], [CASES, "all"]], 25, (value) => set({ size: Number(value), page: 0 })),
      checks("Choose columns", [...PARAMETERS, ...QUANTITIES], main, (columns) => set({ shown: columns }))),
    count, element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "All cases" }, grid), pages);
  let rows = [];
  look.listeners.push(() => {
    showChosen();
    fill();
  });
  fill();

  function set(changed) {
    Object.assign(now, changed);
    fill();
  }

  function filter(name, value) {
    now[name] = value;
    now.page = 0;
    const { text, status } = now;
    test("table", text === "" && status === "" ? null : (row) =>
      hay[row].includes(text) && (status === "" || data.status[row] === Number(status)));
  }

  function sorted() {
    const found = [...Array(CASES).keys()].filter((row) => look.passing[row]);
    if (now.sort === null) return now.falling ? found.reverse() : found;
    const key = now.sort === "status" ? (row) => data.status[row] : (row) => valueOf(now.sort, row);
    const sign = now.falling ? -1 : 1;
    return found.sort((a, b) => {
      const one = key(a), other = key(b);
      if (one === null || other === null) return (one === null) - (other === null); // last, both ways
      const order = isNumber(one) ? one - other : String(one).localeCompare(String(other));
      return sign * order || a - b;
    });
  }

  // Turn to the page of a case that was clicked elsewhere.
  function showChosen() {
    if (look.chosen === null || rows.slice(now.page * now.size, (now.page + 1) * now.size).includes(look.chosen)) return;
    const at = rows.indexOf(look.chosen);
    if (at >= 0) now.page = Math.floor(at / now.size);
  }

  function fill() {
    rows = sorted();
    now.page = Math.min(now.page, Math.max(Math.ceil(rows.length / now.size) - 1, 0));
    const from = now.page * now.size;
    const focused = grid.contains(document.activeElement) && document.activeElement.title;
    const shown = rows.slice(from, from + now.size);
    grid.replaceChildren(element("thead", {}, titles()), element("tbody", {}, ...shown.map(line)));
    if (focused) grid.querySelector(`button[title="${focused}"]`)?.focus();
    const all = rows.length === CASES ? "" : ` of ${CASES}`;
    count.replaceChildren(`${rows.length}${all} ${CASES === 1 ? "case" : "cases"}`, ...(all ? [" ", cleared()] : []));
    pages.replaceChildren(...turners(from, shown.length));
  }

  function cleared() {
    const button = element("button", { type: "button" }, "show all");
    button.addEventListener("click", () => document.dispatchEvent(new Event("clear-selection")));
    return button;
  }

  document.addEventListener("clear-selection", () => {
    box.value = "";
    place.querySelectorAll("select")[0].value = "";
    Object.assign(now, { text: "", status: "", page: 0 });
    test("table", null);
  });

  function titles() {
    const title = (key, text, number) => {
      const isSorted = now.sort === key;
      const button = element("button", { type: "button" }, text, element("i", { "aria-hidden": "true" }, isSorted ? (now.falling ? " ▼" : " ▲") : ""));
      button.addEventListener("click", () => {
        set({ sort: key, falling: isSorted && !now.falling, page: 0 });
        const again = [...grid.querySelectorAll("thead button")].find((one) => one.textContent.startsWith(text));
        if (again) again.focus();
      });
      const sort = isSorted ? (now.falling ? "descending" : "ascending") : "none";
      return element("th", { scope: "col", "aria-sort": sort, ...(number ? { class: "num" } : {}) }, button);
    };
    return element("tr", {}, title(null, "Case", false), title("status", "Status", false),
      ...now.shown.map((column) => title(column, label(column), data.columns[column].number)));
  }

  function line(row) {
    const status = statusOf(row);
    const dot = element("span", { class: "dot", style: `background: ${status.colour}` });
    const reason = reasonOf(row);
    const button = element("button", { type: "button", "aria-pressed": String(row === look.chosen), title: `key ${data.keys[row]}` }, String(row + 1));
    const made = element("tr", row === look.chosen ? { class: "chosen" } : {},
      element("th", { scope: "row" }, button),
      element("td", { class: "status" }, dot, status.name, ...(reason ? [element("small", {}, clipped(reason, 160))] : [])),
      ...now.shown.map((column) => element("td", data.columns[column].number ? { class: "num" } : {}, words(column, row) || "–")));
    made.addEventListener("click", () => choose(row));
    return made;
  }

  function turners(from, shown) {
    if (rows.length <= now.size) return [];
    const turner = (text, page, able) => {
      const button = element("button", { type: "button" }, text);
      button.disabled = !able;
      button.addEventListener("click", () => set({ page }));
      return button;
    };
    return [
      turner("← earlier", now.page - 1, now.page > 0),
      element("span", {}, `${from + 1}–${from + shown} of ${rows.length}`),
      turner("later →", now.page + 1, from + shown < rows.length),
    ];
  }
}
