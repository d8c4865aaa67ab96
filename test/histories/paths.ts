import { waitFor } from '../stack/wait.ts';
import { decisionsOf, waitForLeaves, waitForVerdicts } from '../workflows/facts.ts';
import { startLocalWorker, type LocalWorker } from '../workflows/local-worker.ts';
import { changeRequirement, withPolicy } from '../workflows/policies.ts';
import { randomId, type Desk } from '../workflows/signed.ts';

/** What a path is played with. */
export class Scene {
  readonly desk: Desk;
  #worker: LocalWorker;

  constructor(desk: Desk, worker: LocalWorker) {
    this.desk = desk;
    this.#worker = worker;
  }

  /** Plays `work` with no worker up, or with one that keeps books but executes nothing. */
  async without(what: 'worker' | 'performer', work: () => Promise<void>): Promise<void> {
    const { target } = this.#worker;
    await this.#worker.stop();
    const bookkeeper =
      what === 'performer'
        ? await startLocalWorker(this.desk.stack, { target, enableNonLocalActivities: false })
        : null;
    await work();
    await bookkeeper?.stop();
    this.#worker = await startLocalWorker(this.desk.stack, { target });
  }

  stop(): Promise<void> {
    return this.#worker.stop();
  }
}

/** Plays one way a request can go, to its end. Answers its id. */
type Path = (scene: Scene) => Promise<string>;

