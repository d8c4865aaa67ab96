/** How many of something, with its plural in -s, -es or -ies. */
export function counted(count: number, what: string): string {
  const many = `${what.replace(/(?<![aeiou])y$/, 'ie').replace(/ch$/, 'che')}s`;
  return `${count} ${count === 1 ? what : many}`;
}
