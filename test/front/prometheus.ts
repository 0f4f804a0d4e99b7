const COMMENT = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/;
const LABEL = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"`;
const SAMPLE = new RegExp(
  String.raw`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{${LABEL}(?:,${LABEL})*,?\})? (\S+)( -?\d+)?$`,
);
// The parser of Prometheus takes NaN in letters of any size, and prom-client writes 'Nan'.
const VALUE = /^([+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?Inf|[Nn]a[Nn])$/;

/**
 * Reads Prometheus' text format 0.0.4 by its rules: every line a comment or a sample, the types known, a family
 * in one piece with its type in front, no sample twice. Throws on the first line that breaks one.
 */
export function parsePrometheus(text: string): ReadonlyMap<string, number> {
  if (!text.endsWith('\n')) throw new Error('the last line must end in a line feed');
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  let family = '';
  for (const line of text.split('\n').filter((line) => line !== '')) {
    const [, kind, name = '', rest = ''] = COMMENT.exec(line) ?? [];
    if (kind === 'TYPE') {
      if (types.has(name)) throw new Error(`${name} has two types`);
      if (!/^(counter|gauge|histogram|summary|untyped)$/.test(rest)) throw new Error(`no type: ${line}`);
      types.set(name, rest);
      family = name;
    } else if (kind === undefined) readSample(line, family, types, samples);
  }
  return samples;
}

function readSample(
  line: string,
  family: string,
  types: ReadonlyMap<string, string>,
  samples: Map<string, number>,
): void {
  const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? [];
  if (name === '' || !VALUE.test(value)) throw new Error(`neither a comment nor a sample: ${line}`);
  const hasParts = /^(histogram|summary)$/.test(types.get(family) ?? '');
  const base = hasParts ? name.replace(/_(bucket|sum|count)$/, '') : name;
  if (base !== family) throw new Error(`outside of its family: ${line}`);
  if (samples.has(name + labels)) throw new Error(`twice: ${line}`);
  samples.set(name + labels, Number(value.replace('Inf', 'Infinity')));
}
