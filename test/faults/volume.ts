import { execFile } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Room for the log and the outputs of a run of some minutes. */
const SIZE = '400M';
const FILLER = 'filler';

/** `EXT4_IOC_SHUTDOWN` with `NOLOGFLUSH`: nothing more reaches the device, and what is not there is forgotten. */
const SHUT_DOWN = [
  'open(my $folder, "<", $ARGV[0]) or die $!;',
  'my $flag = pack("L", 2);',
  'ioctl($folder, 0x8004587d, $flag) or die $!;',
].join(' ');

/** The machine does not let us have a file system of our own; the message says what it lacks. */
export class NoVolume extends Error {
  override readonly name = 'NoVolume';
}

/**
 * A small ext4 file system in a file, as the disk of the service. It can be filled to the last byte, and it
 * can lose power: the kernel is told to forget all that has not been synced.
 */
export class Volume {
  readonly folder: string;
  readonly #image: string;

  private constructor(folder: string, image: string) {
    this.folder = folder;
    this.#image = image;
  }

  /** Needs root on Linux, with loop devices, mkfs.ext4 and perl. Rejects with `NoVolume`. */
  static async mount(root: string): Promise<Volume> {
    if (process.platform !== 'linux' || process.getuid?.() !== 0)
      throw new NoVolume('a file system of our own needs root on Linux');
    const volume = new Volume(join(root, 'disk'), join(root, 'disk.img'));
    await mkdir(volume.folder, { recursive: true });
    try {
      await run('perl', ['-e', '1']);
      await run('truncate', ['-s', SIZE, volume.#image]);
      await run('mkfs.ext4', ['-q', volume.#image]);
      await volume.#mount();
    } catch (cause) {
      throw new NoVolume(`a file system of our own could not be made: ${cause}`, { cause });
    }
    return volume;
  }

  /** Returns when no byte is free. */
  async fill(): Promise<void> {
    const filler = createWriteStream(join(this.folder, FILLER));
    await writeUntilFull(filler);
  }

  async empty(): Promise<void> {
    await rm(join(this.folder, FILLER), { force: true });
  }

  /** Makes what is there survive `losePower`. */
  async sync(): Promise<void> {
    await run('sync', ['-f', this.folder]);
  }

  /** From now on every write fails, until `restorePower`. */
  async losePower(): Promise<void> {
    await run('perl', ['-e', SHUT_DOWN, this.folder]);
  }

  /** Nobody may have a file of it open. */
  async restorePower(): Promise<void> {
    await run('umount', [this.folder]);
    await this.#mount();
  }

  async unmount(): Promise<void> {
    await run('umount', [this.folder]);
    await rm(this.#image, { force: true });
  }

  async #mount(): Promise<void> {
    await run('mount', ['-o', 'loop', this.#image, this.folder]);
  }
}

function writeUntilFull(filler: WriteStream): Promise<void> {
  const block = Buffer.alloc(1 << 20);
  return new Promise((resolve, reject) => {
    const write = (): void => {
      filler.write(block, (error) => error ?? write());
    };
    filler.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ENOSPC' ? resolve() : reject(error),
    );
    write();
  });
}
