import { catalogue } from '../../tasks/catalogue.ts';
import { type Exchange, type Headers, JSON_FOR_NOW } from '../exchange.ts';
import type { FrontParts } from '../front-parts.ts';
import { openApiDocument } from '../openapi/document.ts';
import { docsPage } from '../openapi/page.ts';
import { STYLE_HASH } from '../openapi/page-style.ts';

/** In bytes, which all clients share: those that take nothing would each have a copy of their own. */
interface Texts {
  readonly json: Buffer;
  readonly page: Buffer;
}

/** By the address that stands in them: made on the first call, then kept. */
const texts = new Map<string, Texts>();

function textsFor({ config }: FrontParts): Texts {
  const known = texts.get(config.PUBLIC_URL);
  if (known) return known;
  const document = openApiDocument(catalogue, config.PUBLIC_URL);
  const made = { json: Buffer.from(JSON.stringify(document)), page: Buffer.from(docsPage(document)) };
  texts.set(config.PUBLIC_URL, made);
  return made;
}

/** `GET /openapi.json`: the contract, for machines. */
export function openapi(parts: FrontParts, exchange: Exchange): void {
  exchange.send(200, textsFor(parts).json, JSON_FOR_NOW);
}

/** The page runs nothing and loads nothing; its own style is named by its hash. */
const PAGE_HEADERS: Headers = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': `default-src 'none'; style-src '${STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'Referrer-Policy': 'no-referrer',
};

/** `GET /docs`: the contract, for people. */
export function docs(parts: FrontParts, exchange: Exchange): void {
  exchange.send(200, textsFor(parts).page, PAGE_HEADERS);
}
