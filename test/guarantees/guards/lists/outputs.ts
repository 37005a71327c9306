import type { Guard } from '../guard.ts';

const OUTPUTS = 'test/kafka/outputs.int.test.ts';

/** What keeps topics of Kafka whole and in order, whatever is killed. */
export const outputs: readonly Guard[] = [
  {
    holds: 'trades',
    name: 'A record leaves the outbox once Kafka has it, and not before',
    file: 'src/kafka/kafka-outputs.ts',
    text: `    await this.#sendPage(producer, page);
    await outbox.remove(page.map(({ place }) => place));`,
    without: `    await outbox.remove(page.map(({ place }) => place));
    await this.#sendPage(producer, page);`,
    tests: [{ file: OUTPUTS, name: 'lose nothing, and keep the order of each instrument' }],
  },
  {
    holds: 'trades',
    name: 'What waits for Kafka is sent oldest first',
    file: 'src/persistence/output-outbox.ts',
    text: 'ORDER BY output.id LIMIT $1',
    without: 'ORDER BY output.id DESC LIMIT $1',
    tests: [{ file: OUTPUTS, name: 'lose nothing, and keep the order of each instrument' }],
  },
  {
    holds: 'trades',
    name: 'A trade that is stored already is not told to Kafka again',
    file: 'src/persistence/market-tables-sql.ts',
    text: '    JOIN written USING (instrument_id, event_time_ms, trade_id)\n',
    without: '',
    tests: [{ file: OUTPUTS, name: 'say nothing of what is stored already' }],
  },
  {
    holds: 4,
    name: 'Tickers go to Kafka from the one who holds the lease',
    file: 'src/kafka/kafka-outputs.ts',
    text: '    if (!mayTell()) return;\n',
    without: '    mayTell();\n',
    tests: [{ file: OUTPUTS, name: 'tickers by who holds the lease' }],
  },
  {
    holds: 'access',
    name: 'The password for Kafka is a secret',
    file: 'src/settings.ts',
    text: "  'kafka.sasl.password',\n  'admin.token',\n  'admin.tokens',\n",
    without: "  'admin.token',\n  'admin.tokens',\n",
    tests: [{ file: 'test/settings.test.ts', name: 'take secrets from the environment only' }],
  },
];
