/**
 * Asks the process in this container whether it is ready. Used by the image's HEALTHCHECK; prints nothing of the
 * answer but its status, because `docker inspect` keeps what it prints.
 */
const url = process.env.KEYTURN_HEALTH_URL || 'http://127.0.0.1:7080/readyz';

try {
  const response = await fetch(url, { signal: AbortSignal.timeout(8_000) });
  process.stdout.write(`${response.status}\n`);
  process.exitCode = response.ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.name : 'error'}\n`);
  process.exitCode = 1;
}
