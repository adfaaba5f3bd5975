// The theme, before anything is painted: the person's choice, else the system's. Shared by every page of the app.
(function () {
  const KEY = "openalgo-lab-theme";
  const system = window.matchMedia("(prefers-color-scheme: light)");
  const stored = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
  const current = () => {
    const chosen = stored();
    return chosen === "dark" || chosen === "light" ? chosen : system.matches ? "light" : "dark";
  };
  function apply() {
    const theme = current();
    const root = document.documentElement;
    root.dataset.theme = theme;
    root.dataset.oalTheme = theme;
    if (document.body) {
      document.body.dataset.jpThemeLight = String(theme === "light");
      document.body.dataset.jpThemeName = theme === "light" ? "JupyterLab Light" : "JupyterLab Dark";
    }
    window.dispatchEvent(new CustomEvent("openalgo-theme", { detail: theme }));
  }
  function toggle() {
    try { localStorage.setItem(KEY, current() === "dark" ? "light" : "dark"); } catch { /* private mode: this page only */ }
    apply();
  }
  window.openalgoTheme = { apply, toggle, current };
  apply();
  system.addEventListener("change", apply);
  window.addEventListener("storage", (event) => { if (event.key === KEY) apply(); });
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-oal-toggle]")) toggle();
  });
})();
