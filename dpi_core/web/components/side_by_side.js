/* Two results of one face, drawn from `props.value`: both estimates while they run, then one over the other. */
const compared = comparer(part("comparer"));
let made = null;

function drawSide(role, side) {
  const holder = part(role);
  holder.hidden = !side;
  if (!side) return;
  put(holder.querySelector("img"), side.picture);
  holder.querySelector("img").alt = `estimate of ${side.name}, ${side.where}`;
  const badge = make("span", `badge ${side.stage}`, side.stage === "final" ? "result" : side.stage);
  holder.querySelector("figcaption").replaceChildren(make("b", "", `${side.name} `), badge, ` ${side.where}`);
}

function drawBeside(v, ended) {
  part("references").replaceChildren(...(v.references || []).map(({name, picture: source}) => {
    const figure = make("figure");
    figure.append(picture(source, name), make("figcaption", "", name));
    return figure;
  }));
  part("figures").hidden = !v.figures;
  part("rows").replaceChildren(...(v.figures || []).map((row) => {
    const line = make("tr"), head = make("th", "", row.name);
    head.scope = "row";
    line.append(head, ...row.values.map((value, i) => {
      const cell = make("td");
      cell.append(row.best === i ? make("b", "", value) : value);
      return cell;
    }), make("td", "", row.difference));
    return line;
  }));
  part("words").replaceChildren(...(v.sides || []).map((side) => {
    const line = make("p");
    line.append(make("b", "", side.name), `: ${side.words}${ended ? `; ${side.where}` : ""}`);
    return line;
  }));
}

function draw() {
  const v = run(), sides = v.sides || [], ended = Boolean(v.heat);
  head("ab", null, v.line);
  part("panes").hidden = !sides.length;
  part("comparer").hidden = part("heat").hidden = !ended;
  drawSide("first", ended ? null : sides[0]);
  drawSide("second", ended ? null : sides[1]);
  if (ended) {
    if (made !== v.run) { made = v.run; compared.cut(50); }
    const [a, b] = sides.map((side) => ({name: side.name, picture: side.picture, alt: `result of ${side.name}, ${side.words}`}));
    compared.show(a, b);
    put(part("heat").querySelector("img"), v.heat.picture);
    say(part("heat").querySelector("figcaption"), v.heat.text);
  }
  drawBeside(v, ended);
  say(part("note"), v.note);
}

watch("value", draw);
draw();
