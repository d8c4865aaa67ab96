import type { ReactNode } from 'react';

/** The few drawings of the console: decoration beside words, so nothing reads them out. */
function Icon({ children }: { readonly children: ReactNode }) {
  return (
    <svg
      width="18"
      height="18"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const InboxIcon = () => (
  <Icon>
    <path d="M4 13v5a1.5 1.5 0 0 0 1.5 1.5h13A1.5 1.5 0 0 0 20 18v-5M4 13l2.5-8h11L20 13M4 13h4.5l1.5 3h4l1.5-3H20" />
  </Icon>
);

export const ListIcon = () => (
  <Icon>
    <path d="M9 6h11M9 12h11M9 18h11M4.5 6h.01M4.5 12h.01M4.5 18h.01" />
  </Icon>
);

export const PersonIcon = () => (
  <Icon>
    <circle cx="12" cy="8" r="3.5" />
    <path d="M5 20c.8-3.5 3.5-5.5 7-5.5s6.2 2 7 5.5" />
  </Icon>
);

export const SentIcon = () => (
  <Icon>
    <path d="M20 4 10.5 13.5M20 4l-6 16-3.5-6.5L4 10z" />
  </Icon>
);

export const KeyIcon = () => (
  <Icon>
    <circle cx="8" cy="12" r="4" />
    <path d="M12 12h9M17.5 12v4M21 12v3" />
  </Icon>
);

export const StopIcon = () => (
  <Icon>
    <path d="M8.5 3.5h7l5 5v7l-5 5h-7l-5-5v-7zM8.5 12h7" />
  </Icon>
);

export const MoreIcon = () => (
  <Icon>
    <path d="M5.5 12h.01M12 12h.01M18.5 12h.01" />
  </Icon>
);

export const PulseIcon = () => (
  <Icon>
    <path d="M3.5 12h4l2.5-6.5 4 13 2.5-6.5h4" />
  </Icon>
);

export const PeopleIcon = () => (
  <Icon>
    <path d="M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c.5-4 3-6 6.5-6s6 2 6.5 6M15.5 4.5a3.5 3.5 0 0 1 0 6.5M18 14.5c2 .8 3.200 2.600 3.500 5.500" />
  </Icon>
);

export const ScalesIcon = () => (
  <Icon>
    <path d="M12 4v16M8 20h8M5 7h14M5 7l-2.5 6a2.7 2.7 0 0 0 5 0zM19 7l-2.5 6a2.7 2.7 0 0 0 5 0z" />
  </Icon>
);
