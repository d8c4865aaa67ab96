/**
 * Moves files by a map and mends every name of them: `node scripts/moves/apply.mjs MAP [ROOM]…`. MAP is a JSON file of rooms,
 * each a map from old paths to new ones. What has moved already is left alone, so a branch made before a move replays it
 * and then merges without conflicts of place.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const CODE = /\.(?:ts|mjs|js)$/;
const TEXT =
  /\.(?:ts|mjs|js|md|json|ya?ml|html|css|sql|sh)$|(?:^|\/)(?:Dockerfile|\.oxlintrc\.json|\.dockerignore)$/;

const [mapFile, ...chosen] = process.argv.slice(2);
if (mapFile === undefined) throw new Error('Name the map of the moves.');
const rooms = JSON.parse(fs.readFileSync(mapFile, 'utf8'));
const moves = new Map(
  Object.entries(rooms)
    .filter(([room]) => chosen.length === 0 || chosen.includes(room))
    .flatMap(([, files]) => Object.entries(files))
    .filter(([from, to]) => from !== to && fs.existsSync(from)),
);

const tracked = git('ls-files').trim().split('\n');
const texts = tracked.filter((file) => TEXT.test(file) && file !== mapFile && fs.existsSync(file));
const before = new Map(texts.map((file) => [file, fs.readFileSync(file, 'utf8')]));
const known = new Set([...tracked, ...moves.values()]);

for (const [from, to] of moves) {
  fs.mkdirSync(path.dirname(to), { recursive: true });
  git('mv', from, to);
}
const changed = [];
for (const [file, text] of before) {
  const destination = moves.get(file) ?? file;
  const named = withPaths(CODE.test(file) ? withSpecifiers(text, file, destination) : text);
  if (named === text) continue;
  fs.writeFileSync(destination, named);
  changed.push(destination);
}
if (changed.length > 0) {
  const formatted = changed.filter(
    (file) => !file.endsWith('.sql') && !file.endsWith('.sh') && !/Dockerfile|ignore$/.test(file),
  );
  execFileSync('npx', ['prettier', '--log-level', 'warn', '--write', ...formatted], { stdio: 'inherit' });
}
process.stdout.write(`${moves.size} files moved, names mended in ${changed.length}\n`);

/** Relative names in quotes, read from where the file was and written from where it is. */
function withSpecifiers(text, from, to) {
  return text.replaceAll(/(['"`])(\.{1,2}\/[\w./-]*)\1/g, (whole, quote, name) => {
    const target = path.normalize(path.join(path.dirname(from), name));
    if (!known.has(target) && !fs.existsSync(target)) return whole;
    const relative = path.relative(path.dirname(to), moves.get(target) ?? target);
    const written = `${relative.startsWith('.') ? relative : `./${relative}`}${name.endsWith('/') ? '/' : ''}`;
    return `${quote}${written}${quote}`;
  });
}

/** Paths from the root, as documents name them and as programs name what is compiled. */
function withPaths(text) {
  let named = text;
  for (const [from, to] of moves) {
    for (const ending of from.endsWith('.ts') ? ['.ts', '.js'] : [path.extname(from)]) {
      const old = from.slice(0, -path.extname(from).length) + ending;
      const moved = to.slice(0, -path.extname(to).length) + ending;
      if (named.includes(old))
        named = named.replaceAll(new RegExp(`(?<![\\w-])${RegExp.escape(old)}\\b`, 'g'), moved);
    }
  }
  return named;
}

function git(...words) {
  return execFileSync('git', words, { encoding: 'utf8', maxBuffer: 2 ** 28 });
}
