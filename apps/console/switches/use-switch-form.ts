import { useMemo } from 'react';

import { useDraft } from '../session/drafts.ts';
import type { SwitchForm } from './switch-words.ts';

/** The form that is open, or null. It is open again after a sign-in, as it was filled in. */
export function useSwitchForm(): readonly [form: SwitchForm | null, set: (form: SwitchForm | null) => void] {
  const [text, setText] = useDraft('kill-switch');
  const form = useMemo(() => (text === '' ? null : (JSON.parse(text) as SwitchForm)), [text]);
  return [form, (next) => setText(next === null ? '' : JSON.stringify(next))];
}
