/**
 * True when a decimal number, as somebody wrote it, is the number that is kept and shown: the same digits at the same
 * place, whatever the form (`1.10`, `1e2`). What a double would round, and `-0`, which is shown as 0, is another number.
 */
export function isExactNumber(written: string, kept: number): boolean {
  const shown = String(kept);
  return written === shown || decimalOf(written) === decimalOf(shown);
}

/** Equal texts for equal decimal numbers. Read digit by digit: patterns that look for trailing zeros take square time. */
function decimalOf(written: string): string {
  const sign = written.startsWith('-') ? '-' : '';
  const [mantissa = '', exponent = '0'] = written.replace(/^[-+]/, '').toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = whole + fraction;
  let from = 0;
  while (digits[from] === '0') from += 1;
  if (from === digits.length) return `${sign}0`;
  let to = digits.length;
  while (digits[to - 1] === '0') to -= 1;
  const scale = Number(exponent) - fraction.length + (digits.length - to);
  return `${sign}${digits.slice(from, to)}e${scale}`;
}
