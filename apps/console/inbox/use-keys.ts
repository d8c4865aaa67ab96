import { useLocalStorage } from '@mantine/hooks';
import { useEffect, useEffectEvent } from 'react';

/** Keys that do something while nothing is typed. They can be switched off (WCAG 2.2, 2.1.4). */
export function useKeys(keys: Readonly<Record<string, () => void>>): void {
  const [isOn] = useShortcuts();
  const press = useEffectEvent((event: KeyboardEvent) => {
    const act = keys[event.key];
    if (!act || !isOn || event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target)) return;
    event.preventDefault();
    act();
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent): void => press(event);
    document.addEventListener('keydown', listener);
    return () => document.removeEventListener('keydown', listener);
  }, []);
}

/** Whether single keys do something in this browser. */
export function useShortcuts(): readonly [boolean, (isOn: boolean) => void] {
  const [isOn, setOn] = useLocalStorage({ key: 'keyturn-shortcuts', defaultValue: true });
  return [isOn, setOn];
}

const TYPING = 'input:not([type="checkbox"]), textarea, select, [role="menu"]';

/** Where text is typed, something is chosen, or a dialog is open, keys mean what they mean there. */
function isTaken(target: EventTarget | null): boolean {
  if (document.querySelector('[role="dialog"]')) return true;
  return target instanceof Element && target.closest(TYPING) !== null;
}
