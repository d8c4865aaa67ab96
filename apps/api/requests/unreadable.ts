import type { ApiContext } from '../context.ts';

/**
 * What a step writes can be read: where it cannot, somebody has written around the steps. Then it is reported by its id,
 * and null: it holds up nothing that is shown beside it.
 */
export async function unlessUnreadable<Shown>(
  { log }: Pick<ApiContext, 'log'>,
  request: string,
  show: () => Promise<Shown>,
): Promise<Shown | null> {
  try {
    return await show();
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    log.error({ request, err: error.name }, 'a stored request cannot be shown');
    return null;
  }
}

function isUnreadable(error: unknown): error is Error {
  return error instanceof TypeError || error instanceof RangeError;
}
