import type { Operation, Parameter, SecurityScheme } from './parts.ts';

/** Where credentials can stand. OpenAPI has no word for those in a body: the bodies' own schemas show them. */
export const SECURITY_SCHEMES = {
  secretInHeader: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description:
      '`Authorization: Secret …`, with the secret of your account. From server to server only: it may do everything',
  },
  apiKeyInHeader: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description:
      '`Authorization: Api-Key …`, with an API key of your account, which may be public. The request must come from ' +
      'a page on one of the hosts of the key; browsers say so in `Referer`, `Referrer` and `Origin` are read too',
  },
  secretInQuery: {
    type: 'apiKey',
    in: 'query',
    name: 'secret',
    description: 'The secret in the query of a GET. In a POST it can stand in the body, as `secret`',
  },
  apiKeyInQuery: {
    type: 'apiKey',
    in: 'query',
    name: 'api_key',
    description: 'An API key in the query of a GET. In a POST it can stand in the body, as `api_key`',
  },
} as const satisfies Record<string, SecurityScheme>;

type Security = Operation['security'];

/** Whoever has the key of a task, or just asks, is answered. */
export const OPEN: Security = [];
/** A POST; the body may hold the credentials instead. */
export const BY_HEADER: Security = [{ secretInHeader: [] }, { apiKeyInHeader: [] }];
export const BY_HEADER_OR_QUERY: Security = [...BY_HEADER, { secretInQuery: [] }, { apiKeyInQuery: [] }];
/** A POST that an API key may not make; the body may hold the secret instead. */
export const BY_SECRET_IN_HEADER: Security = [{ secretInHeader: [] }];
export const BY_SECRET: Security = [{ secretInHeader: [] }, { secretInQuery: [] }];

export const REFERER: Parameter = {
  name: 'Referer',
  in: 'header',
  description: 'Needed with an API key: a URL on one of its hosts. Browsers send it by themselves',
  schema: { type: 'string', format: 'uri' },
  example: 'https://example.com/gallery',
};
