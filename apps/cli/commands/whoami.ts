import type { Command } from 'commander';

import type { Me } from '../../../contract/me.ts';
import { apiUrl, clientOf, withApi, type ApiOptions } from '../connection.ts';
import { withExamples } from '../help.ts';
import type { Terminal } from '../terminal.ts';
import { factLines } from '../text/table.ts';
import { instant } from '../text/times.ts';
import { visible, visibleJson } from '../../../domain/cards/visible.ts';

export function addWhoami(program: Command, terminal: Terminal): void {
  const command = withApi(program.command('whoami'))
    .description('show who you are to Keyturn: person or agent, groups, and whether you may decide')
    .action(async (options: ApiOptions) => {
      const me = await (await clientOf(options, terminal)).me();
      const lines = [headText(me), ...factLines(factsOf(me, apiUrl(options, terminal), Date.now()))];
      terminal.out(options.json ? JSON.stringify(me) : lines.join('\n'));
    });
  withExamples(command, ['keyturn whoami', 'keyturn whoami --json | jq .may_decide']);
}

function headText({ kind, name, id, is_active: isActive }: Me): string {
  if (kind === 'unknown') return 'The directory knows neither a person nor an agent with this account.';
  const standing = isActive ? '' : ', deactivated';
  return `${visibleJson(name ?? '')} (${visible(id ?? '')}), ${kind === 'person' ? 'a person' : 'an agent'}${standing}`;
}

function factsOf(me: Me, api: string, now: number): [string, string][] {
  const { identity, accounts, groups, owner, why_not: whyNot } = me;
  const others = accounts.filter(
    ({ issuer, subject }) => issuer !== identity.issuer || subject !== identity.subject,
  );
  return [
    ['account', accountText(identity)],
    ...others.map((account): [string, string] => ['also', accountText(account)]),
    ...me.behind.map((member): [string, string] => ['behind it', accountText(member)]),
    ...(owner === null ? [] : [['owned by', visible(owner)] as [string, string]]),
    ...(me.kind === 'person'
      ? [['groups', groups.map(visible).join(', ') || 'none'] as [string, string]]
      : []),
    ...(me.is_auditor ? [['auditor', 'yes: reads every request and the audit log'] as [string, string]] : []),
    ...(me.is_operator ? [['operator', 'yes: kill switches, publishing, reviews'] as [string, string]] : []),
    [
      'may decide',
      whyNot === null
        ? 'yes, on requests that you may review'
        : `no: ${visible(whyNot.detail)} (${visible(whyNot.code)})`,
    ],
    ['client', visible(me.client ?? 'not named')],
    ['scopes', me.scopes.map(visible).join(' ') || 'none'],
    ['token expires', instant(me.expires_at, now)],
    ['API', `${visible(api)}, version ${visible(me.version)}`],
  ];
}

function accountText({ issuer, subject }: { readonly issuer: string; readonly subject: string }): string {
  return `${visibleJson(subject)} at ${visibleJson(issuer)}`;
}
