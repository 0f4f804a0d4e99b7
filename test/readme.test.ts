import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Settings } from '../src/config.ts';
import { catalogue } from '../src/tasks/catalogue.ts';
import {
  FORMATS,
  MAX_SIDE,
  maxInputPixels,
  maxOutputPixels,
  maxSheetPixels,
} from '../src/tasks/image/limits.ts';
import { MAX_SCANS } from '../src/tasks/image/scans.ts';
import { PROMISES } from './faults/checker.ts';
import { callsOf, published } from './front/openapi-support.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const { scripts, engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const root = new URL('../', import.meta.url);
const adrs = readdirSync(new URL('ops/adr/', root)).map((name) => `ops/adr/${name}`);
const proseOf = (file: URL): string => readFileSync(file, 'utf8').replaceAll(/^```.*?^```/gms, '');

/** The names by which GitHub knows the headings of a page. */
const anchorsOf = (prose: string): string[] =>
  [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

/** The row that the README has for a setting. */
const rowOf = (name: string): string => {
  const { default: fallback, description } =
    (Settings.properties as Record<string, { default?: unknown; description?: string }>)[name] ?? {};
  const shown = fallback === undefined || fallback === '' ? '–' : `\`${fallback}\``;
  return `| \`${name}\` | ${shown} | ${description} |`;
};

describe('the README', () => {
  it('asks for the Node.js that the package asks for', () => {
    expect(readme).toContain(`You need Node.js ${engines.node.replace('>=', '')} or newer`);
  });

  it('tells each code of an error that the document tells', () => {
    const codes = callsOf(published()).flatMap(({ operation }) => Object.keys(operation.responses));
    const errors = [...new Set(codes)].filter((code) => Number(code) >= 400).sort();
    expect(errors).toContain('416');
    for (const code of errors) expect(readme).toMatch(new RegExp(`^\\| ${code} \\| `, 'm'));
  });

  it.each(Object.keys(Settings.properties))('has the setting %s as it is', (name) => {
    expect(readme).toContain(rowOf(name));
  });

  it('has no setting that there is not', () => {
    const rows = [...readme.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name);
    expect(rows.filter((name) => !Object.keys(Settings.properties).includes(name as string))).toEqual([]);
  });

  it.each([...catalogue.keys()])('has the task %s', (name) => {
    expect(readme).toContain(`| \`${name}\` |`);
  });

  it.each(FORMATS)('has the limits of %s as they are', (format) => {
    const mega = (pixels: number): string => String(Math.round(pixels / 1e6));
    const [read, slowly] = [false, true].map((inPasses) => mega(maxInputPixels(format, inPasses)));
    const passes = { jpeg: `, progressive ${slowly}`, png: `, interlaced ${slowly}` }[format as string] ?? '';
    const together = format === 'avif' ? '–' : mega(maxSheetPixels(format));
    const row = [`${read}${passes}`, mega(maxOutputPixels(format)), together].join(' | ');
    expect(readme).toMatch(new RegExp(`^\\| ${format} \\| ${row.replaceAll('|', '\\|')} \\|$`, 'im'));
    expect(readme).toContain(`${MAX_SIDE.toLocaleString('en')} pixels a side`);
    expect(readme).toContain(`${MAX_SCANS} scans`);
  });

  it.each(Object.keys(PROMISES))('has the promise that %s', (promise) => {
    expect(readme).toContain(`- **${promise}**`);
  });

  it('has no promise that the fault suite does not hold the service to', () => {
    const promises = [...readme.matchAll(/^- \*\*(.+?)\*\*/gm)].map(([, promise]) => promise);
    expect(promises).toEqual(Object.keys(PROMISES));
  });

  it('names commands that there are', () => {
    for (const [, name] of readme.matchAll(/npm run (?:-s )?([a-z]+)/g))
      expect(Object.keys(scripts)).toContain(name);
  });
});

it.each(['README.md', 'test/bench/README.md', ...adrs])('%s has no link that leads nowhere', (page) => {
  const here = new URL(page, root);
  for (const [, link = ''] of proseOf(here).matchAll(/\]\(([^)\s]+)\)/g)) {
    const to = new URL(link, here);
    if (to.protocol !== 'file:') continue;
    const anchor = to.hash.slice(1);
    to.hash = '';
    expect(existsSync(to), link).toBe(true);
    if (anchor !== '') expect(anchorsOf(proseOf(to)), link).toContain(anchor);
  }
});
