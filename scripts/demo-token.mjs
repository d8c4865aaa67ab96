/**
 * Prints an access token of the demo's identity provider.
 * Plain JavaScript without dependencies: it works with whatever Node calls it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const folder = path.resolve(import.meta.dirname, '..', process.env.KEYTURN_FOLDER || '.keyturn');
const USAGE = `Prints an access token of the demo's identity provider. Usage:
  node scripts/demo-token.mjs NAME [--for PERSON] [--trigger NAME]
For example:
  node scripts/demo-token.mjs olga                          a person who signed in
  node scripts/demo-token.mjs agent-billing                 an agent
  node scripts/demo-token.mjs agent-assistant --for ada     an agent that acts for a person`;

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { for: { type: 'string' }, trigger: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  process.stdout.write(`${values.help ? USAGE : await tokenOf(positionals[0], values)}\n`);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

async function tokenOf(name, values) {
  if (!name) throw new Error('Whose token? For example: node scripts/demo-token.mjs olga');
  const { identityProvider } = readJson('addresses.json');
  const secret = readJson('identity-provider/agents.json')[name];
  const agent = { client_id: name, client_secret: secret, on_behalf_of: values.for, trigger: values.trigger };
  const response = await ask(`${identityProvider}/demo/token`, secret ? agent : { person: name });
  const body = await response.json();
  if (!response.ok) throw new Error(`No token for ${name}: ${body.error}`);
  return body.access_token;
}

async function ask(url, body) {
  try {
    const headers = { 'content-type': 'application/json' };
    return await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  } catch {
    throw new Error('The demo identity provider does not answer. Start everything with `npm start`.');
  }
}

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8'));
  } catch {
    throw new Error('Nothing was ever started here. Start everything with `npm start`.');
  }
}
