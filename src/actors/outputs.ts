/** What goes to Kafka for others to read (docs/kafka-outputs.md): the records, and where those that must not be lost wait. */

export type OutputTopic = 'candles' | 'tickers' | 'trades' | 'supervision' | 'deadLetters';

export type OutputRecord = {
  readonly topic: OutputTopic;
  /** Records of one key stay in order. */
  readonly key: string;
  /** Names the record: whoever was told it twice knows it by this. */
  readonly id: string;
  /** A JSON object, decimals as strings. */
  readonly value: string;
};

export type WaitingOutput = OutputRecord & {
  /** Place in the outbox; what came later for the same key has a larger one. */
  readonly place: number;
};

export type OutboxSize = {
  /** About. */
  readonly waitingRecords: number;
  /** How long the oldest of them has waited. */
  readonly oldestMs: number;
};

/** The durable queue of records, shared by all nodes of a database. Any failure may be tried again. */
export interface OutputOutbox {
  /** Whether this node is the one to send now. It spares repeats, and keeps no promise: two senders are one too many, never wrong. */
  takeTurn(): Promise<boolean>;
  /** The oldest ones, in order. */
  read(limit: number): Promise<WaitingOutput[]>;
  /** Those are sent. */
  remove(places: readonly number[]): Promise<void>;
  measure(): Promise<OutboxSize>;
}
