import { escapeIdentifier, escapeLiteral } from 'pg';

/** The roles that `target-setup.sql` creates and grants to. */
export interface TargetRoles {
  readonly login: string;
  readonly statement: string;
  readonly observer: string;
}

/** The text of `target-setup.sql` with its names filled in and without psql's own commands, for any client that runs SQL. */
export function fillTargetSetup(text: string, roles: TargetRoles): string {
  return text
    .replace(/^\s*(--|\\).*$/gm, '')
    .replace(/:("|')(login|statement|observer)\1/g, (_match, quote: string, name: string) => {
      const value = roles[name as keyof TargetRoles];
      return quote === '"' ? escapeIdentifier(value) : escapeLiteral(value);
    });
}
