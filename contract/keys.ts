import { z } from 'zod';

import { jsonValueSchema } from '../domain/crypto/json.ts';
import { NAMES } from './names.ts';

const keySchema = z
  .record(z.string(), jsonValueSchema)
  .describe('A public JSON Web Key (RFC 7517)')
  .register(NAMES, { id: 'JsonWebKey' });

/** A JSON Web Key Set of public keys. */
export const keysSchema = z
  .object({ keys: z.array(keySchema).describe('Public keys') })
  .describe('A JSON Web Key Set (RFC 7517)')
  .register(NAMES, { id: 'KeySet' });
