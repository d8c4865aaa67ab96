import { CLOCK_TOLERANCE_MS } from '../../domain/calendar/clock-tolerance.ts';
import { duration } from '../../domain/cards/words.ts';

/** The result of one check, and what to do if it failed. */
export interface Diagnosis {
  readonly check: string;
  readonly outcome: 'ok' | 'failed' | 'skipped';
  readonly detail: string;
}

/** Answers what it found; throws if something is wrong. */
type Check = () => Promise<string>;

/** Runs one check. Its error says what is wrong and what to do. */
export async function diagnose(name: string, check: Check): Promise<Diagnosis> {
  try {
    return { check: name, outcome: 'ok', detail: await check() };
  } catch (error) {
    return { check: name, outcome: 'failed', detail: reasonOf(error) };
  }
}

/** Something that cannot be checked from here, and what would have to be set. */
export function skipped(check: string, detail: string): Diagnosis {
  return { check, outcome: 'skipped', detail };
}

/** Node's fetch hides why it failed one level down. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed';
  const { cause } = error;
  const deeper = cause instanceof Error ? cause.message || ('code' in cause ? String(cause.code) : '') : '';
  return deeper === '' || error.message.includes(deeper)
    ? error.message || error.name
    : `${error.message}: ${deeper}`;
}

const ANSWER_MS = 5_000;

/** An answer over HTTP, with what the other side's clock says beside ours. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** How far the other clock is ahead of ours; null if it says nothing. To the second, as in HTTP. */
  readonly aheadMs: number | null;
}

/** Waits for five seconds at most, and follows no redirection. */
export async function ask(url: string): Promise<Answer> {
  const before = Date.now();
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(ANSWER_MS) });
  const middle = (before + Date.now()) / 2;
  const date = Date.parse(response.headers.get('date') ?? '');
  const text = await response.text();
  return {
    status: response.status,
    body: jsonOf(text),
    // A header says whole seconds, cut off: half a second more is as right as can be.
    aheadMs: Number.isNaN(date) ? null : date + 500 - middle,
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Says how far a clock is from ours; throws if that is more than is tolerated. */
export function clockText(aheadMs: number, whose: string): string {
  const distance = Math.abs(aheadMs);
  // The Date header is off by half a second at most.
  if (distance <= CLOCK_TOLERANCE_MS + 500)
    return `the clock of ${whose} is within ${Math.max(1, Math.ceil(distance / 1_000))}s of this machine's`;
  const side = aheadMs > 0 ? 'ahead of' : 'behind';
  throw new Error(
    `the clock of ${whose} is ${duration(distance)} ${side} this machine's: run NTP on both (docs/operating.md, Clocks)`,
  );
}
