import { NativeSelect, Radio, TextInput } from '@mantine/core';
import { useState } from 'react';

import { Note } from './note.tsx';
import { deferralChoices, handOverChoices, handOverNote } from './deferral.ts';
import classes from './defer-fields.module.css';
import type { Deferral } from './sending.ts';
import type { Shown } from './view.ts';

interface DeferFieldsProps {
  readonly shown: Shown;
  readonly onChange: (deferral: Deferral | null) => void;
  readonly error: string | undefined;
}

/** Until when it is hidden, or to whom it is handed over. */
export function DeferFields({ shown: { card, request }, onChange, error }: DeferFieldsProps) {
  const [nowMs] = useState(() => Date.now());
  const [choice, setChoice] = useState('');
  const times = deferralChoices(nowMs, request.expires_at);
  const groups = handOverChoices(card.requirement);
  const choose = (next: string): void => {
    setChoice(next);
    const time = times.find(({ label }) => label === next);
    if (time) onChange({ until: new Date(time.untilMs).toISOString() });
    else if (next === 'to' && groups[0] !== undefined) onChange({ to: groups[0] });
    else onChange(null);
  };
  return (
    <div className={classes.fields}>
      <Radio.Group label="Hide it from my inbox" value={choice} onChange={choose} error={error}>
        <div className={classes.choices}>
          {times.map(({ label }) => (
            <Radio key={label} value={label} label={label} />
          ))}
          <Radio value="at" label="until another time" />
          {groups.length > 0 && <Radio value="to" label="and hand it over to others" />}
        </div>
      </Radio.Group>
      {choice === 'at' && <Until onChange={onChange} />}
      {choice === 'to' && <To groups={groups} shown={{ card, request }} onChange={onChange} />}
    </div>
  );
}

function Until({ onChange }: Pick<DeferFieldsProps, 'onChange'>) {
  return (
    <TextInput
      type="datetime-local"
      label="Until"
      description="In your time zone"
      onChange={({ currentTarget: { value } }) => {
        const ms = Date.parse(value);
        onChange(Number.isNaN(ms) ? null : { until: new Date(ms).toISOString() });
      }}
    />
  );
}

interface ToProps extends Pick<DeferFieldsProps, 'onChange'> {
  readonly groups: readonly string[];
  readonly shown: Pick<Shown, 'card' | 'request'>;
}

function To({ groups, shown: { card, request }, onChange }: ToProps) {
  const [to, setTo] = useState(groups[0] ?? '');
  const note = handOverNote(to, card.requirement, request);
  return (
    <>
      <NativeSelect
        label="Hand over to"
        data={[...groups]}
        value={to}
        onChange={({ currentTarget: { value } }) => {
          setTo(value);
          onChange({ to: value });
        }}
      />
      {note !== null && (
        <Note tone="warning" title="Not at once">
          {note}
        </Note>
      )}
    </>
  );
}
