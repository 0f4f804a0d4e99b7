import type { Config } from '../config.ts';
import { CannotStart } from './terminal.ts';

/** `NATS_URL`, which the parts of the service cannot do without. */
export function natsUrlOf({ NATS_URL }: Config): string {
  if (NATS_URL) return NATS_URL;
  throw new CannotStart(
    "NATS_URL is missing: set it, or run 'npm start', which brings a nats-server of its own",
  );
}
