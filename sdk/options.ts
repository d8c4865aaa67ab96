/** Throws where options have a name that nothing reads: what was meant would silently not be. */
export function refuseUnknownOptions(of: string, options: object, names: readonly string[]): void {
  const unknown = Object.keys(options).filter((name) => !names.includes(name));
  if (unknown.length === 0) return;
  const named = unknown.map((name) => `\`${name}\``).join(', ');
  throw new TypeError(`${of} has no option ${named}. Its options are: ${names.join(', ')}.`);
}
