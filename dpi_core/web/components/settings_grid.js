/* A grid of faces over two settings, drawn from `props.value`: the numbers under the faces are coloured by a measure, the chosen
   cell stands beside the input. It triggers "use" with the settings of the chosen cell. */
const compared = comparer(part("comparer"));
let made = null, chosen = null, measure = null, beside = "input";
const cells = () => run().cells || [];
const measures = () => run().measures || [];
const map = () => measures().find((m) => m.key === measure) || measures()[0];
const seen = (cell) => Boolean(cell && (cell.state === "done" || cell.state === "stopped"));

function build() {  // once a run, so that a cell keeps its focus while others come in
  const v = run(), columns = v.x.values.length, holder = part("cells");
  holder.style.setProperty("--columns", columns);
  holder.style.setProperty("--rows", v.y.values.length);
  holder.setAttribute("aria-label", `Cells: ${v.x.name} across, ${v.y.name} down`);
  const children = [make("span"), ...v.x.values.map((value) => make("span", "label", value))];
  cells().forEach((cell, i) => {
    if (i % columns === 0) children.push(make("span", "label row", v.y.values[i / columns]));
    const button = make("button", "cell");
    button.setAttribute("role", "radio");
    button.dataset.place = i;
    button.append(picture("", ""), make("span", "value"));
    button.addEventListener("click", () => choose(i));
    children.push(button);
  });
  holder.replaceChildren(...children);
}

function choose(place) {
  if (!seen(cells()[place])) return;
  chosen = place;
  draw();
}

function shown() {  // the chosen cell; until one is chosen, the one that is being run, then the best
  if (seen(cells()[chosen])) return chosen;
  const best = map() ? map().cells.findIndex((c) => c?.best) : -1, now = cells().findIndex((cell) => cell.state === "running");
  return now >= 0 ? now : best >= 0 ? best : cells().findIndex(seen);
}

function drawCells() {
  const at = shown(), now = map(), first = Math.max(0, at);
  for (const button of element.querySelectorAll(".cell")) {
    const place = Number(button.dataset.place), cell = cells()[place], figure = now?.cells[place], image = button.querySelector("img");
    button.dataset.is = cell.state;
    button.setAttribute("aria-checked", String(place === at));
    button.setAttribute("aria-disabled", String(!seen(cell)));
    button.setAttribute("aria-label", `${cell.name}: ${cell.text}`);
    button.tabIndex = place === first ? 0 : -1;
    put(image, cell.picture || run().input);
    image.alt = cell.picture ? `face with ${cell.name}` : "";
    const value = button.querySelector(".value");
    say(value, figure?.text || (cell.state === "done" ? "" : cell.state));
    value.style.background = figure?.background || "";
    value.style.color = figure?.ink || "";
    button.classList.toggle("top", Boolean(figure?.best));
    button.querySelector(".best")?.remove();
    if (figure?.best) button.append(make("b", "best", now.best));
  }
}

function drawDetail() {
  const at = shown(), cell = cells()[at], v = run();
  part("detail").hidden = !cell?.picture;
  if (!cell?.picture) return;
  part("use").disabled = !seen(cell);
  const names = ["input", "truth"].filter((name) => v[name]);
  if (!names.includes(beside)) beside = names[0];
  part("beside").replaceChildren(...names.map((name) => new Option(`the ${name}`, name, false, name === beside)));
  compared.show({name: beside, picture: v[beside], alt: `the ${beside}`}, {name: "cell", picture: cell.picture, alt: `face with ${cell.name}`});
  say(part("chosen"), cell.name);
  say(part("figures"), cell.text);
}

function drawMaps() {
  const v = run(), columns = v.x?.values.length, select = part("measure");
  part("measure-label").hidden = measures().length < 2;
  if (select.options.length !== measures().length) select.replaceChildren(...measures().map((m) => new Option(m.name, m.key)));
  if (map()) select.value = map().key;
  part("maps").replaceChildren(...measures().map((m) => {
    const holder = make("div"), table = make("table"), top = make("tr");
    holder.tabIndex = 0;
    holder.setAttribute("role", "group");
    holder.setAttribute("aria-label", `${m.name} of every cell`);
    top.append(make("td"), ...v.x.values.map((value) => Object.assign(make("th", "", value), {scope: "col"})));
    table.append(make("caption", "", m.range), top);
    v.y.values.forEach((value, row) => {
      const line = make("tr");
      line.append(Object.assign(make("th", "", value), {scope: "row"}), ...m.cells.slice(row * columns, (row + 1) * columns).map((figure) => {
        const td = make("td", figure?.best ? "top" : "", figure ? figure.text : "–");
        if (figure) td.style.cssText = `background:${figure.background};color:${figure.ink}`; else td.setAttribute("aria-label", "not run");
        return td;
      }));
      table.append(line);
    });
    holder.append(table);
    return holder;
  }));
}

function draw() {
  const v = run();
  head("explore", v.stage === "final" ? "RACM" : v.stage, v.line);  // the last step of a cell is not the grid's
  part("split").hidden = !cells().length;
  if (cells().length) {
    if (made !== v.run) { made = v.run; chosen = null; build(); }
    drawCells();
  } else made = null;
  drawDetail();
  drawMaps();
}

part("cells").addEventListener("keydown", (event) => {
  const columns = run().x?.values.length, at = Number(document.activeElement.dataset.place ?? shown());
  const step = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns}[event.key];
  if (!step) return;
  event.preventDefault();
  const next = at + step;
  if (!cells()[next] || (Math.abs(step) === 1 && Math.floor(next / columns) !== Math.floor(at / columns))) return;
  if (!seen(cells()[next])) return;
  choose(next);
  element.querySelector(`[data-place="${next}"]`).focus();
});
part("measure").addEventListener("change", (event) => { measure = event.target.value; draw(); });
part("beside").addEventListener("change", (event) => { beside = event.target.value; drawDetail(); });
part("use").addEventListener("click", () => trigger("use", {config: cells()[shown()].config}));
watch("value", draw);
draw();