/** Every way a request can go, with how it ends. */
export const PATHS: Readonly<Record<string, { readonly status: string; readonly play: Path }>> = {
  approve: {
    status: 'succeeded',
    play: async ({ desk }) => {
      const id = await desk.ask();
      await desk.decide(id, 'olga');
      return id;
    },
  },
  'evaluated-with-plan': {
    status: 'succeeded',
    play: async ({ desk }) => {
      const id = await desk.ask({ target: 'shop-two-people' });
      for (const subject of ['olga', 'dmitri']) await desk.decide(id, subject);
      return id;
    },
  },
  deny: {
    status: 'denied',
    play: async ({ desk }) => {
      const id = await desk.ask({ target: 'shop-two-people' });
      await desk.decide(id, 'olga');
      await waitForVerdicts(desk.stack, id, 1);
      await desk.decide(id, 'dmitri', { verdict: 'deny' });
      return id;
    },
  },
  expire: { status: 'expired', play: ({ desk }) => desk.ask({ target: 'shop-expiring' }) },
  'escalate-approve': {
    status: 'succeeded',
    play: async ({ desk }) => {
      const id = await desk.ask({ target: 'shop-escalating' });
      await waitForLeaves(desk.stack, id, { type: 'request.escalated' });
      await desk.decide(id, 'petra');
      return id;
    },
  },
  defer: {
    status: 'succeeded',
    play: async ({ desk }) => {
      const id = await desk.ask({ target: 'shop-escalating' });
      const until = new Date(Date.now() + 3_600_000).toISOString();
      await desk.decide(id, 'olga', { verdict: 'defer', defer: { until, to: null } });
      await waitForLeaves(desk.stack, id, { type: 'request.escalated' });
      await desk.decide(id, 'olga');
      return id;
    },
  },
  'two-stage': {
    status: 'succeeded',
    play: async ({ desk }) => {
      const id = await desk.ask({ target: 'shop-sequential' });
      for (const [index, subject] of ['omar', 'olga', 'omar'].entries()) {
        await desk.decide(id, subject);
        if (index < 2) await waitForVerdicts(desk.stack, id, index + 1);
      }
      return id;
    },
  },
  withdraw: {
    status: 'cancelled',
    play: async ({ desk }) => {
      const id = await desk.ask();
      await desk.signal(id, await desk.withdrawal(id, 'ada'), 'withdraw');
      return id;
    },
  },
  drift: {
    status: 'succeeded',
    play: async ({ desk }) => {
      const id = await desk.ask({ statement: 'drift' });
      await desk.decide(id, 'olga');
      await waitForRound(desk, id, 2);
      await desk.decide(id, 'olga');
      return id;
    },
  },
  'stale-approval': {
    status: 'succeeded',
    play: async (scene) => {
      const { desk } = scene;
      const id = await desk.ask({ target: 'shop-stale' });
      await scene.without('performer', async () => {
        await desk.decideAtOnce(id, ['olga', 'dmitri']);
        await desk.stack.waitForStatus(id, 'approved');
        await waitForAge(desk, id, 3_000);
      });
      await waitForRound(desk, id, 2);
      await desk.decideAtOnce(id, ['olga', 'dmitri']);
      return id;
    },
  },
  allow: { status: 'succeeded', play: ({ desk }) => desk.ask({ target: 'shop-sandbox' }, 'succeeded') },
  forbid: { status: 'denied', play: ({ desk }) => desk.ask({ target: 'shop-closed' }, 'denied') },
  'plan-refused': { status: 'failed', play: ({ desk }) => desk.ask({ statement: 'refuse' }, 'failed') },
  'target-unreachable': {
    status: 'failed',
    play: ({ desk }) => desk.ask({ statement: 'unreachable' }, 'failed'),
  },
  'execution-failed': {
    status: 'failed',
    play: async ({ desk }) => {
      const id = await desk.ask({ statement: 'fail' });
      await desk.decide(id, 'olga');
      return id;
    },
  },
  junk: {
    status: 'succeeded',
    play: async ({ desk }) => {
      const id = await desk.ask();
      for (let sent = 0; sent < 120; sent += 1) await desk.signal(id, { verdict: 'approve' });
      await waitForLeaves(desk.stack, id, { type: 'decision.unauthenticated' });
      await desk.signal(id, 'eyJhbGciOiJFZERTQSJ9.e30.AAAA');
      await desk.decide(id, 'olga');
      return id;
    },
  },
  'divided-junk': {
    status: 'succeeded',
    play: async ({ desk }) => {
      const id = await desk.ask();
      for (let sent = 1; sent <= 2; sent += 1) {
        await desk.signal(id, 'garbage');
        await desk.signal(id, 'eyJhbGciOiJFZERTQSJ9.e30.AAAA');
      }
      await waitForLeaves(desk.stack, id, { type: 'decision.unauthenticated' });
      await desk.decide(id, 'olga');
      return id;
    },
  },
  'ignored-ticket': {
    status: 'succeeded',
    play: async ({ desk }) => {
      const id = await desk.ask();
      await desk.signal(id, 'garbage');
      await waitForLeaves(desk.stack, id, { type: 'decision.unauthenticated' });
      await desk.decide(id, 'olga');
      return id;
    },
  },
  held: {
    status: 'succeeded',
    play: async ({ desk }) => {
      const not_before = new Date(Date.now() + 6_000).toISOString();
      const id = await desk.ask({ extra: { start: { not_before, not_after: null } } });
      await desk.decide(id, 'olga');
      await waitForLeaves(desk.stack, id, { type: 'request.held' });
      return id;
    },
  },
  'taken-back': {
    status: 'succeeded',
    play: async ({ desk }) => {
      const id = await desk.ask({ target: 'shop-two-people' });
      await takeBack(desk, id, await approve(desk, id));
      for (const subject of ['dmitri', 'olga']) await desk.decide(id, subject);
      return id;
    },
  },
  'taken-back-while-held': {
    status: 'succeeded',
    play: async ({ desk }) => {
      const { id, approval } = await heldFor(desk, 12_000);
      await takeBack(desk, id, approval);
      await waitForRound(desk, id, 2);
      await desk.decide(id, 'olga');
      return id;
    },
  },
  'looked-at-while-held': {
    status: 'succeeded',
    play: async ({ desk }) => {
      const { id, approval } = await heldFor(desk, 12_000);
      const taken = await desk.decision(id, 'olga', { verdict: 'take_back', takes_back: approval });
      await desk.stack.keyturnDb.query('select keyturn.keep_message($1, $2, $3, $4)', [
        randomId('dec'),
        id,
        'decide',
        taken,
      ]);
      await reconsider(desk, id);
      await waitForRound(desk, id, 2);
      await desk.decide(id, 'olga');
      return id;
    },
  },
  reconsidered: {
    status: 'succeeded',
    play: async ({ desk }) => {
      const id = await desk.ask();
      await reconsider(desk, id);
      await withPolicy(desk.stack.keyturnDb, requireReason, async () => {
        await reconsider(desk, id);
        await waitForRound(desk, id, 2);
        await desk.decide(id, 'olga');
        await desk.stack.waitForStatus(id, 'succeeded');
      });
      return id;
    },
  },
  'late-ticket': {
    status: 'succeeded',
    play: async (scene) => {
      const { desk } = scene;
      const id = await desk.ask();
      await scene.without('worker', async () => {
        const ticketUntil = new Date(Date.now() + 1_000);
        await desk.signal(id, { ticket: await desk.decision(id, 'olga', { ticketUntil }) });
        await waitForClock(ticketUntil);
      });
      return id;
    },
  },
  'decided-while-down': {
    status: 'succeeded',
    play: async (scene) => {
      const { desk } = scene;
      const id = await desk.ask({ target: 'shop-expiring' });
      await scene.without('worker', async () => {
        await desk.decide(id, 'olga');
        const expiresAt = (await desk.row(id))['expires_at'] as Date;
        await waitForClock(new Date(expiresAt.getTime() + 2_500));
      });
      return id;
    },
  },
};

