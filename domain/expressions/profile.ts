/** What evaluates conditions, as evaluations record it: another one may come to something else. */
export interface EngineIdentity {
  readonly engine: string;
  readonly engine_version: string;
  /** What Keyturn makes of the language: its functions, limits, typing of facts, and how rules and risk are combined. */
  readonly profile: string;
  readonly profile_version: number;
}

/** The engine of this version. The number of the profile grows whenever the same facts may come to something else. */
export const ENGINE: EngineIdentity = {
  engine: '@marcbachmann/cel-js',
  engine_version: '8.0.0',
  profile: 'keyturn',
  profile_version: 1,
};
