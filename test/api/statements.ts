import { Client } from 'pg';
import { vi } from 'vitest';

/** What the feed asks every second, for any caller. */
const FEED = /pg_current_snapshot|from audit\.entry left join keyturn\.request/;

/** What the API asks the database while `work` is under way, but for its feed. Nothing else may call it meanwhile. */
export async function statementsDuring(work: () => Promise<unknown>): Promise<readonly string[]> {
  const query = vi.spyOn(Client.prototype, 'query');
  try {
    await work();
    return query.mock.calls.map(textOf).filter((text) => !FEED.test(text));
  } finally {
    query.mockRestore();
  }
}

function textOf([question]: readonly unknown[]): string {
  return typeof question === 'string' ? question : (question as { readonly text: string }).text;
}
