/** For a server that cannot listen: names the variable that says on which port. */
export function takenPort(variable: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    throw new Error(`${variable}: something listens on that port already. End it, or set another port.`);
  };
}
