import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TaskFailure } from '../../../actors/failure.ts';
import type { Source } from '../../../src/tasks/definition.ts';
import { webpClaiming } from '../../support/broken-images.ts';
import { hasPrlimit } from '../../support/prlimit.ts';
import { type Pooling, startPool } from './pooling.ts';

const PROGRAM = fileURLToPath(new URL('../../../dist/src/cli/wyvern.js', import.meta.url));

let folder: string;
let pooling: Pooling;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wyvern-catalogue-'));
  pooling = await startPool({ childCommand: { modulePath: PROGRAM, args: ['media'] } });
});
afterAll(async () => {
  await pooling[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function spool(name: string, data: Uint8Array): Promise<Source> {
  const path = join(folder, name);
  await writeFile(path, data);
  return { url: `http://a.example/${name}`, path, bytes: (await stat(path)).size };
}

describe('the command `media`', () => {
  it('runs the tasks of the catalogue', async () => {
    const create = { width: 40, height: 20, channels: 3, background: '#c00000' } as const;
    const source = await spool('red.png', await sharp({ create }).png().toBuffer());
    const info = await pooling.give('image.info', { url: source.url }, [source]).result;
    expect(info).toMatchObject({ content_type: 'image/png', width: 40, height: 20, bytes: source.bytes });

    const parameters = {
      ...{ url: source.url, width: 10, crop: false, rotation: 0 },
      ...{ poster: false, format: 'webp', quality: 80 },
    };
    const thumb = pooling.give('image.thumb', parameters, [source]);
    expect(await thumb.result).toMatchObject({ width: 10, height: 5, content_type: 'image/webp' });
    const [output] = thumb.outputs;
    expect(await sharp(output?.data).metadata()).toMatchObject({ format: 'webp', width: 10, height: 5 });
  });

  it('puts images together that would not fit into its memory together', async () => {
    // 49 megapixels each, 196 MB when decoded; a child may have 800 MB.
    const source = await spool('large.webp', webpClaiming(7_000, 7_000));
    const sources = new Array<Source>(5).fill(source);
    const parameters = { urls: sources.map(({ url }) => url), width: 20, crop: false, format: 'jpeg' };
    const strip = pooling.give('image.strip', parameters, sources);
    expect(await strip.result).toMatchObject({ count: 5, width: 100, height: 20 });
    expect(strip.outputs).toHaveLength(1);
  });

  const large = { width: 8_192, height: 8_192, crop: false, rotation: 90, poster: false, quality: 80 };

  it('enlarges to the largest size, and turns what comes of it', { timeout: 60_000 }, async () => {
    const create = { width: 100, height: 100, channels: 3, background: '#c00000' } as const;
    const source = await spool('flat.png', await sharp({ create }).png().toBuffer());
    const thumb = pooling.give('image.thumb', { ...large, url: source.url, format: 'jpeg' }, [source]);
    expect(await thumb.result).toMatchObject({ width: 8_192, height: 8_192 });
  });

  it.runIf(hasPrlimit)(
    'blames no small source for a result that is too large',
    { timeout: 60_000 },
    async () => {
      const side = 700;
      const raw = { width: side, height: side, channels: 4 } as const;
      const noise = sharp(randomBytes(side * side * 4), { raw });
      const source = await spool('noise.png', await noise.png().toBuffer());
      const thumb = pooling.give('image.thumb', { ...large, url: source.url, format: 'webp' }, [source]);
      expect(await thumb.failure).toMatchObject({
        message: 'the result needs more memory than one task may take',
        passing: false,
      });
    },
  );

  it('says in words for the client what is wrong with a source', async () => {
    const source = await spool('broken.png', Buffer.from('no image at all'));
    const failure = await pooling.give('image.info', { url: source.url }, [source]).failure;
    expect(failure).toBeInstanceOf(TaskFailure);
    expect(failure).toMatchObject({ message: expect.stringContaining(source.url), passing: false });
  });

  it('takes no name that is no task', async () => {
    const failure = await pooling.give('constructor').failure;
    expect(failure).toMatchObject({ message: "the media child knows no task 'constructor'" });
  });
});
