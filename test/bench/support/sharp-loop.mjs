// The limit that images are measured against: sharp alone in a loop, `atOnce` images side by side, no service
// around it. Fetches each source anew, as a service must. On each message {url, total} tells the seconds it took.
// node sharp-loop.mjs <at once>
import sharp from 'sharp';
import { request } from 'undici';

sharp.concurrency(1);
sharp.cache(false);
const atOnce = Number(process.argv[2]);

async function thumb(url) {
  const { body } = await request(url);
  const source = Buffer.from(await body.arrayBuffer());
  return sharp(source).autoOrient().resize(300, 300, { fit: 'inside' }).jpeg({ quality: 80 }).toBuffer();
}

process.on('message', async ({ url, total }) => {
  let left = total;
  const loop = async () => {
    while (left-- > 0) await thumb(url);
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: atOnce }, loop));
  process.send({ seconds: (performance.now() - startedAt) / 1_000 });
});
process.send?.('ready');
