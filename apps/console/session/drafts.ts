import { useCallback, useState } from 'react';

import { useSession } from './session.ts';

/**
 * A text that survives an expired session, a reload and a way to the identity provider and back: it is kept for this tab
 * and this person until it was used. `name` says what it is of, e.g. the request.
 */
export function useDraft(
  name: string,
): readonly [text: string, set: (text: string) => void, forget: () => void] {
  const { person } = useSession();
  const key = `keyturn-draft ${person} ${name}`;
  const [kept, keep] = useState({ key, text: read(key) });
  const text = kept.key === key ? kept.text : read(key);
  const set = useCallback(
    (next: string) => {
      keep({ key, text: next });
      if (next === '') sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, next);
    },
    [key],
  );
  const forget = useCallback(() => set(''), [set]);
  return [text, set, forget];
}

function read(key: string): string {
  return sessionStorage.getItem(key) ?? '';
}
