import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

import { root } from '../../scripts/servers/root.ts';

/** A file or folder of this machine in a container. */
export interface Bind {
  readonly type: 'bind';
  readonly source: string;
  readonly target: string;
  readonly read_only: boolean;
  readonly bind: { readonly create_host_path: boolean };
}

/** A service of docker-compose.yml, as far as the tests look at it. */
export interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  /** A named volume as a text, a bind as an object. */
  readonly volumes?: readonly (string | Bind)[];
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly disable?: boolean; readonly test?: readonly string[] };
  readonly restart?: string;
  readonly stop_grace_period?: string;
  readonly read_only?: boolean;
  readonly build?: unknown;
  readonly pull_policy?: string;
  readonly cap_add?: readonly string[];
  readonly mem_limit?: string;
  readonly cpus?: number;
  readonly pids_limit?: number;
  readonly logging?: { readonly options: Readonly<Record<string, string>> };
}

/** docker-compose.yml with its settings filled in. */
export interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

/** What an operator fills in; everything else has a default. */
export const FILLED_IN = {
  KEYTURN_ISSUERS_FILE: './compose/issuers.example.yaml',
  KEYTURN_POLICIES: './policies',
} as const;

/** Reads docker-compose.yml the way compose does: merge keys, then `${NAME:-default}` and `${NAME:?message}`. */
export function readComposeFile(settings: Readonly<Record<string, string>> = FILLED_IN): ComposeFile {
  const text = fs.readFileSync(path.join(root, 'docker-compose.yml'), 'utf8');
  return parse(interpolate(text, settings), { merge: true }) as ComposeFile;
}

function interpolate(text: string, settings: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{([^}]*)\}/g, (_match, inside: string) => {
    const [, name = '', operator = '', rest = ''] = /^(\w+)(?::([-?])(.*))?$/.exec(inside) ?? [];
    const value = settings[name];
    if (value) return value;
    if (operator === '-') return rest;
    throw new Error(`${name}: ${rest}`);
  });
}

/** The files and folders of this machine that a service sees. */
export function bindsOf({ volumes = [] }: Service): Bind[] {
  return volumes.flatMap((volume) => (typeof volume === 'string' ? [] : [volume]));
}

/** The services that keep running. The others do one thing and end. */
export function lasting(file: ComposeFile): [string, Service][] {
  return Object.entries(file.services).filter(([, service]) => service.restart !== 'no');
}

/** The services that do one thing and end. */
export function oneShots(file: ComposeFile): [string, Service][] {
  return Object.entries(file.services).filter(([, service]) => service.restart === 'no');
}
