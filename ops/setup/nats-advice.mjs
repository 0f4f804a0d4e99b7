import { archiveName, RELEASES_PAGE } from './nats-release.mjs';
import { OLDEST_VERSION } from './nats-version.mjs';

const WAYS = {
  PATH: 'nats-server on PATH',
  '.cache': 'one fetched earlier, in .cache/nats-server',
  apt: "Debian's package, by apt-get",
  release: "nats-server's release archive",
};

/**
 * The one message for a machine where no nats-server could be had: what was tried, why it failed, what to
 * do.
 */
export const adviceAfter = (tried) =>
  [
    `No nats-server ${OLDEST_VERSION} or newer was found, and none could be fetched. Tried, in this order:`,
    ...tried.map(([way, why]) => `  - ${WAYS[way]}: ${why}`),
    'Any one of these is enough:',
    '  - Homebrew: brew install nats-server',
    `  - a download: ${archiveName() ?? 'the archive for your platform'} from ${RELEASES_PAGE};`,
    '    unpack it onto PATH, or set NATS_SERVER to the path of the program',
    '  - a container: docker run -p 127.0.0.1:4222:4222 nats:latest -js, then set NATS_URL=nats://127.0.0.1:4222',
    '  - a nats-server with JetStream that runs already: set NATS_URL to its address',
  ].join('\n');
