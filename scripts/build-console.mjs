/**
 * Builds the console into `dist/console/`: `index.html`, and below `assets/` files that are named by their content, each
 * compressed beforehand. What has not changed is not built again. Fails when a page loads more than its budget.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const root = path.resolve(import.meta.dirname, '..');
const source = path.join(root, 'apps', 'console');
const output = path.join(root, 'dist', 'console');
const stamp = path.join(root, 'dist', '.console-inputs');

/** What the browser loads before the first page can be used, compressed with gzip, in bytes. */
const BUDGETS = { js: 250_000, css: 50_000 };
const COMPRESSED = /\.(?:js|css|svg)$/;

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await buildConsole();

/** Builds what has changed and holds it to its budgets. */
export async function buildConsole() {
  const inputs = digestOfInputs();
  if (fs.existsSync(output) && fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === inputs) return;
  const { build } = await import('vite');
  const { default: react } = await import('@vitejs/plugin-react');
  const result = await build({
    root: source,
    configFile: false,
    publicDir: false,
    logLevel: 'warn',
    plugins: [react(), colorSchemeFirst()],
    // The server replaces it in each answer: nonces are used once.
    html: { cspNonce: '__NONCE__' },
    build: {
      outDir: output,
      emptyOutDir: true,
      // Files of their own, not data: URLs, and no script that the page itself would hold.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      // Older browsers lack `light-dark()`, and what is made for them goes by another mark of the scheme than Mantine's.
      cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
      target: 'es2023',
      // Budgets of our own.
      chunkSizeWarningLimit: 2_000,
      rolldownOptions: { checks: { pluginTimings: false } },
    },
  });
  const { output: files } = result;
  holdToBudgets(files);
  compressAll();
  fs.writeFileSync(stamp, inputs);
}

/** The color scheme has to stand before the first thing is drawn, and no script may stand in the page itself. */
function colorSchemeFirst() {
  return {
    name: 'color-scheme-first',
    buildStart() {
      const script = fs.readFileSync(path.join(source, 'color-scheme.js'), 'utf8');
      this.emitFile({ type: 'asset', name: 'color-scheme.js', source: script });
    },
    transformIndexHtml: {
      order: 'post',
      handler(_html, { bundle }) {
        const file = Object.keys(bundle).find((name) => name.includes('color-scheme'));
        return [{ tag: 'script', attrs: { src: `/${file}`, nonce: '__NONCE__' }, injectTo: 'head-prepend' }];
      },
    },
  };
}

/** Every page with what it needs to be shown first must fit; what is loaded on demand does not count. */
function holdToBudgets(files) {
  const chunks = new Map(files.filter(({ type }) => type === 'chunk').map((file) => [file.fileName, file]));
  const sizes = new Map(
    files.map((file) => [file.fileName, gzipSync(file.type === 'chunk' ? file.code : file.source).length]),
  );
  const entry = [...chunks.values()].find(({ isEntry }) => isEntry);
  const first = closure(entry.fileName, chunks);
  const loads = entry.dynamicImports.map((page) => [page, new Set([...first, ...closure(page, chunks)])]);
  const largest = { js: 0, css: 0 };
  for (const [page, loaded] of [['the first load', first], ...loads]) {
    const styles = new Set(
      [...loaded].flatMap((name) => [...(chunks.get(name)?.viteMetadata?.importedCss ?? [])]),
    );
    const load = { js: sum(loaded, sizes), css: sum(styles, sizes) };
    for (const [kind, budget] of Object.entries(BUDGETS)) {
      largest[kind] = Math.max(largest[kind], load[kind]);
      if (load[kind] > budget)
        throw new Error(
          `The console loads too much: ${page} needs ${load[kind]} bytes of ${kind} (gzip), and may have ${budget}. ` +
            'Load what is not seen at once with import() when it is needed.',
        );
    }
  }
  process.stdout.write(
    `console: ${largest.js} bytes of JavaScript and ${largest.css} of CSS at most (gzip)\n`,
  );
}

function closure(name, chunks, found = new Set()) {
  if (found.has(name) || !chunks.has(name)) return found;
  found.add(name);
  for (const imported of chunks.get(name).imports) closure(imported, chunks, found);
  return found;
}

function sum(names, sizes) {
  return [...names].reduce((total, name) => total + (sizes.get(name) ?? 0), 0);
}

function compressAll() {
  const folder = path.join(output, 'assets');
  for (const name of fs.readdirSync(folder)) {
    if (!COMPRESSED.test(name)) continue;
    const bytes = fs.readFileSync(path.join(folder, name));
    const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
    fs.writeFileSync(path.join(folder, `${name}.br`), brotliCompressSync(bytes, { params: quality }));
    fs.writeFileSync(path.join(folder, `${name}.gz`), gzipSync(bytes, { level: 9 }));
  }
}

/** Everything that can end up in the files: our sources, this script, and the versions of the packages. */
function digestOfInputs() {
  const hash = createHash('sha256');
  const files = [source, path.join(root, 'domain', 'cards'), path.join(root, 'sdk')].flatMap((folder) =>
    fs
      .readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name)),
  );
  for (const file of [...files.toSorted(), import.meta.filename, path.join(root, 'package-lock.json')]) {
    hash
      .update(`${path.relative(root, file)}\0`)
      .update(fs.readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}
