/** How brokers are reached. */
export type KafkaAccess = {
  /** `host:port` of some brokers; the others are found by them. */
  readonly brokers: readonly string[];
  /** Which setting names them, for whoever is to mend it; `kafka.brokers` when absent. */
  readonly brokersSetting?: string;
  readonly tls: {
    readonly mode: 'off' | 'on';
    /** PEM files; empty: none. */
    readonly caFile: string;
    readonly certificateFile: string;
    readonly keyFile: string;
  };
  readonly sasl: {
    readonly mechanism: 'none' | 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  };
};

/** What of the settings this folder works by: the section `kafka`, whose units and ranges it keeps. */
export type KafkaOptions = KafkaAccess & {
  readonly topicPrefix: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly retentionMs: number;
  readonly lingerMs: number;
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
};

/** The topic that carries the events. */
export type EventTopic = {
  readonly name: string;
  /** Place of the record with offset 0 of each partition: places count on where those of the topic before ended. */
  readonly firstPlace: number;
};

/** Returns the topic; `moved`: how often the log was moved to another one, and where the places of the newest begin. */
export function eventTopicOf(
  { topicPrefix }: Pick<KafkaOptions, 'topicPrefix'>,
  moved: { readonly generation: number; readonly firstPlace: number } = { generation: 0, firstPlace: 0 },
): EventTopic {
  const { generation, firstPlace } = moved;
  const name = `${topicPrefix}.events`;
  return { name: generation === 0 ? name : `${name}.${generation}`, firstPlace };
}
