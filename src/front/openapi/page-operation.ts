import { curl } from './curl.ts';
import { ended, type Html, html, joined, prose, sentence, slug } from './html.ts';
import { schemaTable, typeInWords } from './page-schema.ts';
import {
  type Answer,
  type Answers,
  type Examples,
  isReference,
  type Media,
  type Method,
  nameOfRef,
  type OpenApiDocument,
  type Operation,
  type Parameter,
} from './parts.ts';

export const anchorOf = ({ operationId }: Operation): string => `call-${slug(operationId)}`;

/** One call: what it is for, what it takes, how to try it, what it answers. */
export const operationSection = (
  document: OpenApiDocument,
  path: string,
  method: Method,
  operation: Operation,
): Html => html`<article id="${anchorOf(operation)}">
<h3><span class="method ${method}">${method.toUpperCase()}</span> <code>${path}</code></h3>
<p class="summary">${sentence(operation.summary)}</p>
${prose(operation.description ?? '')}
<p class="needs">${needs(operation)}</p>
${parameters(operation.parameters ?? [])}
${body(operation)}
<h4>Try it</h4>
<pre><code>${curl(document, path, method, operation)}</code></pre>
<h4>Answers</h4>
${answers(operation.responses)}
</article>`;

const PLACES: Readonly<Record<string, string>> = {
  secretInHeader: 'a secret',
  apiKeyInHeader: 'an API key',
};

function needs({ security }: Operation): Html {
  const names = security.flatMap((scheme) => Object.keys(scheme)).flatMap((name) => PLACES[name] ?? []);
  if (names.length === 0) return html`Open to all.`;
  return html`Needs <a href="#credentials">${joined(names, ' or ')}</a>.`;
}

function parameters(list: readonly Parameter[]): Html {
  if (list.length === 0) return html``;
  return html`<h4>Parameters</h4>
<table>
<thead><tr><th>Name</th><th>Type</th><th>Meaning</th></tr></thead>
<tbody>${list.map(
    ({ name, in: place, required, schema, description }) => html`<tr>
  <td><code>${name}</code> <span class="place">${place}</span>${required ? html` <span class="required">required</span>` : ''}</td>
  <td>${typeInWords(schema)}</td>
  <td>${sentence(description)}</td>
</tr>`,
  )}</tbody>
</table>`;
}

function body({ requestBody }: Operation): Html {
  const [media] = Object.values(requestBody?.content ?? {});
  if (!media) return html``;
  return html`<h4>Body</h4>
${schemaTable(media.schema, 'sent')}
${examples(media.examples)}`;
}

/** Examples, folded away. */
export const examples = (list: Examples = {}): Html =>
  html`${Object.values(list).map(
    ({ summary, value }) =>
      html`<details><summary>${sentence(summary)}</summary><pre><code>${shown(value)}</code></pre></details>`,
  )}`;

const shown = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value, undefined, 2);

const answers = (list: Answers): Html => html`<table class="answers">
<thead><tr><th>Code</th><th>Answer</th></tr></thead>
<tbody>${Object.entries(list).map(([status, answer]) => html`<tr><td><code>${status}</code></td><td>${isReference(answer) ? shared(status, nameOfRef(answer)) : answerInWords(answer)}</td></tr>`)}</tbody>
</table>`;

const shared = (status: string, name: string): Html =>
  html`<a href="#answer-${slug(name)}">${ERRORS[status] ?? name}</a>`;

const ERRORS: Readonly<Record<string, string>> = {
  400: 'Invalid request',
  401: 'Credentials, or a limit',
  404: 'Unknown task',
  413: 'Too large',
  422: 'Another body',
  500: 'A defect',
  503: 'Try again later',
};

/** What an answer says, its headers, its content in each type. */
export const answerInWords = ({
  description,
  headers = {},
  content = {},
}: Answer): Html => html`${sentence(ended(description))}
${Object.entries(headers).map(([name, header]) => html`<br><code>${name}</code>: ${sentence(header.description)}`)}
${Object.entries(content).map(([type, media]) => contentInWords(type, media))}`;

const contentInWords = (type: string, media: Media): Html =>
  html`<br><code>${type}</code>: ${
    media['x-line-schema']
      ? html`on each line ${typeInWords(media['x-line-schema'])}`
      : typeInWords(media.schema)
  }${examples(media.examples)}`;
