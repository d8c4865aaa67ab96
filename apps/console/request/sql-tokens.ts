/** What a piece of SQL is. Only for its colour: nothing is decided by it, and all pieces together are the text. */
export interface SqlToken {
  readonly kind: 'word' | 'string' | 'name' | 'number' | 'comment' | 'plain';
  readonly text: string;
}

const QUOTED = [
  // Only here a backslash escapes.
  String.raw`[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)`,
  String.raw`(?:[uU]&|[bBxXnN])?'(?:[^']|'')*(?:'|$)`,
  String.raw`\$(?<tag>(?:[\p{L}_][\p{L}\p{N}_]*)?)\$[\s\S]*?(?:\$\k<tag>\$|$)`,
];

const TOKEN = new RegExp(
  [
    String.raw`(?<line>--[^\n]*)`,
    String.raw`(?<block>\/\*)`,
    `(?<string>${QUOTED.join('|')})`,
    String.raw`(?<name>"(?:[^"]|"")*(?:"|$))`,
    String.raw`(?<number>\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)`,
    String.raw`(?<word>[\p{L}_][\p{L}\p{M}\p{N}_$]*)`,
  ].join('|'),
  'gu',
);

/** PostgreSQL's SQL in pieces, so that what is a comment or a string does not look like what runs. */
export function sqlTokens(sql: string): readonly SqlToken[] {
  const tokens: SqlToken[] = [];
  let end = 0;
  const upTo = (index: number): void => {
    if (index > end) tokens.push({ kind: 'plain', text: sql.slice(end, index) });
  };
  for (;;) {
    TOKEN.lastIndex = end;
    const found = TOKEN.exec(sql);
    if (!found) break;
    upTo(found.index);
    end = found.groups?.['block'] === undefined ? TOKEN.lastIndex : endOfComment(sql, found.index);
    tokens.push({ kind: kindOf(found), text: sql.slice(found.index, end) });
  }
  upTo(sql.length);
  return tokens;
}

function kindOf({ 0: text, groups = {} }: RegExpExecArray): SqlToken['kind'] {
  if (groups['line'] !== undefined || groups['block'] !== undefined) return 'comment';
  if (groups['string'] !== undefined) return 'string';
  if (groups['name'] !== undefined) return 'name';
  if (groups['number'] !== undefined) return 'number';
  return KEYWORDS.has(text.toLowerCase()) ? 'word' : 'plain';
}

/** PostgreSQL's comments stand in each other: one that is not closed goes on to the end. */
function endOfComment(sql: string, start: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = start;
  for (let depth = 0; ;) {
    const mark = marks.exec(sql);
    if (!mark) return sql.length;
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
}

const KEYWORDS = new Set(
  [
    'all and any as asc between both by case cast collate conflict cross current_date current_timestamp default delete',
    'desc distinct do else end except exists false fetch filter first following for from full group having ilike in',
    'inner insert intersect interval into is join lateral left like limit matched merge natural not nothing null nulls',
    'offset on only or order outer over partition preceding recursive returning right rows select set similar some table',
    'then to true union unique update using values when where window with',
  ]
    .join(' ')
    .split(' '),
);
