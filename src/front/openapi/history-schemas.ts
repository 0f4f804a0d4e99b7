import Type, { type TProperties } from 'typebox';
import { Canceled, Completed, Failed, Progress, Queued, Retried, Started } from '../../../actors/event.ts';
import { schemaRef } from './parts.ts';

const KeyRef = Type.Ref(schemaRef('Key').$ref);
const Seq = Type.Integer({ minimum: 0, description: 'Position in the whole log, from 1' });
const late = Type.Optional(
  Type.Literal(true, { description: 'It arrived after the end, and changed nothing' }),
);
const kinds: readonly TProperties[] = [Queued, Started, Progress, Retried, Completed, Failed, Canceled].map(
  ({ properties }) => properties,
);

/** What an event has beside what all events have. */
const dataOf = ({ type: _type, at: _at, account: _account, ...data }: TProperties) => Type.Object(data);
const time = Queued.properties.at;

/** An event as it is shown: what the log stores, its date beside it. */
const shown = (properties: TProperties, more: TProperties = {}) =>
  Type.Object({
    seq: Seq,
    time,
    type: properties.type as typeof Queued.properties.type,
    key: KeyRef,
    ...more,
    data: dataOf(properties),
    late,
  });

const owner = {
  task_name: Type.String(),
  account: Type.String({ description: 'Whose task it is' }),
};
const gap = Type.Object(
  { from: Seq, to: Seq },
  {
    description:
      'The log has let go of the events with these sequences; some of them may have been among those asked for',
  },
);
const unreadable = Type.Object(
  { seq: Seq, reason: Type.String() },
  { description: 'This record cannot be read. Told to auditors only, since its owner is not known' },
);
const heartbeat = Type.Object(
  { seq: Seq },
  { description: 'There is nothing new. All that was asked for has been told up to this sequence' },
);

const envelope = {
  specversion: Type.Literal('1.0'),
  id: Type.String({ description: "The event's sequence; or a name for what is not in the log as an event" }),
  source: Type.String({ description: "The service's own URL" }),
  datacontenttype: Type.Literal('application/json'),
};
const told = (name: string, data: ReturnType<typeof Type.Object>) =>
  Type.Object({ ...envelope, type: Type.Literal(`wyvern.log.${name}`), data });

/** What histories and feeds of events are made of, under the names by which the document refers to them. */
export const HISTORY_SCHEMAS = {
  HistoryEvent: Type.Union(
    kinds.map((properties) => shown(properties)),
    { description: 'One event of a task' },
  ),
  HistoryGap: Type.Object(
    { gap },
    {
      description: 'Stands for the beginning of a history that neither the log nor its archive has any more',
    },
  ),
  HistoryLine: Type.Union(
    [
      ...kinds.map((properties) => shown(properties, owner)),
      Type.Object({ gap }),
      Type.Object({ unreadable }),
      Type.Object({ heartbeat }),
    ],
    { description: 'One line of a feed of events' },
  ),
  CloudEvent: Type.Union(
    [
      ...kinds.map((properties) =>
        Type.Object({
          ...envelope,
          type: Type.Literal(`wyvern.task.${(properties.type as typeof Queued.properties.type).const}`),
          subject: KeyRef,
          time,
          taskname: owner.task_name,
          account: owner.account,
          data: dataOf(properties),
          late,
        }),
      ),
      told('gap', gap),
      told('unreadable', unreadable),
      told('heartbeat', heartbeat),
    ],
    { description: 'One line of a feed of events, as a CloudEvent 1.0' },
  ),
} as const;
