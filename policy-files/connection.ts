import type { JsonValue } from '../domain/crypto/canonical-json.ts';
import { readPlanning } from '../domain/policy/target-planning.ts';
import { readTargetReference, TARGET_REFERENCE_FORM } from '../domain/policy/target-references.ts';
import type { Value } from './value.ts';

/** Keys whose value is a secret or holds one. */
const SECRET_KEY = /(^|_)(url|uri|dsn|password|passwd|passphrase|secret|token|credential|credentials|key)$/i;

/** Values that hold a secret whatever their key: credentials in a URL, a connection string, a PEM block, a token. */
const SECRET_VALUE =
  /:\/\/[^/\s]*@|\bpass(word|wd)?\s*=|-----BEGIN |^eyJ[\w-]+\.|^AKIA[0-9A-Z]{16}$|^gh[opsu]_\w{20}/i;

/**
 * Reads how a target is reached. Secrets are references that the executing process resolves; a value that looks like a
 * secret is refused, and never repeated in the message.
 */
export function readConnection(value: Value): Readonly<Record<string, JsonValue>> {
  const pairs = value.pairs();
  if (value.isMapping() && !pairs.some(({ name }) => name === 'url')) value.refuse("missing 'url'");
  refuseSecrets(value, false);
  const planning = pairs.find(({ name }) => name === 'planning')?.value;
  const read = readPlanning(planning?.json());
  if (typeof read === 'string') planning?.refuse(read);
  return value.object();
}

function refuseSecrets(value: Value, isSecretKey: boolean): void {
  if (value.isMapping()) {
    for (const pair of value.pairs()) refuseSecrets(pair.value, SECRET_KEY.test(pair.name));
    return;
  }
  if (value.isList()) return value.children().forEach((child) => refuseSecrets(child, isSecretKey));
  const content = value.json();
  const text = typeof content === 'string' ? content : '';
  if (readTargetReference(text) !== null) return;
  const advice = `write ${TARGET_REFERENCE_FORM}, secrets stay out of policy files`;
  if (isSecretKey) value.refuse(`must be a reference: ${advice}`);
  else if (SECRET_VALUE.test(text)) value.refuse(`looks like a secret: ${advice}`);
  else if (/^(env|file):/i.test(text)) value.refuse(`not a reference of a target: ${TARGET_REFERENCE_FORM}`);
}
