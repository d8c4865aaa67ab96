import { createSecretKey } from 'node:crypto';

import { oncePer } from '../once-per.ts';

/** Secret bytes as Node's own key: Node looks at plain bytes anew in each call, which is dear. */
export const keyObjectOf = oncePer((bytes: Uint8Array) => createSecretKey(bytes));
