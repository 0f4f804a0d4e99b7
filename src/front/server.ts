import uws, { type us_listen_socket } from 'uWebSockets.js';
import type { Config } from '../config.ts';

/** The address is taken, or not ours to take; uWebSockets.js does not say which. */
export class CannotListen extends Error {
  override readonly name = 'CannotListen';
}

export type Server = uws.TemplatedApp;

export const newServer = ({ TLS_CERT, TLS_KEY }: Pick<Config, 'TLS_CERT' | 'TLS_KEY'>): Server =>
  TLS_CERT && TLS_KEY ? uws.SSLApp({ cert_file_name: TLS_CERT, key_file_name: TLS_KEY }) : uws.App();

/** Opens the port, for this process alone. Rejects with `CannotListen`. */
export const listen = (server: Server, host: string, port: number): Promise<us_listen_socket> =>
  new Promise((resolve, reject) => {
    const onListening = (socket: us_listen_socket | false): void => {
      if (socket) resolve(socket);
      else reject(new CannotListen(`cannot listen on ${host}:${port}`));
    };
    (server as unknown as ListenWithOptions).listen(host, port, EXCLUSIVE_PORT, onListening);
  });

// uWebSockets.js shares ports between processes unless told otherwise; its types do not know how.
const EXCLUSIVE_PORT = 1;
type ListenWithOptions = {
  listen(
    host: string,
    port: number,
    options: number,
    callback: (socket: us_listen_socket | false) => void,
  ): void;
};
