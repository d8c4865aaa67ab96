import { isParsed, parseExpression, type SyntaxNode } from '../../domain/conditions/engine.ts';
import { existingWhen } from '../../domain/conditions/existing.ts';
import { childrenOf } from '../../domain/conditions/reads.ts';
import type { PolicySet, Rule } from '../../domain/policy/policy.ts';
import { inRule, type PolicyWarning } from './warning.ts';

/**
 * Rules that hold something back only if an optional argument is given: requesters can leave it out. Not reported if
 * another rule for the same action looks at requests without it.
 */
export function skippedByAbsence(policy: PolicySet): readonly PolicyWarning[] {
  return policy.rules.flatMap((rule) => {
    const skipping = isHoldingBack(rule) ? argumentsThatMustExist(rule.when) : [];
    const left = skipping.filter((path) => !policy.rules.some((other) => coversAbsence(other, rule, path)));
    return left.map((path): PolicyWarning => ({
      ...inRule(rule, 'when'),
      code: 'absence_skips',
      message: `does not apply to requests without ${path}, which requesters may leave out: add a rule for !has(${path})`,
    }));
  });
}

/** A rule that replaces the default, and a break-glass rule, require less: not matching them is no way out. */
function isHoldingBack({ effect, replaces_default: isReplacing, break_glass: isShort }: Rule): boolean {
  return effect === 'forbid' || (effect === 'review' && !isReplacing && !isShort);
}

function argumentsThatMustExist(condition: string | undefined): readonly string[] {
  const root = rootOf(condition);
  if (root === null) return [];
  return [...existingWhen(root, true)].filter((path) => /^args\.[\w.]+$/.test(path));
}

/** Covers requests without the argument: it tests its presence, or does not read it. */
function coversAbsence(other: Rule, rule: Rule, path: string): boolean {
  if (other === rule || other.effect === 'allow') return false;
  if (!rule.on.action.every((action) => other.on.action.includes(action))) return false;
  const root = rootOf(other.when);
  return root === null ? other.when === undefined : asksForAbsence(root, path);
}

function asksForAbsence(node: SyntaxNode, path: string): boolean {
  if (node.op === '!_' && existingWhen(node.args, true).has(path)) return true;
  return childrenOf(node).some((child) => asksForAbsence(child, path));
}

function rootOf(condition: string | undefined): SyntaxNode | null {
  const parsed = condition === undefined ? null : parseExpression(condition);
  return parsed !== null && isParsed(parsed) ? parsed.root : null;
}
