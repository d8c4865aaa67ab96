import type { DataSource, EntityManager } from 'typeorm';

/** What some work came to, and whether what it wrote is kept. */
export interface Reserved<Result> {
  readonly isKept: boolean;
  readonly result: Result;
}

/** Runs work whose writes are kept together or not at all. Without a transaction it must write with one statement. */
export async function reserving<Result>(
  source: DataSource,
  isTransaction: boolean,
  work: (manager: EntityManager) => Promise<Reserved<Result>>,
): Promise<Result> {
  if (!isTransaction) return (await work(source.manager)).result;
  const runner = source.createQueryRunner();
  try {
    await runner.startTransaction();
    const { isKept, result } = await work(runner.manager);
    if (isKept) await runner.commitTransaction();
    else await runner.rollbackTransaction();
    return result;
  } catch (error) {
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => {});
    throw error;
  } finally {
    await runner.release();
  }
}
