import { z } from 'zod';

/** Any JSON value. One schema for all, so that the published document names it once. */
export const jsonValueSchema = z.json();
