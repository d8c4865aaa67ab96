const KEY = '<circle cx="11" cy="16" r="5"/><path d="M16 16h12M23 16v5M28 16v4"/>';

/** Draws a key on the tab of the browser, and how many requests wait. */
export function drawFavicon(waiting: string): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link) link.href = `data:image/svg+xml,${encodeURIComponent(faviconOf(waiting))}`;
}

function faviconOf(waiting: string): string {
  const badge = waiting === '0' ? '' : badgeOf(waiting.length > 2 ? '99+' : waiting);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#3448a8"/><g fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round">${KEY}</g>${badge}</svg>`;
}

function badgeOf(text: string): string {
  return `<circle cx="21" cy="11" r="11" fill="#c92a2a"/><text x="21" y="16" font-size="${15 - text.length}" font-family="sans-serif" font-weight="700" text-anchor="middle" fill="#fff">${text}</text>`;
}
