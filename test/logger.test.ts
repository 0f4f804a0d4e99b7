import { prettyFactory } from 'pino-pretty';
import { expect, test } from 'vitest';
import { ON_A_TERMINAL } from '../src/logger.ts';

test('a terminal shows one line an event: the time, the part, the message and what else is known', () => {
  const show = prettyFactory({ ...ON_A_TERMINAL, colorize: false });
  const event = {
    level: 'info',
    time: '2026-11-24T10:00:00.123Z',
    part: 'front',
    port: 8080,
    msg: 'listening',
  };
  const lines = show(event).split('\n').slice(0, -1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\.123\] INFO: \[front\] listening \{"port":8080\}$/);
});
