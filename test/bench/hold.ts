import type { Stack } from '../stack/stack.ts';
import { closedLoop, quantile } from './measure.ts';
import { familyOf, residentMiB, togetherMiB } from './processes.ts';
import type { Subject } from './subject.ts';

/** Whose memory is looked at. */
export interface Holders {
  readonly subject: Subject;
  readonly serverPids: readonly number[];
  /** The main process; the others are its children. */
  readonly databasePid: number;
}

/** Memory in MiB while a number of requests is pending, and how long it took to get from the last number to this. */
export interface Held {
  readonly pending: number;
  readonly workerMiB: number;
  readonly serverMiB: number;
  readonly databaseMiB: number;
  readonly seconds: number;
}

/** Memory of everything that holds, with each number of pending requests in turn. */
export async function memoryWhileHolding(
  { subject, serverPids, databasePid }: Holders,
  counts: readonly number[],
): Promise<readonly Held[]> {
  const held: Held[] = [];
  let pending = 0;
  for (const count of counts) {
    const { elapsedMs } = await closedLoop(16, count - pending, async () =>
      subject.waitPending(await subject.create()),
    );
    pending = count;
    held.push({
      pending,
      workerMiB: residentMiB(subject.workerPid),
      serverMiB: togetherMiB(serverPids),
      databaseMiB: togetherMiB(familyOf(databasePid)),
      seconds: elapsedMs / 1_000,
    });
    process.stderr.write(`${count} pending: worker ${held.at(-1)?.workerMiB.toFixed(0)} MiB\n`);
  }
  return held;
}

/** Latency of the first page of the list with so many rows in the table. */
export async function listLatency(
  stack: Stack,
  rows: number,
): Promise<{ readonly rows: number; readonly p50Ms: number; readonly p99Ms: number }> {
  await fillRequests(stack, rows);
  const token = await stack.issuer.humanToken('olga');
  const phase = await closedLoop(1, 100, async () => {
    const { status } = await stack.http({ path: '/v1/requests?limit=50&status=pending', token });
    if (status !== 200) throw new Error(`List answered ${status}`);
  });
  return { rows, p50Ms: quantile(phase.latenciesMs, 0.5), p99Ms: quantile(phase.latenciesMs, 0.99) };
}

/** Copies one real row until the table has this many; the copies are of the past, pending for ever. */
async function fillRequests(stack: Stack, rows: number): Promise<void> {
  const { rows: counted } = await stack.keyturnDb.query<{ count: string }>(
    'select count(*) from keyturn.request',
  );
  const missing = rows - Number(counted[0]?.count ?? 0);
  if (missing <= 0) return;
  await stack.keyturnDb.query(
    `insert into keyturn.request
       select (jsonb_populate_record(null::keyturn.request, to_jsonb(r) || jsonb_build_object(
         'id', 'req_' || translate(md5(n::text || clock_timestamp()), '0189', 'abcd') ,
         'status', 'pending', 'created_at', r.created_at - n * interval '1 second'))).*
       from (select * from keyturn.request limit 1) r, generate_series(1, $1::int) n`,
    [missing],
  );
  await stack.keyturnDb.query('analyze keyturn.request');
}
