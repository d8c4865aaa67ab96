/** What may be said of an unexpected error: its name and code, never its text, which may quote data. */
export function errorClass(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  return [error instanceof Error ? error.name : 'Error', code].filter(Boolean).join(':');
}
