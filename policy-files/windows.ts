import { KEYS } from './keys.ts';
import type { ActionDefinition, CountingWindow } from '../domain/policy/policy.ts';
import { factTypeOf } from '../domain/conditions/fact-type.ts';
import type { Names } from './names.ts';
import { quote } from './problem.ts';
import type { Value } from './value.ts';

/** Longer windows are refused: each evaluation adds up what the window holds. */
const OVER_MS_MAX = 31 * 86_400_000;

const GROUPINGS = ['lineage', 'action', 'target'] as const;

/** Reads one entry of `windows` in `keyturn.yaml`. The catalogue must have been read. */
export function readWindow(
  value: Value,
  { names, actions }: { readonly names: Names; readonly actions: readonly ActionDefinition[] },
): CountingWindow {
  const fields = value.fields(KEYS['windows']);
  const id = names.declareId('window', fields);
  const counted = fields.names('action').map((name) => names.read('action', name));
  const over = fields.get('over');
  const overMs = over?.durationMs() ?? 0;
  if (overMs > OVER_MS_MAX) over?.refuse('a window looks back 31 days at most');
  const sum = fields.get('sum');
  if (sum)
    checkSum(
      sum,
      actions.filter(({ action }) => counted.includes(action)),
    );
  return {
    id,
    action: counted,
    over_ms: overMs,
    per: fields.names('per').flatMap((name) => name.choice(GROUPINGS) ?? []),
    sum: sum?.text() ?? null,
  };
}

/** Only whole numbers can be added up without losing any. */
function checkSum(value: Value, actions: readonly ActionDefinition[]): void {
  const [root, field, ...rest] = value.text().split('.');
  for (const action of actions) {
    const isPlan =
      root === 'plan' && (field === 'rows' || field === 'resources') && action.connector !== null;
    const isArgument = root === 'args' && field !== undefined && isInteger(action, field);
    if (rest.length > 0 || !(isPlan || isArgument))
      value.refuse(
        `${quote(value.text())} is not a whole number of ${action.action}: plan.rows, plan.resources or args.NAME`,
      );
  }
}

function isInteger({ arguments: schema }: ActionDefinition, field: string): boolean {
  const type = factTypeOf(schema);
  return (
    type.kind === 'object' && Object.hasOwn(type.fields, field) && type.fields[field]?.type.kind === 'int'
  );
}
