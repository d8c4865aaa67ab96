import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Stands in the built page wherever a response puts its nonce. */
const NONCE = '__NONCE__';

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};

/** A file of the console. Its name holds the digest of its content. */
export interface Asset {
  readonly type: string;
  readonly plain: Buffer;
  /** The same compressed, by the names that `Accept-Encoding` has for it. */
  readonly compressed: ReadonlyMap<string, Buffer>;
}

/** The console as it was built. All of it is in memory: no path that somebody sends is ever looked up in a file system. */
export class BuiltConsole {
  readonly assets: ReadonlyMap<string, Asset>;
  readonly #page: readonly string[];

  constructor(page: string, assets: ReadonlyMap<string, Asset>) {
    this.#page = page.split(NONCE);
    this.assets = assets;
    if (this.#page.length < 2) throw new Error(`index.html of the console does not hold ${NONCE}.`);
  }

  /** The page, whose styles are let in by this nonce. */
  page(nonce: string): string {
    return this.#page.join(nonce);
  }
}

/** Reads the console that `npm run build` has made. Throws where there is none, or files that nobody could be sent. */
export async function readConsole(folder = builtFolder()): Promise<BuiltConsole> {
  const inside = path.join(folder, 'assets');
  const names = await readdir(inside);
  const plain = names.filter((name) => !/\.(?:br|gz)$/.test(name));
  const assets = await Promise.all(
    plain.map(async (name): Promise<[string, Asset]> => [name, await readAsset(path.join(inside, name))]),
  );
  return new BuiltConsole(await readFile(path.join(folder, 'index.html'), 'utf8'), new Map(assets));
}

/** Beside the compiled programs; the tests run the sources. */
function builtFolder(): string {
  const folders = ['../../../console', '../../../dist/console'].map((relative) =>
    fileURLToPath(new URL(relative, import.meta.url)),
  );
  const found = folders.find((folder) => existsSync(path.join(folder, 'index.html')));
  if (found === undefined) throw new Error('The console is not built: run `npm run build`.');
  return found;
}

async function readAsset(file: string): Promise<Asset> {
  const type = TYPES[path.extname(file)];
  if (type === undefined) throw new Error(`A file of the console is of no known type: ${file}`);
  const found = Object.entries({ br: '.br', gzip: '.gz' }).filter(([, ending]) =>
    existsSync(`${file}${ending}`),
  );
  const compressed = await Promise.all(
    found.map(async ([coding, ending]): Promise<[string, Buffer]> => [
      coding,
      await readFile(`${file}${ending}`),
    ]),
  );
  return { type, plain: await readFile(file), compressed: new Map(compressed) };
}
