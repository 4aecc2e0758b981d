// What the theme leaves out for those who do not use a mouse or a screen.
document.addEventListener("DOMContentLoaded", () => {
  document
    .querySelectorAll('p.caption[role="heading"]')
    .forEach((caption) => caption.setAttribute("aria-level", "2"));
  document
    .querySelectorAll("pre, article table.docutils")
    .forEach((block) => block.setAttribute("tabindex", "0"));
  // Two places beside the text, which a list of landmarks must tell from each other.
  const names = { ".sidebar-drawer": "Pages", ".toc-drawer": "On this page" };
  for (const [place, name] of Object.entries(names)) {
    document
      .querySelectorAll(`aside${place}`)
      .forEach((aside) => aside.setAttribute("aria-label", name));
  }
  // The way up stands beside the text too.
  document.querySelectorAll(".back-to-top").forEach((link) => {
    const place = document.createElement("nav");
    place.setAttribute("aria-label", "Back to top");
    link.replaceWith(place);
    place.append(link);
  });
});
