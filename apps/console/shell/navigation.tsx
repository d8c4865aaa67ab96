import { Badge, Divider, Group, NavLink, Popover, Stack, Text, UnstyledButton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useLocation } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';

import { meQuery } from '../session/me.ts';
import { Account } from './account.tsx';
import {
  InboxIcon,
  KeyIcon,
  ListIcon,
  MoreIcon,
  PeopleIcon,
  PersonIcon,
  PulseIcon,
  ScalesIcon,
  SentIcon,
  StopIcon,
} from './icons.tsx';
import classes from './navigation.module.css';

interface Destination {
  readonly to:
    '/inbox' | '/requests' | '/mine' | '/keys' | '/me' | '/policy' | '/switches' | '/operations' | '/people';
  readonly label: string;
  /** Where there is little room. */
  readonly short?: string;
  readonly icon: ReactNode;
  /** Only for operators and auditors: nobody else is answered there. */
  readonly isForOffice?: boolean;
}

const DESTINATIONS: readonly Destination[] = [
  { to: '/inbox', label: 'Inbox', icon: <InboxIcon /> },
  { to: '/requests', label: 'Requests', icon: <ListIcon /> },
  { to: '/mine', label: 'My requests', short: 'Mine', icon: <SentIcon /> },
  { to: '/me', label: 'Account', icon: <PersonIcon /> },
];

/** Pages for looking after Keyturn and what calls it. On phones they stand behind a tab of their own. */
const MORE: readonly Destination[] = [
  { to: '/policy', label: 'Policy', icon: <ScalesIcon /> },
  { to: '/keys', label: 'API keys', icon: <KeyIcon /> },
  { to: '/switches', label: 'Kill switches', icon: <StopIcon /> },
  { to: '/people', label: 'People', icon: <PeopleIcon />, isForOffice: true },
  { to: '/operations', label: 'Operations', icon: <PulseIcon />, isForOffice: true },
];

interface Waiting {
  /** How many requests wait for the person, as it is shown. */
  readonly waiting: string;
}

/** The ways to all pages, beside them on wide screens. */
export function SideBar({ waiting }: Waiting) {
  const more = useMore();
  return (
    <Stack h="100%" p="xs" gap={2}>
      <Link to="/inbox" className={classes.brand}>
        <KeyIcon />
        <span>Keyturn</span>
      </Link>
      {DESTINATIONS.map(({ to, label, icon }) => (
        <Entry key={to} to={to} label={label} icon={icon}>
          {to === '/inbox' && <WaitingBadge waiting={waiting} />}
        </Entry>
      ))}
      <Divider my="xs" />
      {more.map(({ to, label, icon }) => (
        <Entry key={to} to={to} label={label} icon={icon} />
      ))}
      <div className={classes.rest} />
      <Account />
    </Stack>
  );
}

interface EntryProps extends Destination {
  readonly onClick?: () => void;
  /** At the end of the line. */
  readonly children?: ReactNode;
}

function Entry({ to, label, icon, onClick, children }: EntryProps) {
  const isHere = useIsHere();
  return (
    <NavLink
      component={Link}
      to={to}
      label={label}
      leftSection={icon}
      active={isHere(to)}
      aria-current={isHere(to) ? 'page' : undefined}
      className={classes.link}
      rightSection={children}
      {...(onClick && { onClick })}
    />
  );
}

/** On a phone: the name of the product and who is signed in. */
export function TopBar() {
  return (
    <Group h="100%" px="sm" justify="space-between" wrap="nowrap">
      <Link to="/inbox" className={classes.brand}>
        <KeyIcon />
        <span>Keyturn</span>
      </Link>
      <Account />
    </Group>
  );
}

/** On a phone the ways to all pages are where a thumb is. */
export function BottomBar({ waiting }: Waiting) {
  const isHere = useIsHere();
  return (
    <nav className={classes.bottom} aria-label="Pages">
      {DESTINATIONS.map(({ to, label, short = label, icon }) => (
        <UnstyledButton
          key={to}
          component={Link}
          to={to}
          className={classes.tab}
          data-active={isHere(to) || undefined}
          aria-current={isHere(to) ? 'page' : undefined}
        >
          <span className={classes.tabIcon}>
            {icon}
            {to === '/inbox' && <WaitingBadge waiting={waiting} />}
          </span>
          <Text size="xs" component="span">
            {short}
          </Text>
        </UnstyledButton>
      ))}
      <More />
    </nav>
  );
}

/** The pages for which the bar has no room. */
function More() {
  const more = useMore();
  const isHere = useIsHere();
  const [isOpen, setOpen] = useState(false);
  const close = (): void => setOpen(false);
  return (
    <Popover
      opened={isOpen}
      onChange={setOpen}
      position="top-end"
      width={216}
      trapFocus
      returnFocus
      shadow="md"
    >
      <Popover.Target>
        <UnstyledButton
          className={classes.tab}
          data-active={more.some(({ to }) => isHere(to)) || undefined}
          onClick={() => setOpen(!isOpen)}
        >
          <span className={classes.tabIcon}>
            <MoreIcon />
          </span>
          <Text size="xs" component="span">
            More
          </Text>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown p="xs" aria-label="More pages">
        {more.map(({ to, label, icon }) => (
          <Entry key={to} to={to} label={label} icon={icon} onClick={close} />
        ))}
      </Popover.Dropdown>
    </Popover>
  );
}

function WaitingBadge({ waiting }: Waiting) {
  if (waiting === '0') return null;
  return (
    <Badge size="sm" variant="filled" className={classes.badge} aria-label={`${waiting} waiting for you`}>
      {waiting}
    </Badge>
  );
}

function useMore(): readonly Destination[] {
  const { data: me } = useQuery(meQuery);
  const hasOffice = (me?.is_operator ?? false) || (me?.is_auditor ?? false);
  return MORE.filter(({ isForOffice = false }) => hasOffice || !isForOffice);
}

function useIsHere(): (to: string) => boolean {
  const { pathname } = useLocation();
  return (to) => pathname === to || pathname.startsWith(`${to}/`);
}
