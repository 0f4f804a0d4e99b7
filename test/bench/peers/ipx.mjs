// IPX over HTTP, as its own documentation serves it, for sources on loopback.
// node ipx.mjs <http port>
import { createServer } from 'node:http';
import { createIPX, createIPXNodeServer, ipxHttpStorage } from 'ipx';

const ipx = createIPX({ httpStorage: ipxHttpStorage({ allowAllDomains: true }), maxAge: 0 });
createServer(createIPXNodeServer(ipx)).listen(Number(process.argv[2]), '127.0.0.1', () =>
  process.send?.('ready'),
);
