/** Text on one line: no control characters, line ends, or marks that hide or reorder what is read. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
}

/**
 * A name as a Markdown code span, whatever it holds: nothing in it is drawn, and no address in it becomes a link, which
 * viewers make of addresses in all other text, escaped or not. A backtick inside would end the span: it becomes a quote.
 */
export function markdownCode(name: string): string {
  return `\`${oneLine(name).replaceAll('`', "'") || ' '}\``;
}
