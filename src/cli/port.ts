import { type Config, childEnvironment, readConfig } from '../config.ts';
import { freePort, probePort } from '../free-port.ts';
import { CannotStart } from './terminal.ts';

/** The settings with a real port in place of 0, which asks for any that is free. Rejects with `CannotStart`. */
export async function withPort(config: Config): Promise<Config> {
  if (config.PORT !== 0) return config;
  const port = await freePort(config.HOST).catch((error) => cannotListen(config, error));
  return readConfig(childEnvironment({ PORT: String(port) }));
}

/** Says in one line that the port cannot be had, before anything is started. Rejects with `CannotStart`. */
export async function checkPort(config: Config): Promise<void> {
  await probePort(config.HOST, config.PORT).catch((error) => cannotListen(config, error));
}

function cannotListen({ HOST, PORT }: Config, { code, message }: NodeJS.ErrnoException): never {
  const isTaken = code === 'EADDRINUSE';
  const reason = isTaken ? 'the port is in use' : message;
  const advice =
    isTaken || code === 'EACCES' ? 'set PORT to another one' : 'set HOST to an address of this machine';
  throw new CannotStart(`cannot listen on ${HOST}:${PORT}: ${reason}; ${advice}`);
}
