import { OWN_ISSUER } from '../domain/identity/identity.ts';
import type { Names } from './names.ts';
import { quote } from './problem.ts';
import type { Value } from './value.ts';

/** Values for `${NAME}`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Issuers by the short names that accounts of the directory use. */
export type IssuerAliases = ReadonlyMap<string, string>;

const REFERENCE = /^\$\{([A-Z_][A-Z0-9_]*)(?::-([^${}]*))?\}$/;

/**
 * Reads the alias map, the only place where `${NAME}` or `${NAME:-otherwise}` is replaced: the rest of a policy means
 * the same in every environment. A replaced value is never repeated in a message.
 */
export function readIssuers(value: Value | undefined, context: IssuerContext): IssuerAliases {
  const aliases = new Map<string, string>();
  for (const pair of value?.pairs() ?? []) {
    context.names.declare('issuer alias', pair.key.name(), pair.key);
    if (pair.name === OWN_ISSUER)
      pair.key.refuse('keyturn is the issuer of agents with API keys: choose another name');
    aliases.set(pair.name, readIssuerUrl(pair.value, context));
  }
  return aliases;
}

export interface IssuerContext {
  readonly names: Names;
  /** The value of a variable, where it has one. */
  readonly variable: (name: string) => string | undefined;
}

function readIssuerUrl(value: Value, context: IssuerContext): string {
  const written = value.rawText();
  const url = written.includes('$') ? substitute(value, written, context) : written;
  if (url === '' || isIssuer(url)) return url;
  value.refuse('not an issuer: an http or https URL without credentials, query or fragment');
  return '';
}

function substitute(value: Value, written: string, { variable }: IssuerContext): string {
  const match = REFERENCE.exec(written);
  if (!match) {
    value.refuse(`${quote(written)} is not of the form \${NAME} or \${NAME:-otherwise}`);
    return '';
  }
  const [, name = '', otherwise] = match;
  const found = variable(name) || otherwise;
  if (!found) value.refuse(`the environment variable ${name} is not set`);
  return found ?? '';
}

/** True for what OpenID Connect calls an issuer identifier (http for loopback demos). */
export function isIssuer(text: string): boolean {
  if (!/^https?:\/\/[!-~]+$/.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  return url.username === '' && url.password === '' && !/[?#]/.test(text);
}

/** The issuer that a value names, or a part of it: an alias, or a URL written out. */
export function readIssuer(
  value: Value,
  name: string,
  { aliases, names }: { readonly aliases: IssuerAliases; readonly names: Names },
): string {
  if (isIssuer(name)) return name;
  names.require('issuer alias', name, value);
  return aliases.get(name) ?? '';
}
