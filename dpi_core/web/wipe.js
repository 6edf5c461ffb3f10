/* One picture over another: the wipe moves the edge between them, the flip moves it from one end to the other. `element` is the
   component; its content is replaced by every run. */
const part = (role) => element.querySelector(`[data-role="${role}"]`);

function cut(share) {
  const wipe = part("wipe");
  if (!wipe) return;
  const {left, right} = part("box").dataset;
  const value = Math.round(Math.min(100, Math.max(0, share)));
  wipe.value = value;
  wipe.setAttribute("aria-valuetext", value === 100 ? left : value === 0 ? right : `${value} % ${left}, the rest ${right}`);
  part("box").style.setProperty("--dpi-cut", `${value}%`);
  part("box").dataset.shown = value === 100 ? "left" : value === 0 ? "right" : "both";
  part("flip").setAttribute("aria-pressed", String(value === 0));
  part("shown").textContent = value === 100 ? left : value === 0 ? right : `${left} left, ${right} right`;
}

const flip = () => cut(part("wipe").value === "100" ? 0 : 100);

function drag(event) {
  const box = part("box");
  if (!box || !box.contains(event.target) || (event.type === "pointermove" && event.buttons !== 1)) return;
  event.preventDefault();
  const place = box.getBoundingClientRect();
  cut((100 * (event.clientX - place.left)) / place.width);
}

element.addEventListener("input", (event) => {
  if (event.target.dataset.role === "wipe") cut(Number(event.target.value));
});
element.addEventListener("click", (event) => {
  if (event.target.closest('[data-role="flip"]')) flip();
});
element.addEventListener("pointerdown", drag);
element.addEventListener("pointermove", drag);
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "range";
  if (event.key.toLowerCase() === "f" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    if (part("flip") && element.offsetParent) flip();
  }
});
