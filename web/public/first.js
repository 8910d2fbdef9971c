// Runs before the first paint, so that no other theme or language flashes up.
(() => {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem('lgma.preferences') ?? '{}') ?? {};
  } catch {
    // Private windows may refuse storage: the defaults hold.
  }
  const root = document.documentElement;
  if (kept.theme === 'light' || kept.theme === 'dark') root.dataset.theme = kept.theme;
  if (kept.density === 'compact') root.dataset.density = 'compact';
  if (kept.language === 'en') root.lang = 'en';
})();
