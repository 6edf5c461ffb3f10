"""On a narrow page the controls come first: the buttons that run stay at the lower edge (phone.css), the view follows."""


def show_on_phones(element: str) -> str:
    """JavaScript for a click: scroll to the element with this id where the page is one column; inputs pass through."""
    return f"""(...inputs) => {{
  const view = document.querySelector("#{element}");
  if (view && window.innerWidth < 800) view.scrollIntoView({{behavior: "smooth", block: "start"}});
  return inputs;
}}"""
