import type { ApiContext } from '../context.ts';

/**
 * Whatever a step writes can be read: where it cannot, somebody has changed the database. Then the request is logged by its
 * id and left out (null), so that everything beside it can still be shown.
 */
export async function unlessUnreadable<Shown>(
  { log }: Pick<ApiContext, 'log'>,
  request: string,
  show: () => Promise<Shown>,
): Promise<Shown | null> {
  try {
    return await show();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    log.error({ request, err: error.name }, 'a stored request cannot be shown');
    return null;
  }
}
