import { Select } from '@mantine/core';

import type { DecisionBody } from '../../../contract/decisions.ts';
import type { Card } from '../request/view.ts';

/** Until when, or to whom. */
export type Deferral = NonNullable<DecisionBody['defer']>;

const HOUR_MS = 3_600_000;

/** What is proposed first. */
export function inOneHour(): Deferral {
  return { until: new Date(Date.now() + HOUR_MS).toISOString() };
}

interface DeferFieldsProps {
  readonly card: Card;
  readonly value: Deferral;
  readonly onChange: (value: Deferral) => void;
}

const UNTIL = 'until ';
const TO = 'to ';

/** Hides it from this inbox for a while, or hands it over to others whom the request requires. */
export function DeferFields({ card, value, onChange }: DeferFieldsProps) {
  const selectors = card.requirement?.rules.flatMap(({ stages }) => stages.flatMap(({ any }) => any)) ?? [];
  const hours = [1, 4, 24].map((count) => ({
    value: `${UNTIL}${count}`,
    label: count === 1 ? 'For an hour' : `For ${count} hours`,
  }));
  const people = [...new Set(selectors)].map((selector) => ({
    value: `${TO}${selector}`,
    label: `Hand over to ${selector}`,
  }));
  return (
    <Select
      label="How long, or to whom"
      description="It goes on waiting, and expires as if you had not answered."
      allowDeselect={false}
      data={[...hours, ...people]}
      value={value.to === undefined ? `${UNTIL}${hoursOf(value)}` : `${TO}${value.to}`}
      onChange={(chosen) => {
        if (chosen?.startsWith(TO)) onChange({ to: chosen.slice(TO.length) });
        else if (chosen) onChange({ until: inHours(Number(chosen.slice(UNTIL.length))) });
      }}
    />
  );
}

function inHours(count: number): string {
  return new Date(Date.now() + count * HOUR_MS).toISOString();
}

function hoursOf({ until }: Deferral): number {
  return Math.max(1, Math.round((Date.parse(until ?? '') - Date.now()) / HOUR_MS));
}
