/* What the parts of the page have in common; it stands before each one's own script, which draws `props.value`. */
const part = (role) => element.querySelector(`[data-role="${role}"]`);
const run = () => props.value || {};
const share = (event, box) => Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));

function put(image, source) {
  if (source) { if (image.getAttribute("src") !== source) image.src = source; } else image.removeAttribute("src");
}

function say(holder, text) {
  if (holder.textContent !== (text || "")) holder.textContent = text || "";
}

function make(tag, classes = "", text = undefined) {
  const created = document.createElement(tag);
  if (classes) created.className = classes;
  if (text !== undefined) created.textContent = text;
  if (tag === "button") created.type = "button";
  return created;
}

function picture(source, alt) {
  const frame = make("div", "window"), image = make("img");
  put(image, source);
  image.alt = alt;
  frame.append(image);
  return frame;
}

/* Put new children in place of a holder's; the one with the same data-key keeps the focus. */
function refill(holder, children) {
  const focused = holder.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  holder.replaceChildren(...children);
  if (focused) holder.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({preventScroll: true});
}

/* The header: the stage of the step shown or else the state, and a line. */
function head(root, stage, text, state = run().state) {
  const failed = state === "failed", shown = failed ? "" : stage || "";
  part(root).dataset.state = state || "empty";
  part("badge").className = `badge ${shown}`;
  part("badge").dataset.stage = shown;
  say(part("badge"), shown ? (shown === "final" ? "result" : shown) : state || "ready");
  part("line").setAttribute("role", failed ? "alert" : "status");
  say(part("line"), text);
  const bar = part("progress");
  if (!bar) return;
  bar.hidden = !run().progress;
  if (run().progress) [bar.value, bar.max] = run().progress;
}

/* F, where nobody is typing and this part of the page is seen. */
function onF(act) {
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "range";
    if (event.key.toLowerCase() === "f" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey && element.offsetParent) act();
  });
}

/* Two pictures, the left over the right, with an edge to move between them and a flip from one to the other. */
function comparer(holder, start = 50) {
  holder.classList.add("comparer");
  holder.innerHTML = `<div class="window" data-role="box"><img class="under" alt=""><img class="over" alt="">` +
    `<i class="cut"></i><b class="corner" aria-hidden="true"></b><b class="corner right" aria-hidden="true"></b></div>` +
    `<div class="bar"><label class="wipe"><input type="range" min="0" max="100" data-role="wipe"></label>` +
    `<button type="button" data-role="flip" aria-pressed="false">Flip (F)</button><span data-role="shown" role="status"></span></div>`;
  const find = (selector) => holder.querySelector(selector), box = find(".window"), input = find("input");
  let left = {}, right = {};
  function cut(share) {
    const value = Math.round(Math.min(100, Math.max(0, share)));
    input.value = value;
    box.style.setProperty("--cut", `${value}%`);
    box.dataset.shown = value === 100 ? "left" : value === 0 ? "right" : "both";
    const shown = !left.name ? "" : value === 100 ? left.name : value === 0 ? right.name : `${left.name} left, ${right.name} right`;
    input.setAttribute("aria-valuetext", shown);
    find("[data-role=flip]").setAttribute("aria-pressed", String(value === 0));
    say(find("[data-role=shown]"), shown);
  }
  function show(first, second) {  // each a name, a picture and its alternative text
    [left, right] = [first, second];
    put(find(".over"), first.picture);
    put(find(".under"), second.picture);
    find(".over").alt = first.alt || first.name;
    find(".under").alt = second.alt || second.name;
    const [a, b] = holder.querySelectorAll(".corner");
    [a.textContent, b.textContent] = [first.name, second.name];
    input.setAttribute("aria-label", `Wipe: how much of the picture is ${first.name}, from the left`);
    cut(Number(input.value));
  }
  const flip = () => cut(input.value === "100" ? 0 : 100);
  const slide = (event) => { event.preventDefault(); cut(100 * share(event, box.getBoundingClientRect())); };
  input.value = start;
  input.addEventListener("input", () => cut(Number(input.value)));
  find("[data-role=flip]").addEventListener("click", flip);
  box.addEventListener("pointerdown", slide);
  box.addEventListener("pointermove", (event) => { if (event.buttons === 1) slide(event); });
  onF(() => { if (!holder.hidden && left.picture) flip(); });
  return {show, cut};
}
