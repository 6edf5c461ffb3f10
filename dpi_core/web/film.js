/* Scrubbing through a finished run. `element` is the component; its content is replaced by every run. */
let source, frames = [];

function showStep(index) {
  const holder = element.querySelector('[data-role="film-data"]');
  if (!holder) return;
  if (holder !== source) [source, frames] = [holder, JSON.parse(holder.textContent)];
  const frame = frames[index];
  for (const image of element.querySelectorAll("[data-pane]")) image.src = frame[image.dataset.pane];
  element.querySelector('[data-role="film-text"]').textContent = frame.text;
  element.querySelector('[data-role="scrub"]').value = index;
  const cursor = element.querySelector('[data-role="cursor"]');
  if (!cursor) return;
  const x = Number(cursor.dataset.from) + index * Number(cursor.dataset.step);
  cursor.setAttribute("x1", x);
  cursor.setAttribute("x2", x);
}

element.addEventListener("input", (event) => {
  if (event.target.dataset.role === "scrub") showStep(Number(event.target.value));
});
element.addEventListener("click", (event) => {
  const key = event.target.closest("[data-step].dpi-key-frame");
  if (key) showStep(Number(key.dataset.step));
});
