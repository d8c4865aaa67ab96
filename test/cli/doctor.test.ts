import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startServer, type AnsweringServer } from '../sdk/server.ts';
import { startStack, type Stack } from '../stack/stack.ts';
import { keyturn } from './terminal.ts';

let stack: Stack;
let olga: string;

beforeAll(async () => {
  stack = await startStack({ workers: 0 });
  olga = await stack.issuer.humanToken('olga');
});

afterAll(async () => {
  await stack.stop();
});

interface Report {
  readonly ok: boolean;
  readonly checks: readonly { readonly check: string; readonly outcome: string; readonly detail: string }[];
}

async function doctor(
  environment: Readonly<Record<string, string>>,
): Promise<Report & { readonly code: number }> {
  const { code, out } = await keyturn(['doctor', '--json'], { environment });
  return { code, ...(JSON.parse(out) as Report) };
}

function outcomesOf({ checks }: Report): Record<string, string> {
  return Object.fromEntries(checks.map(({ check, outcome }) => [check, outcome]));
}

function detailOf({ checks }: Report, name: string): string {
  return checks.find(({ check, outcome }) => check === name && outcome === 'failed')?.detail ?? '';
}

function api(): string {
  return stack.apis[0]?.url ?? expect.unreachable();
}

describe('doctor', () => {
  it('sees that all is well, with the database and Temporal where it is given them', async () => {
    const environment = {
      ...stack.env,
      KEYTURN_API_URL: api(),
      KEYTURN_TOKEN: olga,
      KEYTURN_DATABASE_URL: stack.databases.keyturn.worker,
    };
    const report = await doctor(environment);
    expect(report.checks.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
    expect(report).toMatchObject({ ok: true, code: 0 });
    const seen = [
      'API',
      'API clock',
      'API is ready',
      'keys',
      'sign-in',
      'issuer',
      'issuer clock',
      'database',
      'database clock',
      'migrations',
      'functions',
      'policy',
      'Temporal',
      'namespace',
    ];
    for (const check of seen) expect(outcomesOf(report)).toHaveProperty([check], 'ok');
  });

  it('says what it cannot see from here, and what to set', async () => {
    const report = await doctor({ KEYTURN_API_URL: api(), KEYTURN_TOKEN: olga });
    expect(outcomesOf(report)).toMatchObject({ database: 'skipped', Temporal: 'skipped' });
    expect(report.ok).toBe(true);
  });

  it('names an API that is not there, and ends with 1', async () => {
    const report = await doctor({ KEYTURN_API_URL: 'http://127.0.0.1:1' });
    expect(report).toMatchObject({ ok: false, code: 1 });
    expect(detailOf(report, 'API')).toContain('KEYTURN_API_URL');
  });

  it('names an account that the directory does not know', async () => {
    const token = await stack.issuer.humanToken('stranger');
    const report = await doctor({ KEYTURN_API_URL: api(), KEYTURN_TOKEN: token });
    expect(detailOf(report, 'sign-in')).toContain('does not know stranger');
  });

  it('names a database and a Temporal server that are not there', async () => {
    const report = await doctor({
      KEYTURN_API_URL: api(),
      KEYTURN_TOKEN: olga,
      KEYTURN_DATABASE_URL: 'postgres://a:secret-3@127.0.0.1:1/b',
      TEMPORAL_ADDRESS: '127.0.0.1:1',
    });
    expect([detailOf(report, 'database'), detailOf(report, 'Temporal')]).not.toContain('');
    expect(JSON.stringify(report)).not.toContain('secret-3');
  });

  it('names a namespace that does not exist, and how to make it', async () => {
    const environment = { ...stack.env, KEYTURN_API_URL: api(), KEYTURN_TOKEN: olga };
    const report = await doctor({ ...environment, TEMPORAL_NAMESPACE: 'of-nobody' });
    expect(detailOf(report, 'namespace')).toMatch(/^of-nobody: TEMPORAL_NAMESPACE: .*namespace\.sh/);
  });

  it('names clocks that differ, and what to do', async () => {
    const late: AnsweringServer = await startServer(() => ({
      status: 200,
      body: { status: 'ok', keys: [{}] },
      headers: { date: new Date(Date.now() - 3_600_000).toUTCString() },
    }));
    try {
      const report = await doctor({ KEYTURN_API_URL: late.url, KEYTURN_TOKEN: olga });
      expect(detailOf(report, 'API clock')).toMatch(/behind this machine's: run NTP/);
    } finally {
      await late.stop();
    }
  });

  it('is read by people as well', async () => {
    const { out } = await keyturn(['doctor'], {
      environment: { KEYTURN_API_URL: api(), KEYTURN_TOKEN: olga },
    });
    expect(out).toMatch(
      /ok +API +http[\s\S]*skipped +database[\s\S]*No problems found, as far as can be checked from here\./,
    );
  });
});
