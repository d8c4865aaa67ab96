import { readFile } from 'node:fs/promises';

import { parse, YAMLParseError } from 'yaml';
import { z } from 'zod';

const NAME_CHARACTERS_MAX = 30;

/** A file that a variable of the environment names. */
export interface NamedFile {
  readonly variable: string;
  readonly path: string;
}

/** A mistake in a file, by the variable and the path. Nothing of what the file holds may be in `reason`. */
export function mistakeIn({ variable, path }: NamedFile, reason: string): Error {
  return new Error(`${variable}: ${path} ${reason}`);
}

/** The text of a file. */
export async function readText(file: NamedFile): Promise<string> {
  try {
    return await readFile(file.path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw mistakeIn(file, code === 'EISDIR' ? 'is a folder, not a file.' : `cannot be read (${code}).`);
  }
}

/** The checked content of a JSON file. The parser's own message would quote it. */
export async function readJsonFile<Content>(file: NamedFile, schema: z.ZodType<Content>): Promise<Content> {
  const text = await readText(file);
  return checked(file, schema, () => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw mistakeIn(file, 'is not JSON.');
    }
  });
}

/** The checked content of a YAML file. The parser's own message would quote it. */
export async function readYamlFile<Content>(file: NamedFile, schema: z.ZodType<Content>): Promise<Content> {
  const text = await readText(file);
  return checked(file, schema, () => {
    try {
      return parse(text, { logLevel: 'error' }) as unknown;
    } catch (error) {
      const line = error instanceof YAMLParseError ? error.linePos?.[0].line : undefined;
      throw mistakeIn(file, line === undefined ? 'is not YAML.' : `is not YAML, by line ${line}.`);
    }
  });
}

function checked<Content>(file: NamedFile, schema: z.ZodType<Content>, read: () => unknown): Content {
  const { data, error } = schema.safeParse(read());
  if (error === undefined) return data;
  throw mistakeIn(file, `is not as it must be: ${error.issues.map(issueText).join('; ')}`);
}

/** Where and what, in our own words: a key that nobody expected may be a secret that slipped. */
function issueText(issue: z.core.$ZodIssue): string {
  const path = issue.path.map(String).join('.') || 'the whole';
  if (issue.code === 'unrecognized_keys')
    return [`${path}: an unknown key`, ...issue.keys.filter(isName)].join(' ');
  return `${path}: ${issue.message}`;
}

/** Words, as keys are: neither a token nor a hash looks like that. */
function isName(key: string): boolean {
  return key.length <= NAME_CHARACTERS_MAX && /^[a-z]+(_[a-z]+)*$/.test(key);
}
