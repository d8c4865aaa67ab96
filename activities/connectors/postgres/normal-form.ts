import { sha256, type Digest } from '../../../domain/crypto/digest.ts';
import type { Statement } from './statement.ts';

/** Fields that say where in the text something stands. */
const LOCATION = /(^|_)(location|list_start|list_end)$|^stmt_len$/;

/**
 * A digest of the statement as PostgreSQL's grammar reads it: the same whatever blanks, comments, brackets and letter case
 * it is written with. Iterative: hostile input must not exhaust the stack.
 */
export function normalForm({ tree }: Pick<Statement, 'tree'>): Digest {
  const parts: string[] = [];
  const open: unknown[] = [tree];
  while (open.length > 0) {
    const current = open.pop();
    if (Array.isArray(current)) {
      parts.push(`[${current.length}`);
      for (const item of current as readonly unknown[]) open.push(item);
    } else if (typeof current === 'object' && current !== null) {
      const fields = Object.entries(current).filter(([name]) => !LOCATION.test(name));
      parts.push(`{${fields.map(([name]) => name).join(' ')}`);
      for (const [, value] of fields) open.push(value);
    } else parts.push(JSON.stringify(current));
  }
  return sha256(parts.join('\n'));
}
