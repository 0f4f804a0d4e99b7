import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { freePort } from '../../../src/free-port.ts';
import { closedLoop } from '../support/callers.ts';
import { judgeRates, rowOf, type Turn } from '../support/comparison.ts';
import { arePeersInstalled, Peer, peerProgram } from '../support/peer.ts';
import { PhotoOrigin } from '../support/photo-origin.ts';
import { type Contestant, inTurn } from '../support/rounds.ts';
import { type Effort, type Report, type Scenario, scaled } from '../support/scenario.ts';
import { megabytes } from '../support/usage.ts';
import { cpuColumns, Wyvern } from '../support/wyvern.ts';

const CALLERS = 4;
const THUMBS = 200;
const WIDTH = 300;
/** Turns of each before the first that counts: after a thousand images V8 has compiled what is used, on either side. */
const WARM_UP = 5;
const MEMORY_GOAL = 400;
const LOOP = fileURLToPath(new URL('../support/sharp-loop.mjs', import.meta.url));

export const thumbs: Scenario = {
  name: 'thumbs',
  goal: `image.thumb of a 12-megapixel JPEG from an HTTP source, ${CALLERS} callers: ≥ 0.95 of a bare sharp loop, ahead of IPX, under ${MEMORY_GOAL} MB`,
  run,
};

let asked = 0;

async function run(effort: Effort): Promise<Report> {
  const total = scaled(THUMBS, effort, CALLERS);
  await using origin = await PhotoOrigin.start(4_000, 3_000);
  await using wyvern = await Wyvern.start({ SYNC: '1s', FETCH_ALLOW: origin.host });
  await using loop = await Peer.start(LOOP, CALLERS);
  const port = await freePort();
  await using ipx = arePeersInstalled() ? await Peer.start(peerProgram('ipx'), port) : undefined;
  const contestants: Contestant<Turn>[] = [
    ours(wyvern, origin, total),
    { name: 'bare sharp loop', measure: () => askLoop(loop, origin, total) },
    ...(ipx ? [{ name: 'IPX', measure: () => askIpx(port, origin, total) }] : []),
  ];
  for (const { measure } of contestants)
    for (let turn = 0; turn < (effort.isSmoke ? 1 : WARM_UP); turn++) await measure();
  const turns = await inTurn(contestants, effort.rounds);
  const peak = megabytes(wyvern.peakBytes());
  const of = (name: string) => turns.get(name);
  return {
    rows: [...turns].map(([name, taken]) => rowOf(name, name === 'Wyvern' ? '1s' : 'none', 'thumbs', taken)),
    verdicts: [
      ...judgeRates('≥ 0.95 of a bare sharp loop', 0.95, of('Wyvern') ?? [], of('bare sharp loop')),
      ...judgeRates('ahead of IPX', 1, of('Wyvern') ?? [], of('IPX')),
      {
        goal: `all processes under ${MEMORY_GOAL} MB at their peaks`,
        measured: `${peak} MB`,
        isMet: peak < MEMORY_GOAL,
      },
    ],
    notes: ipx ? [] : ['IPX is skipped: the peers are not installed (npm run bench does it)'],
  };
}

const ours = (wyvern: Wyvern, origin: PhotoOrigin, total: number): Contestant<Turn> => ({
  name: 'Wyvern',
  measure: async () => {
    const work = () =>
      closedLoop(wyvern.url, CALLERS, total, async (connection) => {
        const task = { task_name: 'image.thumb', url: `${origin.url}/${asked++}.jpg`, width: WIDTH };
        const answer = await connection.request(
          'POST',
          '/v1/create',
          wyvern.head,
          JSON.stringify({ tasks: task, block: true }),
        );
        if (!answer.body.includes('"success"')) throw new Error(answer.body);
        return answer;
      });
    const { value, cpuMs } = await wyvern.cpuDuring(work);
    return { rate: total / value.seconds, latencies: value.latencies, columns: cpuColumns(cpuMs, total) };
  },
});

async function askLoop(loop: Peer, origin: PhotoOrigin, total: number): Promise<Turn> {
  const { seconds } = await loop.ask<{ seconds: number }>({ url: `${origin.url}/photo.jpg`, total });
  return { rate: total / seconds, latencies: [] };
}

async function askIpx(port: number, origin: PhotoOrigin, total: number): Promise<Turn> {
  const latencies: number[] = [];
  let left = total;
  const call = async (): Promise<void> => {
    while (left-- > 0) {
      const askedAt = performance.now();
      const source = `${origin.url}/${asked++}.jpg`;
      const { statusCode, body } = await request(`http://127.0.0.1:${port}/w_${WIDTH},q_80,f_jpeg/${source}`);
      await body.arrayBuffer();
      if (statusCode !== 200) throw new Error(`IPX answered ${statusCode}`);
      latencies.push(performance.now() - askedAt);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: CALLERS }, call));
  return { rate: total / ((performance.now() - startedAt) / 1_000), latencies };
}
