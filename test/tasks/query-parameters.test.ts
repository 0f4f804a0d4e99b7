import { describe, expect, it } from 'vitest';
import { convertQuery } from '../../src/tasks/query-parameters.ts';
import { task } from './every-parameter.ts';

describe('parameters in a query', () => {
  const convert = (query: string) => convertQuery(task, new URLSearchParams(query));

  it('take the types that the schema asks for', () => {
    expect(convert('width=92&factor=0.5&crop=true&rotation=90&format=png&images=a&images=b')).toEqual({
      width: 92,
      factor: 0.5,
      crop: true,
      rotation: 90,
      format: 'png',
      images: ['a', 'b'],
    });
    expect(convert('crop=1')).toEqual({ crop: true });
    expect(convert('crop=0')).toEqual({ crop: false });
    expect(convert('sizes={"a":{"width":5}}')).toEqual({ sizes: { a: { width: 5 } } });
  });

  it('stay text where they cannot, so that the check names them', () => {
    expect(convert('width=92px&crop=yes&sizes={&colour=5')).toEqual({
      width: '92px',
      crop: 'yes',
      sizes: '{',
      colour: '5',
    });
    expect(convert('width=0x10&factor=NaN')).toEqual({ width: '0x10', factor: 'NaN' });
  });

  it('given twice where one is wanted are not chosen among', () => {
    expect(convert('width=1&width=2')).toEqual({ width: ['1', '2'] });
  });
});
