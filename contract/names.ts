import { z } from 'zod';

/** The names under which parts of bodies and answers are published: what generated clients call their types. */
export const NAMES = z.registry<{ id: string }>();
