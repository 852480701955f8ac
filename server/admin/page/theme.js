// The colours: those of the system, or what a person has chosen here. It runs before the page is
// drawn, so that nothing flashes.
(() => {
  const KEY = 'allspark-theme';
  const THEMES = ['auto', 'light', 'dark'];
  const root = document.documentElement;

  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  };

  const use = (theme) => {
    root.dataset.theme = THEMES.includes(theme) ? theme : 'auto';
    dispatchEvent(new Event('allspark-theme'));
  };

  use(stored());
  addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme');
    if (!button) return;
    const name = () => {
      button.setAttribute('aria-label', `Colours: ${root.dataset.theme}. Change them`);
      button.title = `Colours: ${root.dataset.theme}`;
    };
    name();
    button.addEventListener('click', () => {
      const next = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
      use(next);
      name();
      try {
        localStorage.setItem(KEY, next);
      } catch {
        // It counts as long as the page is open.
      }
    });
  });
})();
