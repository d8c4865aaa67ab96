import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { findFullTemporal, fullTemporalOrSkip } from '../stack/full-temporal-program.ts';

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyturn-go-'));
  vi.stubEnv('KEYTURN_CACHE_DIR', path.join(folder, 'cache'));
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  fs.rmSync(folder, { recursive: true, force: true });
});

/** A `go` of this version, whose `install` leaves a program that says it is of that version. */
function goOf(version: string, built: string): NodeJS.ProcessEnv {
  const script = `#!/bin/sh
case "$1" in
  env) echo "go${version}" ;;
  install)
    name="\${2%@*}"; name="\${name##*/}"
    printf '#!/bin/sh\\necho "%s version ${built}"\\n' "$name" > "$GOBIN/$name"; chmod +x "$GOBIN/$name" ;;
esac
`;
  fs.writeFileSync(path.join(folder, 'go'), script, { mode: 0o755 });
  return { PATH: `${folder}:/usr/bin:/bin` };
}

const withoutGo = { PATH: '/nowhere' };

it('without Go the tests on the full server are skipped, and everybody sees it', async () => {
  const seen = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(await fullTemporalOrSkip(withoutGo)).toBeUndefined();
  expect(String(seen.mock.calls)).toMatch(/SKIPPED, not tested: .* needs Go .*here: none/);
});

it('without Go the tests on the full server fail where they are required', async () => {
  const env = { ...withoutGo, KEYTURN_TEST_FULL_SERVER: 'required' };
  await expect(fullTemporalOrSkip(env)).rejects.toThrow(/needs Go/);
});

it('a Go that cannot build the server counts as none', async () => {
  expect(await findFullTemporal(() => {}, goOf('1.19.8', '1.32.2'))).toMatch(/here: 1\.19\.8/);
});

it('programs that say another version are refused, and none of them is kept', async () => {
  await expect(findFullTemporal(() => {}, goOf('1.26.8', '1.32.9'))).rejects.toThrow(/1\.32\.2/);
  expect(fs.readdirSync(path.join(folder, 'cache'))).toEqual([]);
});

it('the server is built once, and then needs no Go', async () => {
  const built = await findFullTemporal(() => {}, goOf('1.26.8', '1.32.2'));
  expect(built).toEqual({
    server: expect.stringContaining('temporal-server-1.32.2'),
    sql: expect.stringContaining('temporal-server-1.32.2'),
  });
  expect(await findFullTemporal(() => {}, withoutGo)).toEqual(built);
});
