import { hash } from 'node:crypto';

/** JSON with the members of each object in one order, so that what means the same reads the same. */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );

/**
 * Names what a task is asked to do: the same for one account, one task name and the same parameters, with their
 * defaults filled in, however they were written. No account can have the name of another's.
 */
export const definitionId = (
  account: string,
  name: string,
  parameters: Readonly<Record<string, unknown>>,
): string => hash('sha256', canonicalJson([account, name, parameters]), 'base64url');
