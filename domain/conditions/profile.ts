/**
 * What evaluates conditions, as evaluations record it: another one may come to something else. The profile is what Keyturn
 * makes of the language: its functions, limits, typing of facts, and how rules and risk are combined. Its number grows
 * whenever the same request may come to other facts, or the same facts to something else. 2: facts about who asks hold proven
 * identities only, declared ones are a fact of their own, and patterns may take more steps. 3: values that a rule read as if
 * they were proven, or undeclared, are marked.
 */
export const ENGINE = {
  engine: '@marcbachmann/cel-js',
  engine_version: '8.0.0',
  profile: 'keyturn',
  profile_version: 3,
};
