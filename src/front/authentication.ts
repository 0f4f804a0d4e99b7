import type { Account } from '../accounts/account.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { type Credentials, extractCredentials } from '../accounts/credentials.ts';
import { referrerOf } from '../accounts/referrer.ts';
import type { JsonObject } from './body.ts';
import type { Exchange } from './exchange.ts';
import { RequestError } from './request-error.ts';

interface Given {
  readonly body?: JsonObject;
  readonly query?: URLSearchParams;
}

interface Authenticated {
  readonly account: Account;
  /** The secret or API key itself. Never log it. */
  readonly credential: Credentials;
}

/** Whose request this is. Throws a 401 that says what was missing or wrong, and never repeats what was sent. */
export function authenticate(accounts: Accounts, exchange: Exchange, { body, query }: Given): Authenticated {
  const { head } = exchange;
  const extraction = extractCredentials({
    authorization: head.header('authorization'),
    body,
    query: query && asRecord(query),
  });
  if (!extraction.ok) throw new RequestError(401, [extraction.problem]);
  exchange.credential = extraction.credentials.value;
  const referrer = referrerOf({
    referer: head.header('referer'),
    referrer: head.header('referrer'),
    origin: head.header('origin'),
  });
  const found = accounts.authenticate(extraction.credentials, referrer);
  if (!found.ok) throw new RequestError(401, [found.problem]);
  return { account: found.account, credential: extraction.credentials };
}

/** As `authenticate`, for what only a secret may do. */
export function authenticateBySecret(accounts: Accounts, exchange: Exchange, given: Given): Authenticated {
  const authenticated = authenticate(accounts, exchange, given);
  if (authenticated.credential.kind === 'secret') return authenticated;
  throw new RequestError(401, [
    {
      name: 'secret',
      location: 'header',
      description: 'secret is missing, an api_key does not suffice here',
    },
  ]);
}

const asRecord = (query: URLSearchParams): Record<string, string | string[]> =>
  Object.fromEntries(
    ['secret', 'api_key'].flatMap((name) => {
      const values = query.getAll(name);
      return values.length === 0 ? [] : [[name, values.length === 1 ? (values[0] as string) : values]];
    }),
  );
