// What the theme leaves out for those who do not use a mouse or a screen.
document.addEventListener("DOMContentLoaded", () => {
  document
    .querySelectorAll('p.caption[role="heading"]')
    .forEach((caption) => caption.setAttribute("aria-level", "2"));
  document
    .querySelectorAll("pre, article table.docutils")
    .forEach((block) => block.setAttribute("tabindex", "0"));
});
