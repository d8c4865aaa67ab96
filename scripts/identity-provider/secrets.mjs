import { generateKeyPairSync, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/** Keys and agents' secrets, made on first use and kept, so that tokens and settings outlive a restart. */
export function loadSecrets(folder, directory) {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const keys = readOrMake(path.join(folder, 'keys.json'), () => ({
    signing: newSigningKey(),
    cookie: randomBytes(32).toString('hex'),
  }));
  const agentsFile = path.join(folder, 'agents.json');
  const known = readOrMake(agentsFile, () => ({}));
  const agents = Object.fromEntries(
    directory.agents.map(({ subject }) => [subject, known[subject] ?? randomBytes(24).toString('base64url')]),
  );
  write(agentsFile, agents);
  return { ...keys, agents };
}

function newSigningKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = randomBytes(8).toString('hex');
  return { ...privateKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' };
}

function readOrMake(file, make) {
  if (fs.existsSync(file)) return JSON.parse(fs.readFileSync(file, 'utf8'));
  const made = make();
  write(file, made);
  return made;
}

function write(file, value) {
  fs.writeFileSync(`${file}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  fs.renameSync(`${file}.new`, file);
}
