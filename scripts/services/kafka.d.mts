export type KafkaNode = {
  readonly id: number;
  readonly port: number;
  readonly proxiedPorts: readonly number[];
  readonly address: string;
  readonly securedAddress: string;
  readonly isRunning: boolean;
  start(): Promise<void>;
  kill(): Promise<void>;
  stop(): Promise<void>;
};

type Kafka = {
  readonly url: string;
  readonly port: number;
  readonly version: string;
  readonly nodes: readonly KafkaNode[];
  readonly stop: () => Promise<void>;
};

export function startKafka(options?: {
  nodeCount?: number;
  proxyPorts?: readonly (readonly number[])[];
  secured?: {
    /** PEM: the broker's key and certificate, and the authority of its clients. */
    readonly keystoreFile: string;
    readonly truststoreFile: string;
    readonly user: string;
    readonly password: string;
  };
  isDetached?: boolean;
}): Promise<Kafka>;
export function kafkaVersion(brokers: string): Promise<string>;
