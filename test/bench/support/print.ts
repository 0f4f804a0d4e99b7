import type { Report, Row, Scenario } from './scenario.ts';

/** A scenario's outcome as Markdown, so that what the terminal shows can stand in a document as it is. */
export function asMarkdown({ name, goal }: Scenario, { rows, verdicts, notes = [] }: Report): string {
  const judged = verdicts.map(
    (verdict) => `- ${verdict.isMet ? 'met' : 'MISSED'}: ${verdict.goal}; measured ${verdict.measured}`,
  );
  const told = notes.map((note) => `- ${note}`);
  return [`## ${name}`, '', `Goal: ${goal}.`, '', ...table(rows), '', ...judged, ...told, ''].join('\n');
}

function table(rows: readonly Row[]): string[] {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const body = rows.map((row) => line(columns.map((column) => shown(row[column]))));
  return [line(columns), line(columns.map(() => '---')), ...body];
}

const shown = (value: string | number | undefined): string =>
  typeof value === 'number' ? value.toLocaleString('en') : (value ?? '–');
