import { type Config, childEnvironment, readConfig } from '../config.ts';
import { freePort } from '../free-port.ts';

/** The settings with a real port in place of 0, which asks for any that is free. */
export const withPort = async (config: Config): Promise<Config> =>
  config.PORT === 0 ? readConfig(childEnvironment({ PORT: String(await freePort(config.HOST)) })) : config;
