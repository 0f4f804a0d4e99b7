import type { JetStreamManager, SeqMsgRequest } from '@nats-io/jetstream';

/** Questions to the server that are on their way at once. */
const AT_ONCE = 32;

export interface Part {
  readonly stream: string;
  readonly from: number;
  readonly to: number;
  /** Subjects; none stands for all. */
  readonly filters: readonly string[];
}

/**
 * Whether a stream has a message there, as its leader knows it: a consumer knows only what its replica has. True while
 * nobody leads, since then nothing is known to be missing. One question a subject, 0.1-0.3 ms each.
 */
export async function leaderHas(
  manager: JetStreamManager,
  { stream, from, to, filters }: Part,
): Promise<boolean> {
  const subjects = filters.length > 0 ? filters : ['>'];
  try {
    for (let at = 0; at < subjects.length; at += AT_ONCE) {
      const asked = subjects.slice(at, at + AT_ONCE).map((subject) => {
        // The client knows of this question where replicas answer it only.
        const next = { seq: from, next_by_subj: subject } as SeqMsgRequest;
        return manager.streams.getMessage(stream, next);
      });
      for (const next of await Promise.all(asked)) if (next && next.seq <= to) return true;
    }
    return false;
  } catch {
    return true;
  }
}
