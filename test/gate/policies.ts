import fs from 'node:fs';
import path from 'node:path';

import { root } from '../../scripts/servers/root.ts';
import { takeNumber, testFolder } from '../stack/temporal.ts';

/** An action that Keyturn only decides on, one target for each way it can go, and windows that count it. */
const FILES: Readonly<Record<string, string>> = {
  'actions/release.yaml': `
action: deploy.release
schema_version: 1
title: Release a version
resource_type: service
arguments:
  type: object
  required: [version]
  additionalProperties: false
  properties:
    version: { type: string }
    size: { type: integer }
`,
  'actions/announce.yaml': `
action: deploy.announce
schema_version: 1
title: Announce a version
resource_type: service
arguments:
  type: object
  additionalProperties: false
  properties:
    version: { type: string }
    size: { type: integer }
`,
  'targets/services.yaml': [
    ['free', 'sandbox'],
    ['counted', 'crowd'],
    ['asked', 'prod'],
    ['hasty', 'expiring'],
    ['twice', 'two-people'],
    ['shut', 'closed'],
    ['odd', 'strict'],
  ]
    .map(
      ([id, environment]) =>
        `- { id: ${id}, title: Service ${id}, resource_type: service, environment: ${environment}, owners: [group:shop-owners] }`,
    )
    .join('\n'),
  'rules/release.yaml': `
rules:
  - id: small
    on: { action: [deploy.release], env: [sandbox] }
    when: '!has(args.size) || args.size < 10'
    effect: allow
    because: Small releases need nobody
  # Nothing counts it.
  - { id: announce, on: { action: [deploy.announce], env: [sandbox] }, effect: allow }
  - id: tiny
    on: { action: [deploy.release], env: [sandbox] }
    when: has(args.size) && args.size < 2
    effect: allow
    valid_for: 1m
  - id: few
    on: { action: [deploy.release], env: [crowd] }
    when: windows.releases.sum <= 10
    effect: allow
    valid_for: 2h
  - id: too-many
    on: { action: [deploy.release], env: [prod, expiring] }
    when: windows.releases.sum > 1000
    effect: forbid
  - id: release
    on: { action: [deploy.release], env: [prod] }
    effect: review
    replaces_default: true
    require: { stages: [{ any: [group:dba], quorum: 1 }], maximum_age: 20m }
  - id: hasty-release
    on: { action: [deploy.release], env: [expiring] }
    effect: review
    replaces_default: true
    require: { stages: [{ any: [group:dba], quorum: 1 }], expires: 2s }
  - id: odd-release
    on: { action: [deploy.release], env: [strict] }
    when: has(args.size) && 6 / (args.size - 3) > 1
    effect: review
    require: { stages: [{ any: [group:dba], quorum: 1 }] }
  - id: odd-allow
    on: { action: [deploy.release], env: [strict] }
    effect: allow
  - id: no-release
    on: { action: [deploy.release], env: [closed] }
    effect: forbid
    because: Nothing is released here
`,
};

const WINDOWS = `
windows:
  - { id: releases, action: [deploy.release], over: 24h, per: [lineage, target], sum: args.size }
`;

/** A folder with the policy of the test stack and a gate action. */
export function gatePolicyFolder(): string {
  const folder = path.join(testFolder(), `gate-policies-${takeNumber()}`);
  fs.cpSync(path.join(root, 'test', 'stack', 'policies'), folder, { recursive: true });
  for (const [file, text] of Object.entries(FILES)) fs.writeFileSync(path.join(folder, file), text);
  fs.appendFileSync(path.join(folder, 'keyturn.yaml'), WINDOWS);
  return folder;
}

/** What is asked for, on one of the targets. */
export function release(target: string, change: object = {}): Record<string, unknown> {
  return {
    action: 'deploy.release',
    target,
    mode: 'gate',
    arguments: { version: '1.2.3', size: 3 },
    ...change,
  };
}
