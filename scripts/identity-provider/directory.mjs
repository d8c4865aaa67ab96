import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

/** The alias that the sample policy's directory has for this identity provider. */
const ALIAS = 'demo';

/** People and agents with an account here, as the policy's directory names them: one list, not two. */
export function readDirectory(policyFolder) {
  const text = fs.readFileSync(path.join(policyFolder, 'directory.yaml'), 'utf8');
  const { people = [], agents = [], groups = [] } = parse(text);
  const groupsOf = (id) => groups.filter((group) => group.members?.includes(id)).map((group) => group.id);
  return {
    people: people.flatMap((person) =>
      person.accounts
        .filter((account) => account.issuer === ALIAS)
        .map(({ subject }) => ({ subject, name: person.name ?? person.id, groups: groupsOf(person.id) })),
    ),
    agents: agents
      .filter((agent) => agent.issuer === ALIAS)
      .map(({ subject, name, owner }) => ({ subject, name, owner })),
  };
}
