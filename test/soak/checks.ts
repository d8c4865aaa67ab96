import type { Stack } from '../stack/stack.ts';
import type { Soaked } from './requests.ts';

const SHOWN = 20;

/** How often something happened, by what it belongs to. */
type Counts = ReadonlyMap<string, number>;

/** What the stores say, each count by item or id. */
interface Found {
  /** Rows at the target, by item. */
  readonly effects: Counts;
  /** Runs that the target has committed. */
  readonly runs: Counts;
  readonly claims: Counts;
}

/** What must not be: each a sentence. Empty where nothing was lost and nothing happened twice. */
export async function brokenPromises(stack: Stack, made: readonly Soaked[]): Promise<readonly string[]> {
  const found = {
    effects: await countsOf(
      stack.target,
      `select item as name, count(*)::int as count from purchase where item like 'bench %' group by 1`,
    ),
    runs: await countsOf(
      stack.target,
      'select request_id as name, count(*)::int as count from keyturn.execution where not fenced group by 1',
    ),
    claims: await countsOf(
      stack.keyturnDb,
      `select request as name, count(*)::int as count from keyturn.execution where state = 'succeeded' group by 1`,
    ),
  };
  return [...made.flatMap((request) => brokenOf(request, found)), ...(await strangers(stack, made))];
}

function brokenOf(request: Soaked, found: Found): readonly string[] {
  const { number, id = 'never acknowledged', ended, fault, verdict } = request;
  const expected = verdict === 'approve' ? { status: 'succeeded', times: 1 } : { status: 'denied', times: 0 };
  const times = [
    ['effects', found.effects.get(`bench ${number}`) ?? 0],
    ['runs', found.runs.get(id) ?? 0],
    ['claims', found.claims.get(id) ?? 0],
  ] as const;
  const wrong = times.filter(([, count]) => count !== expected.times);
  return [
    ...(fault === undefined ? [] : [fault]),
    ...(ended?.status === expected.status ? [] : [`it is ${ended?.status}, not ${expected.status}`]),
    ...wrong.map(([what, count]) => `${what}: ${count}, not ${expected.times}`),
  ].map((problem) => `request ${number} (${id}): ${problem}`);
}

/** Requests that nobody was told of: the same key made two. */
async function strangers(stack: Stack, made: readonly Soaked[]): Promise<readonly string[]> {
  const known = new Set(made.map(({ id }) => id));
  const { rows } = await stack.keyturnDb.query<{ id: string }>('select id from keyturn.request');
  const ids = [...known].filter((id) => id !== undefined);
  return [
    ...rows.filter(({ id }) => !known.has(id)).map(({ id }) => `${id} exists and no caller was told`),
    ...(new Set(ids).size === made.filter(({ id }) => id !== undefined).length
      ? []
      : ['two callers were given one request']),
  ];
}

/** Runs `keyturn verify` on some of the requests, evenly chosen. Answers what does not hold. */
export async function brokenEvidence(
  stack: Stack,
  {
    token,
    made,
    sample,
  }: { readonly token: string; readonly made: readonly Soaked[]; readonly sample: number },
): Promise<readonly string[]> {
  const broken: string[] = [];
  const step = Math.max(1, Math.floor(made.length / sample));
  for (const { id } of made.filter((_request, index) => index % step === 0)) {
    if (id === undefined) continue;
    const { code, stdout, stderr } = await stack.cli(['verify', id], { KEYTURN_TOKEN: token });
    if (code !== 0 || !stdout.includes('All checks hold.')) broken.push(`verify ${id}: ${stdout}${stderr}`);
  }
  return broken;
}

/** The first ones, and how many more there are. */
export function shown(broken: readonly string[]): readonly string[] {
  const more = broken.length - SHOWN;
  return [...broken.slice(0, SHOWN), ...(more > 0 ? [`and ${more} more`] : [])];
}

async function countsOf(database: Stack['target'], sql: string): Promise<Counts> {
  const { rows } = await database.query<{ name: string; count: number }>(sql);
  return new Map(rows.map(({ name, count }) => [name, count]));
}
