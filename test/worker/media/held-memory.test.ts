import { expect, test } from 'vitest';
import { codeBytes } from '../../../src/worker/media/held-memory.ts';

test('What Node.js 24 sets aside for code is found in the map of its memory, and nothing else', () => {
  const maps = `0074d000-03081000 r-xp 0034d000 fe:00 1234 /usr/local/bin/node
7f1b37800000-7f1b57580000 rwxp 00000000 00:00 0
7f1b577c0000-7f1b5f7f0000 ---p 00000000 00:00 0
7f1b6f800000-7f1b70000000 rw-p 00000000 00:00 0 [heap]
`;
  expect(codeBytes(maps)).toBe(0x7f1b57580000 - 0x7f1b37800000);
  expect(codeBytes('')).toBe(0);
});
