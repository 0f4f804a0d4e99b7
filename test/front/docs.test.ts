import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import Type from 'typebox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openApiDocument } from '../../src/front/openapi/document.ts';
import { docsPage } from '../../src/front/openapi/page.ts';
import { catalogue } from '../../src/tasks/catalogue.ts';
import { defineTask } from '../../src/tasks/definition.ts';
import { chromium, startApp, visit } from './docs-support.ts';
import { callsOf } from './openapi-support.ts';

let app: Awaited<ReturnType<typeof startApp>>;
let answer: Response;
let page: string;
beforeAll(async () => {
  app = await startApp();
  answer = await fetch(`${app.url}/docs`);
  page = await answer.text();
});
afterAll(() => app.close());

const unescaped = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');

test('/openapi.json answers the document, readable from any origin', async () => {
  const response = await fetch(`${app.url}/openapi.json`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  expect(response.headers.get('cache-control')).toBe('no-store');
  const text = await response.text();
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(openApiDocument(catalogue, app.url))));
  expect(await (await fetch(`${app.url}/openapi.json`)).text()).toBe(text);
});

describe('/docs', () => {
  test('answers a page that may run and load nothing but its own style', () => {
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(page) ?? [];
    const hash = createHash('sha256').update(style).digest('base64');
    const policy = answer.headers.get('content-security-policy')?.split('; ');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`style-src 'sha256-${hash}'`);
    expect(policy?.filter((rule) => /unsafe|\*|http/.test(rule))).toEqual([]);
  });

  test('holds no script, no inline style and no address to load from', () => {
    expect(page).not.toMatch(/<script|<iframe|<img|<object|<embed|<base|\sstyle=|\son\w+=|@import|url\(/i);
    const links = [...page.matchAll(/<link[^>]*>/g)].map(([link]) => link);
    expect(links).toEqual(['<link rel="icon" href="data:,">']);
    const targets = [...page.matchAll(/<a href="([^"]*)"/g)].map(([, href]) => href as string);
    expect(targets.filter((href) => !href.startsWith('#'))).toEqual(['openapi.json']);
  });

  test('has an end for every link, and each anchor once', () => {
    const anchors = [...page.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id as string);
    expect(new Set(anchors).size).toBe(anchors.length);
    const ends = [...page.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id as string);
    expect(ends.length).toBeGreaterThan(50);
    for (const end of ends) expect(anchors).toContain(end);
  });

  test('calls shared answers by what they say, and not by their names in the document', () => {
    const shared = [...page.matchAll(/<a href="#answer-[^"]*">([^<]*)<\/a>/g)].map(
      ([, text]) => text as string,
    );
    expect(shared).toContain('Another body');
    const names = Object.keys(openApiDocument(catalogue, app.url).components.responses);
    expect(shared.filter((text) => names.includes(text))).toEqual([]);
  });

  test('says of every call that needs credentials that it does', () => {
    expect(page).toContain('Calls that create or cancel tasks, and the history, need credentials.');
  });

  test('shows each call with its method, its summary and a line to try', () => {
    const document = openApiDocument(catalogue, app.url);
    for (const { name, method, path, operation } of callsOf(document)) {
      const [, after = ''] = page.split(`<article id="call-${operation.operationId}">`);
      const [article = ''] = after.split('</article>');
      expect(article, name).toContain(`${method.toUpperCase()}</span> <code>${path}</code>`);
      expect(unescaped(article), name).toContain(operation.summary);
      expect(article, name).toMatch(/<pre><code>curl -/);
      for (const status of Object.keys(operation.responses))
        expect(article).toContain(`<code>${status}</code>`);
      expect(article.includes('$SECRET'), name).toBe(operation.security.length > 0);
    }
  });

  test('shows each task with its parameters and its result', () => {
    for (const { name, description, parameters } of catalogue.values()) {
      const [, after = ''] = page.split(`<article id="object-${name}">`);
      const [article = ''] = after.split('</article>');
      expect(unescaped(article)).toContain(description.split('`')[0]);
      for (const parameter of Object.keys(parameters.properties))
        expect(article, name).toContain(`<code>${parameter}</code>`);
      expect(article).toContain('<h4>Result</h4>');
    }
  });

  test('shows text as text, whatever stands in it', () => {
    const text = '<script>alert(1)</script> & "quotes" `<b>`';
    const odd = defineTask({
      name: 'odd',
      description: text,
      parameters: Type.Object({ odd: Type.String({ description: text, default: '</pre><script>' }) }),
      result: Type.Null(),
      runsIn: 'worker',
      hasDeadline: true,
      run: async () => null,
    });
    const shown = docsPage(openApiDocument(new Map([['odd', odd]]), 'https://wyvern.example/<b>'));
    expect(shown).not.toMatch(/<script|<b>/);
    expect(shown).toContain(
      '&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quotes&quot; <code>&lt;b&gt;</code>',
    );
  });
});

// Without a Chromium on the PATH these are skipped: the page's text is tested above all the same.
describe.skipIf(chromium === undefined)(
  'In a browser (if a Chromium is on the PATH), /docs',
  { timeout: 120_000 },
  () => {
    test('is taken without a complaint, its style included', async () => {
      const { dom, complaints } = await visit(`${app.url}/docs`);
      expect(complaints).toEqual([]);
      expect(dom).toContain('<title>Wyvern: the API</title>');
      expect([...dom.matchAll(/<article/g)]).toHaveLength([...page.matchAll(/<article/g)].length);
    });

    test.each([320, 390, 768, 1_280])('needs no scrolling to the side %i pixels wide', async (width) => {
      // The page itself may run no script, so one around it does the measuring, on a copy without the policy.
      const frame = `<iframe src="/page" style="width:${width}px;height:800px"></iframe>`;
      const script = `<script>onload=()=>{const d=document.querySelector('iframe').contentDocument;
      d.querySelectorAll('details').forEach((e)=>{e.open=true});
      document.title='measured '+d.documentElement.scrollWidth+' of '+d.documentElement.clientWidth}</script>`;
      const server = createServer((request, response) => {
        response.setHeader('Content-Type', 'text/html; charset=utf-8');
        response.end(request.url === '/page' ? page : `<!doctype html><title></title>${frame}${script}`);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const { dom } = await visit(`http://127.0.0.1:${(server.address() as { port: number }).port}/`);
        const [, needed, given] = /measured (\d+) of (\d+)/.exec(dom) ?? [];
        expect(Number(given)).toBeGreaterThan(width - 40);
        expect(Number(needed)).toBe(Number(given));
      } finally {
        server.closeAllConnections();
        server.close();
      }
    });
  },
);
