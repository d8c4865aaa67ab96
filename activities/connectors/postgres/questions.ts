import { escapeLiteral, type Client, type QueryResult, type QueryResultRow } from 'pg';

/** A value for a parameter of a question. */
type Given = string | number | boolean | readonly (string | number | boolean)[];

/** A constant query of the catalogue, with the values of its parameters. */
export interface Question<Row extends QueryResultRow = QueryResultRow> {
  readonly query: string;
  readonly given: readonly Given[];
  /** Single statements of our own that run before it. */
  readonly after?: readonly string[];
  /** Only says what its rows are. */
  readonly row?: Row;
}

export type Answers<Questions extends readonly Question[]> = {
  -readonly [Index in keyof Questions]: Questions[Index] extends Question<infer Row> ? readonly Row[] : never;
};

/** Makes a question. */
export function question<Row extends QueryResultRow>(
  query: string,
  given: readonly Given[] = [],
): Question<Row> {
  return { query, given };
}

/** Names of the queries that a session has prepared. A full reset forgets them. */
const PREPARED = new WeakMap<Client, Map<string, string>>();
let names = 0;

/** Notes that a session knows no prepared query any more. */
export function forgetQuestions(client: Client): void {
  PREPARED.delete(client);
}

/** Sessions in which code of others has run, which may have put queries of its own behind the names of ours. */
const DISTRUSTED = new WeakSet<Client>();

/** Notes that code of others runs in a session: from then on each query is prepared anew, by a name that must be free. */
export function distrustQuestions(client: Client): void {
  DISTRUSTED.add(client);
}

/**
 * The rows of constant queries, which a session prepares once, all in one round trip and in this order. `last` are single
 * statements of our own that run behind them.
 */
export async function answersTo<const Questions extends readonly Question[]>(
  client: Client,
  questions: Questions,
  last: readonly string[] = [],
): Promise<Answers<Questions>> {
  const statements: string[] = [];
  const places: number[] = [];
  const fresh: string[] = [];
  for (const { query, given, after = [] } of questions) {
    const { name, isFresh } = nameOf(client, query);
    if (isFresh) fresh.push(query);
    statements.push(...after, ...(isFresh ? [`prepare ${name} as ${query}`] : []), executing(name, given));
    places.push(statements.length - 1);
  }
  try {
    const answered: unknown = await client.query([...statements, ...last].join(';\n'));
    const results = [answered as QueryResult].flat();
    return places.map((place) => results[place]?.rows ?? []) as Answers<Questions>;
  } catch (error) {
    // Nobody knows which of them were prepared; another name is free in any case.
    for (const query of fresh) PREPARED.get(client)?.delete(query);
    throw error;
  }
}

/** Rows of one constant query of the catalogue. */
export async function catalogueRows<Row extends QueryResultRow>(
  client: Client,
  query: string,
  given: readonly Given[] = [],
): Promise<readonly Row[]> {
  const [rows] = await answersTo(client, [question<Row>(query, given)]);
  return rows;
}

function nameOf(client: Client, query: string): { readonly name: string; readonly isFresh: boolean } {
  const known = PREPARED.get(client) ?? new Map<string, string>();
  PREPARED.set(client, known);
  const name = DISTRUSTED.has(client) ? undefined : known.get(query);
  if (name !== undefined) return { name, isFresh: false };
  names += 1;
  known.set(query, `keyturn_${names}`);
  return { name: `keyturn_${names}`, isFresh: true };
}

/** Every value is written as a text that has no type yet: the server reads it as what the parameter is. */
function executing(name: string, given: readonly Given[]): string {
  const literals = given.map((value) =>
    escapeLiteral(typeof value === 'object' ? arrayText(value) : String(value)),
  );
  return `execute ${name}${literals.length === 0 ? '' : `(${literals.join(', ')})`}`;
}

function arrayText(values: readonly (string | number | boolean)[]): string {
  return `{${values.map((value) => `"${String(value).replace(/["\\]/g, String.raw`\$&`)}"`).join(',')}}`;
}
