/** What opens a quoted part, and what closes it. */
const QUOTES: readonly (readonly [RegExp, (open: string) => string])[] = [
  [/^--/, () => '\n'],
  [/^\/\*/, () => '*/'],
  [/^\$(?:[A-Za-z_]\w*)?\$/, (open) => open],
  [/^'/, () => "'"],
  [/^"/, () => '"'],
];

/** Statements of a script for psql, without its own commands and without the data of COPY. */
export function statementsOf(script: string): readonly string[] {
  const text = withoutCommands(script);
  const statements: string[] = [];
  let start = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const past = pastQuoted(text, at);
    if (past !== null) {
      at = past - 1;
      continue;
    }
    const character = text[at];
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (character !== ';' || depth > 0) continue;
    statements.push(withoutComments(text.slice(start, at)));
    start = at + 1;
    depth = 0;
  }
  return statements.filter((statement) => statement !== '');
}

/** Where a quoted part that starts here ends, or null when none does. */
function pastQuoted(text: string, at: number): number | null {
  const rest = text.slice(at, at + 70);
  for (const [opening, closing] of QUOTES) {
    const open = opening.exec(rest)?.[0];
    if (open === undefined) continue;
    if (open === "'" && /\be$/i.test(text.slice(Math.max(0, at - 2), at))) return pastEscaped(text, at + 1);
    const end = text.indexOf(closing(open), at + open.length);
    return end === -1 ? text.length : end + closing(open).length;
  }
  return null;
}

function pastEscaped(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === "'") return at + 1;
  }
  return text.length;
}

function withoutCommands(script: string): string {
  let isData = false;
  const lines = script.split('\n').filter((line) => {
    if (isData) {
      isData = line !== '\\.';
      return false;
    }
    isData = /^copy\b.*\bfrom\s+stdin\b.*;\s*$/i.test(line);
    return !isData && !line.startsWith('\\');
  });
  return lines.join('\n');
}

function withoutComments(statement: string): string {
  return statement.replaceAll(/^(\s*(--[^\n]*(\n|$)|\/\*[\s\S]*?\*\/))+/g, '').trim();
}
