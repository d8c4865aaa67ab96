import type { z } from 'zod';

/** Reads variables. Throws with the names of all that are missing or wrong, never with their values. */
export function readEnvironment<Variables>(
  environment: NodeJS.ProcessEnv,
  schema: z.ZodType<Variables>,
): Variables {
  const given = withoutEmpty(environment);
  const { data, error } = schema.safeParse(given);
  if (error === undefined) return data;
  const problems = error.issues.map(({ path, message }) => {
    const name = path.map(String).join('.');
    return `${name}: ${name in given ? message : 'is missing'}`;
  });
  throw new Error(`Bad environment. ${problems.join('; ')}`);
}

/** A variable set to nothing is a variable not set: compose files write `NAME=${NAME:-}`. */
export function withoutEmpty(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
}

/** For a server that cannot listen: names the variable that says on which port. */
export function takenPort(variable: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    throw new Error(`${variable}: something listens on that port already. End it, or set another port.`);
  };
}
