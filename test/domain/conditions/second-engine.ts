import { BlockList, isIP } from 'node:net';

import { CelScalar, celEnv, celFunc, isCelError, parse, plan, type CelInput } from '@bufbuild/cel';

import type { BoundFacts } from '../../../domain/conditions/binding.ts';

const { STRING, BOOL } = CelScalar;

/** Our functions again, written without the code under test. */
const environment = celEnv({
  funcs: [
    celFunc('re2', [STRING, STRING], BOOL, (text, pattern) => new RegExp(pattern, 'u').test(text)),
    celFunc('glob', [STRING, STRING], BOOL, (text, pattern) => globExpression(pattern).test(text)),
    celFunc('cidr', [STRING, STRING], BOOL, (text, range) => isInRange(text, range)),
  ],
});

function globExpression(pattern: string): RegExp {
  const source = pattern
    .replaceAll(/[.+^$()|]/gu, '\\$&')
    .replaceAll(/\*\*|\*|\?/gu, (run) => ({ '**': '.*', '*': '[^/]*', '?': '[^/]' })[run] ?? '');
  return new RegExp(`^(?:${source})$`, 'su');
}

function isInRange(address: string, range: string): boolean {
  const version = isIP(address);
  if (version === 0) throw new Error('not an address');
  const [network = '', prefix = ''] = range.split('/');
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), isIP(network) === 4 ? 'ipv4' : 'ipv6');
  return list.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** What the other implementation of the language says: `error` also for variables that it does not know. */
export function secondOpinion(condition: string, facts: BoundFacts): 'true' | 'false' | 'error' {
  const result = planned(condition)(Object.fromEntries(facts.values) as Record<string, CelInput>);
  if (isCelError(result) || typeof result !== 'boolean') return 'error';
  return result ? 'true' : 'false';
}

function planned(condition: string): (bindings: Record<string, CelInput>) => unknown {
  try {
    return plan(environment, parse(condition));
  } catch {
    return () => null;
  }
}
