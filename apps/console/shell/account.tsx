import {
  Button,
  Menu,
  SegmentedControl,
  Text,
  useMantineColorScheme,
  type MantineColorScheme,
} from '@mantine/core';
import { Link } from '@tanstack/react-router';

import { useSession } from '../session/session.ts';
import classes from './account.module.css';

/** Who is signed in, how the console looks, and the way out. */
export function Account() {
  const { name, identity } = useSession();
  return (
    <Menu position="bottom-end" width={248} withinPortal>
      <Menu.Target>
        <Button variant="subtle" color="gray" className={classes.who} aria-label={`You: ${name}`}>
          <span className={classes.initials} aria-hidden="true">
            {initialsOf(name)}
          </span>
          <span className={classes.name}>{name}</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <div className={classes.identity}>
          <Text fw={600}>{name}</Text>
          <Text size="sm" className="keyturn-quiet">
            {identity.subject}
          </Text>
        </div>
        <Menu.Item component={Link} to="/me">
          Your account and sessions
        </Menu.Item>
        <Menu.Divider />
        <div className={classes.scheme}>
          <ColorScheme />
        </div>
        <Menu.Divider />
        <SignOut />
      </Menu.Dropdown>
    </Menu>
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
      <Menu.Item component="button" type="submit" closeMenuOnClick={false}>
        Sign out
      </Menu.Item>
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
