import { expect, it } from 'vitest';
import { parseUrl } from '../src/parse-url.ts';

it('a URL is parsed the ten-thousandth time as it was the first, whatever its letters', () => {
  for (let time = 0; time < 10_000; time++)
    expect(parseUrl('/straße', 'http://bücher.example/')?.href).toBe(
      'http://xn--bcher-kva.example/stra%C3%9Fe',
    );
  expect(parseUrl('no URL')).toBeUndefined();
});
