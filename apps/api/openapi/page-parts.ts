import { escape } from '../http/html.ts';

/** What the page shows of a schema of the document. */
export interface Schema {
  readonly $ref?: string;
  readonly anyOf?: readonly Schema[];
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly enum?: readonly (string | boolean)[];
  readonly 'x-extensible-enum'?: readonly (string | boolean)[];
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}

/** A table with a header row. A cell may carry its name, for windows that are too narrow for columns. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = heads.map((name) => `<th scope="col">${escape(name)}</th>`).join('');
  const lines = rows.map((cells) => `<tr>${cells.map(cellText).join('')}</tr>`);
  return `<table><thead><tr>${head}</tr></thead><tbody>${lines.join('\n')}</tbody></table>`;
}

/** The content of a cell, with its name. Nothing where there is no content. */
export function cell(name: string, content: string): string {
  return content === '' ? '' : `<td data-name="${escape(name)}">${content}</td>`;
}

function cellText(content: string): string {
  return content.startsWith('<td') ? content : `<td>${content}</td>`;
}

/** The fields of an object: name, type, meaning. */
export function fieldTable({ properties = {}, required = [] }: Schema): string {
  const names = new Set(required);
  const rows = Object.entries(properties).map(([name, schema]) => [
    code(name),
    cell('type', `${schemaText(schema)}${names.has(name) ? '' : ' (optional)'}`),
    prose(schema.description ?? ''),
  ]);
  return table(['Field', 'Type', 'Meaning'], rows);
}

/** The type of a value in words, with links to named schemas. */
export function schemaText(schema: Schema): string {
  const { $ref: reference, anyOf, type, items, additionalProperties: values } = schema;
  if (reference !== undefined) return referenceText(reference);
  if (anyOf) return anyOf.map(schemaText).join(' or ');
  if (typeof type === 'object')
    return type
      .map((one) => schemaText({ ...schema, type: one }))
      .toReversed()
      .join(' or ');
  if (type === 'null') return type;
  if (type === 'array') return `list of ${schemaText(items ?? {})}`;
  if (type === 'object') return `object${valuesText(values)}`;
  return `${escape(type ?? 'any JSON')}${boundsText(schema)}`;
}

function referenceText(reference: string): string {
  const name = reference.split('/').at(-1) ?? '';
  return `<a href="#schema-${escape(name)}">${escape(name)}</a>`;
}

function valuesText(values: Schema['additionalProperties']): string {
  if (typeof values !== 'object' || Object.keys(values).length === 0) return '';
  return ` with any names, each value ${schemaText(values)}`;
}

function boundsText({ enum: closed, 'x-extensible-enum': open, format, ...bounds }: Schema): string {
  const values = closed ?? open;
  const parts = [
    ...(values
      ? [
          `one of ${values.map((value) => code(String(value))).join(', ')}${open ? '; more may be added' : ''}`,
        ]
      : []),
    ...(format === undefined || format === 'int64' ? [] : [escape(format)]),
    ...rangeText(bounds.minimum, bounds.maximum, ''),
    ...rangeText(bounds.minLength, bounds.maxLength, ' characters'),
  ];
  return parts.length === 0 ? '' : `: ${parts.join(', ')}`;
}

function rangeText(least: number | undefined, most: number | undefined, unit: string): readonly string[] {
  if (least !== undefined && most !== undefined) return [`${least} to ${most}${unit}`];
  if (most !== undefined) return [`at most ${most}${unit}`];
  return least === undefined ? [] : [`at least ${least}${unit}`];
}

/** Text for people: what stands in backticks is code. */
export function prose(text: string): string {
  return escape(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

export function code(text: string): string {
  return `<code>${escape(text)}</code>`;
}
