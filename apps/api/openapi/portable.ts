/** A schema as JSON. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Whether a schema is of what comes in or of what goes out. */
export type Direction = 'input' | 'output';

/** How a schema is rewritten. */
interface Rewriting {
  readonly direction: Direction;
  /** The schema that a reference into the converter's own definitions stands for. */
  readonly resolve: (name: string) => JsonSchema;
}

type Draft = Record<string, unknown>;

/** The name that a schema refers to, or null. */
function nameIn({ $ref: reference }: JsonSchema): string | null {
  return typeof reference === 'string' && reference.startsWith(DEFINITION)
    ? reference.slice(DEFINITION.length)
    : null;
}

const DEFINITION = '#/$defs/';

/**
 * The same schema in keywords that every validator and every client generator knows. Input schemas stay closed and accept
 * null for an absent field; output schemas may grow.
 */
export function portable(schema: JsonSchema, rewriting: Rewriting): JsonSchema {
  const { $ref: _reference, ...beside } = schema;
  const name = nameIn(schema);
  const base = name === null ? schema : { ...rewriting.resolve(name), ...beside };
  const draft: Draft = Object.fromEntries(
    Object.entries(base).map(([keyword, value]) => [keyword, partOf(keyword, value, rewriting)]),
  );
  for (const rule of RULES) rule(draft, rewriting.direction);
  return draft;
}

function partOf(keyword: string, value: unknown, rewriting: Rewriting): unknown {
  const rewrite = (part: unknown): unknown =>
    typeof part === 'object' && part !== null ? portable(part as JsonSchema, rewriting) : part;
  if (keyword === 'properties') {
    const entries = Object.entries(value as object).map(([name, part]) => [name, rewrite(part)]);
    return Object.fromEntries(entries) as object;
  }
  if (LISTS.has(keyword)) return (value as readonly unknown[]).map(rewrite);
  return SCHEMAS.has(keyword) ? rewrite(value) : value;
}

const LISTS: ReadonlySet<string> = new Set(['anyOf', 'oneOf', 'allOf', 'prefixItems']);
const SCHEMAS: ReadonlySet<string> = new Set(['items', 'additionalProperties', 'propertyNames']);

const RULES: readonly ((draft: Draft, direction: Direction) => void)[] = [
  (draft, direction) => {
    if (direction === 'output') openUp(draft);
  },
  // Some generators ignore a reference that has other keywords beside it.
  (draft) => {
    if ('$ref' in draft) delete draft['description'];
  },
  // Keys are strings anyhow.
  (draft) => delete draft['propertyNames'],
  keepPortablePattern,
  readableInteger,
  mergedNull,
  (draft, direction) => {
    if (direction === 'input') acceptNulls(draft);
  },
  describedDefault,
];

/** Unicode classes differ between engines, and for instants the format says enough. */
function keepPortablePattern(draft: Draft): void {
  const { pattern } = draft;
  if (typeof pattern !== 'string') return;
  if (draft['format'] === 'date-time' || /\\p\{|\(\?[=!<]/i.test(pattern)) delete draft['pattern'];
}

/** The safe integers of JavaScript are no bounds that readers need. */
function readableInteger(draft: Draft): void {
  if (draft['type'] !== 'integer') return;
  if (draft['minimum'] === Number.MIN_SAFE_INTEGER) delete draft['minimum'];
  if (draft['maximum'] === Number.MAX_SAFE_INTEGER) delete draft['maximum'];
  if (!(Number(draft['maximum']) < 2 ** 31)) draft['format'] = 'int64';
}

/** A client must not break at an unknown field or value. */
function openUp(draft: Draft): void {
  if (draft['additionalProperties'] === false) delete draft['additionalProperties'];
  const { enum: values = 'const' in draft ? [draft['const']] : undefined } = draft;
  if (!Array.isArray(values)) return;
  delete draft['enum'];
  delete draft['const'];
  draft['x-extensible-enum'] = values;
}

/** `anyOf` of a schema and null, as one schema where it has one type. For enums generators know only `anyOf`. */
function mergedNull(draft: Draft): void {
  const [only, other, ...more] = (draft['anyOf'] ?? []) as Draft[];
  if (!only || other?.['type'] !== 'null' || more.length > 0) return;
  if (Object.keys(only).length === 0) return void delete draft['anyOf'];
  if (typeof only['type'] !== 'string' || 'enum' in only) return;
  const { anyOf: _both, ...beside } = draft;
  for (const keyword of Object.keys(draft)) Reflect.deleteProperty(draft, keyword);
  Object.assign(draft, nullable(only), beside);
}

/** Some generators treat a field with a default as required. */
function describedDefault(draft: Draft): void {
  if (!('default' in draft)) return;
  const said = `Default: \`${JSON.stringify(draft['default'])}\``;
  draft['description'] = typeof draft['description'] === 'string' ? `${draft['description']}. ${said}` : said;
  delete draft['default'];
}

function acceptNulls(draft: Draft): void {
  const required = new Set((draft['required'] ?? []) as string[]);
  const properties = (draft['properties'] ?? {}) as Record<string, JsonSchema>;
  for (const [name, schema] of Object.entries(properties))
    if (!required.has(name)) properties[name] = nullable(schema);
}

function nullable(schema: JsonSchema): JsonSchema {
  const { type, description, ...rest } = schema;
  const said = description === undefined ? {} : { description };
  if ('$ref' in schema) return { anyOf: [rest, { type: 'null' }], ...said };
  if (typeof type !== 'string') return schema;
  if ('enum' in schema) return { anyOf: [{ type, ...rest }, { type: 'null' }], ...said };
  return { ...schema, type: [type, 'null'] };
}
