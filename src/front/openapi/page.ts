import { ended, Html, html, prose, sentence, slug } from './html.ts';
import { anchorOf, answerInWords, operationSection } from './page-operation.ts';
import { schemaTable } from './page-schema.ts';
import { STYLE } from './page-style.ts';
import {
  isReference,
  type Method,
  nameOfRef,
  type OpenApiDocument,
  type Operation,
  type Schema,
} from './parts.ts';

interface Call {
  readonly path: string;
  readonly method: Method;
  readonly operation: Operation;
}

/** The document as one page that needs nothing but itself: no script, no font, no picture from elsewhere. */
export function docsPage(document: OpenApiDocument): string {
  const calls = callsOf(document);
  const tasks = taskNames(document);
  const { title, summary, description } = document.info;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}: the API</title>
<link rel="icon" href="data:,">
<style>${rawStyle}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="summary">${sentence(summary)}</p>
<p>At <code>${document.servers[0]?.url}</code>. For machines: <a href="openapi.json">openapi.json</a>, OpenAPI ${document.openapi}.</p>
</header>
<div class="columns">
${navigation(document, calls, tasks)}
<main>
<section id="general"><h2>In general</h2>${prose(description)}</section>
${credentials(document)}
${document.tags.map((tag) => group(document, tag, calls))}
${catalogue(document, tasks)}
${errors(document, calls)}
${objects(document, tasks)}
</main>
</div>
</body>
</html>
`.text;
}

const rawStyle = new Html(STYLE);

const callsOf = ({ paths }: OpenApiDocument): Call[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method as Method, operation })),
  );

/** The tasks of the catalogue, as `TaskDefinition` lists them. */
const taskNames = ({ components }: OpenApiDocument): string[] => {
  const { oneOf = [] } = components.schemas.TaskDefinition as { readonly oneOf?: readonly Schema[] };
  return oneOf.filter(isReference).map(nameOfRef);
};

const link = (anchor: string, text: string | Html): Html => html`<li><a href="#${anchor}">${text}</a></li>`;

const navigation = (
  { tags }: OpenApiDocument,
  calls: readonly Call[],
  tasks: readonly string[],
): Html => html`<nav aria-label="Contents">
<ul>${link('general', 'In general')}${link('credentials', 'Credentials')}</ul>
${tags.map(
  ({ name }) => html`<h2>${name}</h2>
<ul>${inGroup(calls, name).map(({ path, method, operation }) => link(anchorOf(operation), html`<span class="method ${method}">${method.toUpperCase()}</span> ${path}`))}</ul>`,
)}
<h2>Tasks</h2>
<ul>${tasks.map((name) => link(`object-${slug(name)}`, name))}</ul>
<h2>Answers</h2>
<ul>${link('errors', 'Errors')}${link('objects', 'Objects')}</ul>
</nav>`;

const inGroup = (calls: readonly Call[], tag: string): readonly Call[] =>
  calls.filter(({ operation }) => operation.tags[0] === tag);

const credentials = ({ components }: OpenApiDocument): Html => html`<section id="credentials">
<h2>Credentials</h2>
<p>Calls that create or cancel tasks, and the history, need credentials. They stand in a header, in the body of a POST or in the query of a GET; the header wins over the body, the body over the query.</p>
<table>
<thead><tr><th>Where</th><th>What</th></tr></thead>
<tbody>${Object.values(components.securitySchemes).map((scheme) => html`<tr><td><code>${scheme.name}</code> <span class="place">${scheme.in}</span></td><td>${sentence(ended(scheme.description))}</td></tr>`)}</tbody>
</table>
<p>The lines to try below take the secret from the shell; the keys of tasks in them are examples, put yours in their place:</p>
<pre><code>SECRET=…</code></pre>
</section>`;

const group = (
  document: OpenApiDocument,
  tag: OpenApiDocument['tags'][number],
  calls: readonly Call[],
): Html => html`<section id="group-${slug(tag.name)}">
<h2>${tag.name}</h2>
${prose(tag.description)}
${inGroup(calls, tag.name).map(({ path, method, operation }) => operationSection(document, path, method, operation))}
</section>`;

const catalogue = (
  { components }: OpenApiDocument,
  tasks: readonly string[],
): Html => html`<section id="tasks">
<h2>Tasks</h2>
${tasks.map((name) => {
  const schema = components.schemas[name] as { readonly description?: string };
  return html`<article id="object-${slug(name)}">
<h3><code>${name}</code></h3>
${prose(schema.description ?? '')}
${schemaTable(schema, 'sent')}
<h4>Result</h4>
${schemaTable(components.schemas[`${name}.result`] as Schema, 'answered')}
</article>`;
})}
</section>`;

/** The code with which calls give an answer that they share. */
const codeOf = (calls: readonly Call[], name: string): string | undefined =>
  calls
    .flatMap(({ operation }) => Object.entries(operation.responses))
    .find(([, answer]) => isReference(answer) && nameOfRef(answer) === name)?.[0];

const errors = ({ components }: OpenApiDocument, calls: readonly Call[]): Html => html`<section id="errors">
<h2>Errors</h2>
${Object.entries(components.responses).map(([name, answer]) => html`<article id="answer-${slug(name)}"><h3>${codeOf(calls, name)} ${name}</h3><p>${answerInWords(answer)}</p></article>`)}
</section>`;

/** The objects that are no tasks. */
const objects = ({ components }: OpenApiDocument, tasks: readonly string[]): Html => {
  const own = new Set(tasks.flatMap((name) => [name, `${name}.result`]));
  const rest = Object.entries(components.schemas).filter(([name]) => !own.has(name));
  return html`<section id="objects">
<h2>Objects</h2>
${rest.map(
  ([name, schema]) => html`<article id="object-${slug(name)}">
<h3>${name}</h3>
${prose(ended((schema as { readonly description?: string }).description ?? ''))}
${schemaTable(schema, name === 'SentDefinition' ? 'sent' : 'answered')}
</article>`,
)}
</section>`;
};
