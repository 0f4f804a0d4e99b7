/* A process that looks up a name at a name server which never answers: a pipe that nobody writes to. */
import { open } from 'node:fs/promises';
import { endAtOnce } from '../../dist/src/cli/lifecycle.js';
import { Fetcher } from '../../dist/src/worker/source/fetcher.js';

const [pipe, code] = process.argv.slice(2);
const resolver = async () => {
  setTimeout(() => process.exit(Number(code)), 100);
  await open(pipe);
  return [];
};
const fetcher = new Fetcher({ ports: [80], allow: [], resolver });
endAtOnce(() => fetcher.isLookingUp);
void fetcher.fetch('http://dead.example/', {}, new AbortController().signal).catch(() => {});
