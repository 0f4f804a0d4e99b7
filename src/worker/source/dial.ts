import { isIP, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { deferred } from '../../deferred.ts';
import { hostOf, portOf, withoutDot } from '../../parse-url.ts';
import { connectFault, Fault, lookupFault } from './fault.ts';
import type { Gate } from './gate.ts';
import { LendingSocket } from './lending-socket.ts';
import type { LookUps } from './look-ups.ts';

export interface DialSettings {
  readonly gate: Gate;
  readonly lookUps: LookUps;
  /** Certificates (PEM) to trust instead of the runtime's own list. */
  readonly ca: string | undefined;
  /** What the tries of all addresses together may take. The caller's signal ends a dial that takes longer. */
  readonly connectMs: number;
}

// A name with a thousand addresses would make a port scanner of us. All are checked, the first few are tried.
const MAX_TRIED = 4;

/**
 * A connection to where `url` points, TLS included.
 *
 * The name is looked up once; every address it has must be allowed, and the connection goes to one of these
 * very addresses, so no second look-up can answer otherwise. What the socket says of its peer is checked
 * again before a byte is sent. Rejects with `Fault`, or with the signal's reason; no socket is left then.
 *
 * Calls `onBegin` when other look-ups are not waited for any more, only strangers.
 */
export async function dial(
  url: URL,
  settings: DialSettings,
  signal: AbortSignal,
  onBegin: () => void,
): Promise<Socket> {
  const host = hostOf(url);
  const port = portOf(url);
  settings.gate.checkPort(host, port);
  const addresses = await addressesOf(host, settings.lookUps, signal, onBegin);
  for (const address of addresses) settings.gate.checkAddress(host, address, port);
  const isSecure = url.protocol === 'https:';
  // TLS has memory of its own.
  const create = () => (isSecure ? new Socket() : new LendingSocket());
  const socket = await connectToOne(
    create,
    inTurn(addresses).slice(0, MAX_TRIED),
    port,
    settings.connectMs,
    signal,
  );
  try {
    if (socket.remoteAddress === undefined) throw connectFault(closedEarly());
    settings.gate.checkAddress(host, socket.remoteAddress, port);
    return isSecure ? await secure(socket, host, settings.ca, signal) : socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function addressesOf(
  host: string,
  lookUps: LookUps,
  signal: AbortSignal,
  onBegin: () => void,
): Promise<readonly string[]> {
  if (isIP(host) !== 0) {
    onBegin();
    return [host];
  }
  const addresses = await lookUps.find(host, signal, onBegin).catch((error: unknown) => {
    throw signal.aborted ? error : lookupFault(error);
  });
  if (addresses.length === 0) throw new Fault('could not be found');
  return addresses;
}

/** The addresses of both families in turn, as whoever is first has it: this machine may have no way to one of them. */
function inTurn(addresses: readonly string[]): readonly string[] {
  const family = isIP(addresses[0] ?? '');
  const first = addresses.filter((address) => isIP(address) === family);
  const second = addresses.filter((address) => isIP(address) !== family);
  const pairs = first.flatMap((address, index) => [address, ...second.slice(index, index + 1)]);
  return [...pairs, ...second.slice(first.length)];
}

async function connectToOne(
  create: () => Socket,
  addresses: readonly string[],
  port: number,
  connectMs: number,
  signal: AbortSignal,
): Promise<Socket> {
  let failure: unknown;
  for (const address of addresses) {
    const socket = create().setNoDelay(true).connect({ host: address, port });
    // An address that swallows packets must leave time for the next one.
    const giveUp = () => socket.destroy(systemError('ETIMEDOUT', 'connecting took too long'));
    const timer = address === addresses.at(-1) ? undefined : setTimeout(giveUp, connectMs / addresses.length);
    try {
      return await opened(socket, 'connect', signal);
    } catch (error) {
      if (signal.aborted) throw error;
      failure = error;
    } finally {
      clearTimeout(timer);
    }
  }
  throw connectFault(failure);
}

async function secure(
  socket: Socket,
  host: string,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  const secured = connectTls({
    socket,
    // For checking the certificate of a literal; SNI takes names only.
    host,
    ...(isIP(host) === 0 && { servername: withoutDot(host) }),
    ...(ca !== undefined && { ca }),
    ALPNProtocols: ['http/1.1'],
  });
  return opened(secured, 'secureConnect', signal).catch((error: unknown) => {
    throw signal.aborted ? error : connectFault(error);
  });
}

/** Resolves with the socket on `event`; destroys it and rejects when it fails, closes, or the signal says stop. */
function opened(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<Socket> {
  const { promise, resolve, reject } = deferred<Socket>();
  const fail = (error: unknown) => {
    reject(error);
    socket.destroy();
  };
  const onAbort = () => fail(signal.reason);
  const onClose = () => fail(closedEarly());
  // Stays on: between here and the next owner an error without a listener would end the process.
  socket.on('error', fail);
  socket.once('close', onClose);
  socket.once(event, () => resolve(socket));
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return promise.finally(() => {
    socket.off('close', onClose);
    signal.removeEventListener('abort', onAbort);
  });
}

const closedEarly = (): Error => systemError('ECONNRESET', 'closed while connecting');

const systemError = (code: string, message: string): Error => Object.assign(new Error(message), { code });
