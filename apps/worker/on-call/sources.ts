import { z } from 'zod';

import { mistakeIn, readYamlFile } from '../../../configuration/files.ts';

const url = z.url({ protocol: /^https?$/ });

/** The name by which policies speak of a source. */
const name = z.string().regex(/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/);

/** Never the token itself: where it is found. */
const reference = z.string().regex(/^(env|file):.+$/, 'must be a reference: env:NAME or file:PATH');

const anySource = {
  name,
  /** Accounts of people at this issuer are the ids of this service. */
  issuer: url,
  /** Who is on call decides: who can change an answer on its way can, too. Only with the operator's word for it. */
  allow_insecure_http: z.boolean().optional(),
};

const pagerduty = z.strictObject({
  ...anySource,
  kind: z.literal('pagerduty'),
  url: url.default('https://api.pagerduty.com'),
  token: reference,
});

const http = z.strictObject({
  ...anySource,
  kind: z.literal('http'),
  url: url.refine((text) => text.includes('{schedule}'), 'must say where {schedule} goes'),
  token: reference.optional(),
});

const source = z
  .discriminatedUnion('kind', [pagerduty, http])
  .refine((entry) => entry.allow_insecure_http === true || isProtected(entry.url), {
    error: 'needs https (or allow_insecure_http: true) beyond loopback',
  });

const settingsSchema = z.strictObject({
  /** Short enough that one poll that fails does not end a span of hearing. */
  every_seconds: z.int().min(1).max(60).default(60),
  sources: z.array(source).min(1).max(32),
});

/** A service that knows who is on call. */
export type OnCallSource = z.infer<typeof source>;

/** Which services are asked, and how often. */
export interface OnCallSources {
  readonly everySeconds: number;
  readonly byName: ReadonlyMap<string, OnCallSource>;
}

/** Reads which services say who is on call; null without a file. Throws when the file is wrong or names one twice. */
export async function readOnCallSources(path: string | undefined): Promise<OnCallSources | null> {
  if (path === undefined) return null;
  const file = { variable: 'KEYTURN_ONCALL', path };
  const { sources, every_seconds: everySeconds } = await readYamlFile(file, settingsSchema);
  const byName = new Map(sources.map((entry) => [entry.name, entry]));
  if (byName.size !== sources.length) throw mistakeIn(file, 'names a source twice.');
  return { everySeconds, byName };
}

function isProtected(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return protocol === 'https:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
