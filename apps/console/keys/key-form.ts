import { useMemo } from 'react';

import type { ApiKeyView, CreateKeyBody } from '../../../contract/api-keys.ts';
import { useDraft } from '../session/drafts.ts';

/** What a person asks a key with. */
export interface KeyForm {
  readonly agent: string;
  readonly title: string;
  readonly days: string;
  readonly actions: readonly string[];
  readonly targets: readonly string[];
  /** How the key begins that this one is to follow; null where it follows none. */
  readonly follows: string | null;
}

/** The query of all keys that the person may see. */
export const API_KEYS = ['api-keys'];

const DAY_MS = 86_400_000;

/** For how many days a key may be made. */
export const LASTS = [
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'a year' },
];

export function emptyForm(agent: string): KeyForm {
  return { agent, title: '', days: '90', actions: [], targets: [], follows: null };
}

/** A key for the same, and for as long as the old one was made for. */
export function rotationOf(key: ApiKeyView): KeyForm {
  const days = (Date.parse(key.expires_at) - Date.parse(key.created_at)) / DAY_MS;
  const lasts = LASTS.find(({ value }) => Number(value) >= Math.floor(days)) ?? LASTS.at(-1);
  return {
    agent: key.agent,
    title: key.title,
    days: lasts?.value ?? '',
    actions: key.actions ?? [],
    targets: key.targets ?? [],
    follows: key.prefix,
  };
}

/** When a key that is made now ends. */
export function endOf({ days }: Pick<KeyForm, 'days'>): string {
  return new Date(Date.now() + Number(days) * DAY_MS).toISOString();
}

export function bodyOf(form: KeyForm): CreateKeyBody {
  const { agent, title, actions, targets } = form;
  return {
    agent,
    title,
    expires_at: endOf(form),
    ...(actions.length > 0 && { actions: [...actions] }),
    ...(targets.length > 0 && { targets: [...targets] }),
  };
}

/** The form that is open, or null. It is open again after a sign-in, as it was filled in. */
export function useKeyForm(): readonly [form: KeyForm | null, set: (form: KeyForm | null) => void] {
  const [text, setText] = useDraft('api-key');
  const form = useMemo(() => (text === '' ? null : (JSON.parse(text) as KeyForm)), [text]);
  return [form, (next) => setText(next === null ? '' : JSON.stringify(next))];
}
