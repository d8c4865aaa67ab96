/** What evaluates conditions, as evaluations record it: another one may come to something else. */
export interface EngineIdentity {
  readonly engine: string;
  readonly engine_version: string;
  /** What Keyturn makes of the language: its functions, limits, typing of facts, and how rules and risk are combined. */
  readonly profile: string;
  readonly profile_version: number;
}

/**
 * The engine of this version. The number of the profile grows whenever the same request may come to other facts, or the
 * same facts to something else. 2: facts about who asks hold proven identities only, declared ones are a fact of their own,
 * and patterns may take more steps. 3: values that a rule read as if they were proven, or undeclared, are marked.
 */
export const ENGINE: EngineIdentity = {
  engine: '@marcbachmann/cel-js',
  engine_version: '8.0.0',
  profile: 'keyturn',
  profile_version: 3,
};
