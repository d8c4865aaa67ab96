import {
  Button,
  Divider,
  Popover,
  SegmentedControl,
  Text,
  useMantineColorScheme,
  VisuallyHidden,
  type MantineColorScheme,
} from '@mantine/core';
import { Link } from '@tanstack/react-router';

import { useSession } from '../session/session.ts';
import classes from './account.module.css';

/** Who is signed in, how the console looks, and the way out. */
export function Account() {
  const { name, identity } = useSession();
  return (
    <Popover position="bottom-end" width={248} trapFocus returnFocus shadow="md">
      <Popover.Target>
        <Button variant="subtle" color="gray" className={classes.who}>
          <VisuallyHidden>You: </VisuallyHidden>
          <span className={classes.initials} aria-hidden="true">
            {initialsOf(name)}
          </span>
          <span className={classes.name}>{name}</span>
        </Button>
      </Popover.Target>
      <Popover.Dropdown p="xs" aria-label="You and this page">
        <Text fw={600} px="xs">
          {name}
        </Text>
        <Text size="sm" px="xs" className="keyturn-quiet">
          {identity.subject}
        </Text>
        <Button
          variant="subtle"
          color="gray"
          fullWidth
          mt="xs"
          className={classes.item}
          renderRoot={(props) => <Link to="/me" {...props} />}
        >
          Account and sessions
        </Button>
        <Divider my="xs" />
        <ColorScheme />
        <Divider my="xs" />
        <SignOut />
      </Popover.Dropdown>
    </Popover>
  );
}

const SCHEMES = [
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
  { value: 'auto', label: 'System' },
];

function ColorScheme() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <SegmentedControl
      fullWidth
      size="xs"
      aria-label="Color scheme"
      data={SCHEMES}
      value={colorScheme}
      onChange={(value) => setColorScheme(value as MantineColorScheme)}
    />
  );
}

/** A form, as on the pages without scripts: the answer takes the cookie away and leads to the first page. */
function SignOut() {
  const { csrf_token } = useSession();
  return (
    <form method="post" action="/sign-out">
      <input type="hidden" name="csrf_token" value={csrf_token} />
      <Button type="submit" variant="subtle" color="gray" fullWidth className={classes.item}>
        Sign out
      </Button>
    </form>
  );
}

function initialsOf(name: string): string {
  const words = name.split(/\s+/).filter((word) => word !== '');
  return [words.at(0), words.length > 1 ? words.at(-1) : '']
    .map((word = '') => /^./u.exec(word)?.[0] ?? '')
    .join('')
    .toUpperCase();
}
