import { closedLoop } from '../support/callers.ts';
import { rowOf, type Turn } from '../support/comparison.ts';
import { median } from '../support/numbers.ts';
import { PhotoOrigin } from '../support/photo-origin.ts';
import { type Effort, type Report, type Scenario, scaled } from '../support/scenario.ts';
import { cpuColumns, Wyvern } from '../support/wyvern.ts';

const CALLERS = 64;
const IMAGES = 4_000;
const GOAL = 1_000;

export const imageInfo: Scenario = {
  name: 'image-info',
  goal: `image.info of JPEGs of 512 × 384 pixels from an HTTP source, ${CALLERS} callers: ≥ ${GOAL.toLocaleString('en')}/s`,
  run,
};

async function run(effort: Effort): Promise<Report> {
  const total = scaled(IMAGES, effort, CALLERS);
  await using origin = await PhotoOrigin.start(512, 384);
  await using wyvern = await Wyvern.start({ SYNC: '1s', FETCH_ALLOW: origin.host });
  let asked = 0;
  const measure = async (): Promise<Turn> => {
    const work = () =>
      closedLoop(wyvern.url, CALLERS, total, async (connection) => {
        const task = { task_name: 'image.info', url: `${origin.url}/${asked++}.jpg` };
        const body = JSON.stringify({ tasks: task, block: true });
        const answer = await connection.request('POST', '/v1/create', wyvern.head, body);
        if (!answer.body.includes('"success"')) throw new Error(answer.body);
        return answer;
      });
    const { value, cpuMs } = await wyvern.cpuDuring(work);
    return { rate: total / value.seconds, latencies: value.latencies, columns: cpuColumns(cpuMs, total) };
  };
  await measure();
  const turns: Turn[] = [];
  for (let round = 0; round < effort.rounds; round++) turns.push(await measure());
  const rate = Math.round(median(turns.map((turn) => turn.rate)));
  return {
    rows: [rowOf('Wyvern', '1s', 'images', turns)],
    verdicts: [{ goal: `≥ ${GOAL} a second`, measured: `${rate} a second`, isMet: rate >= GOAL }],
  };
}
