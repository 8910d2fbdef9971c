// Runs before the first paint, so that neither theme nor language flashes. Only what a person chose is kept.
(() => {
  const read = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const theme = read('lgma.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  document.documentElement.lang = read('lgma.language') === 'en' ? 'en' : 'zh-CN';
})();