const requireReason = changeRequirement('usual', (requirement) => ({
  ...requirement,
  is_reason_required: true,
}));

/** Olga approves; answers the id of that decision once it is counted. */
async function approve(desk: Desk, id: string): Promise<string> {
  const approval = randomId('dec');
  await desk.decide(id, 'olga', { id: approval });
  await waitForVerdicts(desk.stack, id, 1);
  return approval;
}

/** Olga takes an approval back, before anything else is decided. */
async function takeBack(desk: Desk, id: string, approval: string): Promise<void> {
  await desk.decide(id, 'olga', { verdict: 'take_back', takes_back: approval });
  await waitForVerdicts(desk.stack, id, 2);
}

/** A request that Olga has approved and that may not start yet. */
async function heldFor(
  desk: Desk,
  heldMs: number,
): Promise<{ readonly id: string; readonly approval: string }> {
  const not_before = new Date(Date.now() + heldMs).toISOString();
  const id = await desk.ask({ extra: { start: { not_before, not_after: null } } });
  const approval = await approve(desk, id);
  await waitForLeaves(desk.stack, id, { type: 'request.held' });
  return { id, approval };
}

async function reconsider(desk: Desk, id: string): Promise<void> {
  await desk.stack.temporal.workflow.getHandle(id).signal('reconsider');
}

async function waitForRound(desk: Desk, id: string, round: number): Promise<void> {
  await waitFor({
    what: `round ${round} of ${id}`,
    check: async () => {
      const row = await desk.row(id);
      return row['status'] === 'pending' && row['round'] === round ? true : undefined;
    },
  });
}

async function waitForAge(desk: Desk, id: string, ageMs: number): Promise<void> {
  await waitFor({
    what: `decisions of ${id} that are ${ageMs} ms old`,
    check: async () => {
      const decisions = await decisionsOf(desk.stack, id);
      return decisions.every((row) => row.at.getTime() + ageMs < Date.now()) ? true : undefined;
    },
  });
}

async function waitForClock(instant: Date): Promise<void> {
  await waitFor({
    what: instant.toISOString(),
    check: async () => (Date.now() >= instant.getTime() ? true : undefined),
  });
}
