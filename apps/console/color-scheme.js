/**
 * Sets the color scheme that the person chose before anything is drawn, so that the page does not flash. It is a plain
 * script that blocks: modules run only once the page is there.
 */
{
  const attribute = 'data-mantine-color-scheme';
  let chosen = null;
  try {
    chosen = localStorage.getItem('keyturn-color-scheme');
  } catch {
    // A browser that keeps nothing: then the system's scheme is used.
  }
  const isDark =
    chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.setAttribute(attribute, isDark ? 'dark' : 'light');
}
