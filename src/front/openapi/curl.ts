import { isReference, type Method, type OpenApiDocument, type Operation, type Parameter } from './parts.ts';

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** A call as a line for a shell that has the secret in `$SECRET`. */
export function curl(document: OpenApiDocument, path: string, method: Method, operation: Operation): string {
  const url = (document.servers[0]?.url ?? '') + filledIn(path, operation) + query(operation);
  const example = firstExample(operation);
  const hasBody = example !== undefined;
  const words = [
    `curl ${flags(method, operation)} ${quoted(url)}`,
    operation.security.length > 0 && !holdsSecret(example) ? '-H "Authorization: Secret $SECRET"' : '',
    hasBody ? `-d ${quoted(JSON.stringify(example))}` : method === 'post' ? '-X POST' : '',
  ];
  return words.filter((word) => word !== '').join(' \\\n  ');
}

function flags(method: Method, { responses }: Operation): string {
  if (method === 'head') return '-I';
  if ('302' in responses) return '-L -o thumb.jpg';
  const ok = responses['200'];
  const types = ok && !isReference(ok) ? Object.keys(ok.content ?? {}) : [];
  if (types.includes('application/x-ndjson')) return '-N';
  return types.includes('*/*') ? '-O' : '-s';
}

const filledIn = (path: string, { parameters = [] }: Operation): string =>
  parameters
    .filter((parameter) => parameter.in === 'path')
    .reduce(
      (text, { name, example }) => text.replace(`{${name}}`, encodeURIComponent(String(example))),
      path,
    );

function query({ parameters = [] }: Operation): string {
  const pairs = parameters.filter((parameter) => parameter.in === 'query').flatMap(pairsOf);
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`;
}

/** As `style: form` with `explode` writes it: a list repeats the name, an object gives its own. */
function pairsOf({ name, example }: Parameter): [string, string][] {
  if (Array.isArray(example)) return example.map((item) => [name, String(item)]);
  if (typeof example === 'object' && example !== null)
    return Object.entries(example).map(([key, value]) => [key, String(value)]);
  return example === undefined ? [] : [[name, String(example)]];
}

function firstExample({ requestBody }: Operation): unknown {
  const [media] = Object.values(requestBody?.content ?? {});
  return Object.values(media?.examples ?? {})[0]?.value;
}

const holdsSecret = (example: unknown): boolean =>
  typeof example === 'object' && example !== null && 'secret' in example;
