// Light, dark or as the system has it. A classic script in the head: it runs before the first paint, so that nothing
// flashes.
(() => {
  const KEY = "newsrag.theme";
  const THEMES = ["system", "light", "dark"];
  const root = document.documentElement;

  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is blocked: the system's theme it is
    }
  };
  const set = (theme) => {
    root.dataset.theme = THEMES.includes(theme) ? theme : "system";
    const toggle = document.getElementById("theme");
    if (toggle) {
      toggle.setAttribute("aria-label", `Colours: ${root.dataset.theme}`);
      toggle.title = `Colours: ${root.dataset.theme}`;
    }
  };

  set(stored());
  document.addEventListener("DOMContentLoaded", () => {
    set(root.dataset.theme);
    document.getElementById("theme").addEventListener("click", () => {
      set(THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length]);
      try {
        localStorage.setItem(KEY, root.dataset.theme);
      } catch {
        // not kept, but shown
      }
      document.getElementById("status").textContent = `Colours: ${root.dataset.theme}`;
    });
  });
})();
