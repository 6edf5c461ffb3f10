/* Names for the buttons that Gradio leaves without one: example pictures and "select all". */
() => {
  const name = () => {
    document.querySelectorAll("button.gallery-item:not([aria-label])").forEach((button, i) => {
      button.setAttribute("aria-label", `Use example ${i + 1}`);
    });
    document.querySelectorAll("#faces button:not([aria-label])").forEach((button, i) => {
      if (!button.textContent.trim()) button.setAttribute("aria-label", `Choose face ${i + 1} alone`);
    });
    document.querySelectorAll("#pasted button:not([aria-label])").forEach((button) => {
      if (!button.textContent.trim()) button.setAttribute("aria-label", "The photo with its restored faces");
    });
    document.querySelectorAll(".select-all-checkbox:not([aria-label])").forEach((box) => {
      box.setAttribute("aria-label", "Select all faces");
    });
  };
  name();
  new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
};
