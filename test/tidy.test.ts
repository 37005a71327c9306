/**
 * The rules of the house, read from the files themselves: who imports whom, no float near a price, pure code that is pure. Each rule is first
 * fed with code that breaks it, so that a rule which finds nothing is not a rule that looks at nothing.
 */
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  findCodeFaults,
  findImpurities,
  findTestFaults,
  findTextFaults,
  LINES_MAX,
} from './support/code-rules.ts';
import type { ImportTable } from './support/import-rules.ts';
import { findCycles, findForbiddenImports, specifiersOf } from './support/import-rules.ts';
import { findFloatConversions } from './support/number-rules.ts';
import type { SourceFile } from './support/source-files.ts';
import { projectPath, readSourceFiles } from './support/source-files.ts';

const table = JSON.parse(readFileSync(projectPath('test/support/import-table.json'), 'utf8')) as ImportTable;
const source = readSourceFiles('src', /\.ts$/);
const web = readSourceFiles('web', /\.tsx?$/);
const tests = readSourceFiles('test', /\.ts$/);

const leavesWeb = (path: string, specifier: string): boolean =>
  !specifier.startsWith('.') || !posix.join(posix.dirname(path), specifier).startsWith('web/');

const file = (path: string, text: string): SourceFile => ({ path, text });

it('there is something to read', () => {
  expect(source.length).toBeGreaterThan(100);
  expect(web.length).toBeGreaterThan(20);
  expect(tests.length).toBeGreaterThan(50);
});

describe('imports', () => {
  it('go where the table of the source tree lets them', () => {
    expect(findForbiddenImports(source, table)).toEqual([]);
  });

  it('of the dashboard end at the client that the package offers to everybody', () => {
    const outer = web.flatMap((each) =>
      specifiersOf(each).filter((specifier) => leavesWeb(each.path, specifier)),
    );
    const libraries = ['lightweight-charts', 'preact', 'preact/hooks', 'tampines/client', 'uplot', 'vite'];
    expect([...new Set(outer)].sort()).toEqual([...libraries, 'uplot/dist/uPlot.min.css'].sort());
  });

  it('never go round in a circle, types included', () => {
    expect(findCycles(source)).toEqual([]);
  });

  it.each([
    ['src/market/a.ts', "import { x } from '../base/clock.ts';"],
    ['src/market/a.ts', "import type { X } from '../exchanges/adapter.ts';"],
    ['src/market/a.ts', "import { z } from 'zod';"],
    ['src/exchanges/a.ts', "import { readFileSync } from 'node:fs';"],
    ['src/exchanges/a.ts', "export { x } from '../codec/log-codec.ts';"],
    ['src/actors/symbol.ts', "import nact from 'nact';"],
    ['src/actors/kernel/a.ts', "import { x } from '../ports.ts';"],
    ['src/feeds/a.ts', "type X = import('../persistence/database.ts').Database;"],
    ['src/publishing/a.ts', "const x = await import('../feeds/recording.ts');"],
    ['src/publishing/a.ts', "import { x } from '../actors/symbol.ts';"],
    ['src/settings.ts', "import { x } from './market/units.ts';"],
    ['src/base/a.ts', "import { x } from '../../test/support/fake-clock.ts';"],
    ['src/somewhere/a.ts', ''],
  ])('into what is forbidden are found: %s, %s', (path, text) => {
    expect(findForbiddenImports([file(path, text)], table)).toHaveLength(1);
  });

  it.each([
    ['src/feeds/a.ts', "import type { X } from '../actors/feed-ports.ts';"],
    ['src/actors/kernel/a.ts', "import nact from 'nact';"],
    ['src/market/a.ts', "import { Decimal } from 'decimal.js'; import { x } from './units.ts';"],
    ['src/cli/a.ts', "import { x } from '../persistence/database.ts'; import { y } from '../main.ts';"],
    ['src/market/a.ts', "/** import { x } from '../base/clock.ts'; */ const text = \"from 'zod'\";"],
  ])('that are allowed are let pass: %s, %s', (path, text) => {
    expect(findForbiddenImports([file(path, text)], table)).toEqual([]);
  });

  it('in a circle are found, of types too', () => {
    const files = [
      file('src/market/a.ts', "import type { B } from './b.ts';"),
      file('src/market/b.ts', "export * from './c.ts';"),
      file('src/market/c.ts', "type A = import('./a.ts').A;"),
    ];
    expect(findCycles(files)).toEqual([
      'src/market/a.ts → src/market/b.ts → src/market/c.ts → src/market/a.ts',
    ]);
    expect(findCycles(files.slice(0, 2))).toEqual([]);
  });
});

const FOLDERS_WITH_PRICES = [
  'market',
  'exchanges',
  'codec',
  'actors',
  'feeds',
  'persistence',
  'kafka',
  'publishing',
  'admin',
  'cli',
];

/**
 * Every conversion to a binary float, or rounded division, in those folders, and what it is about instead of a price or quantity. A new one
 * that is about a time, a count or a sequence gets its line here; one that is about a price gets a function of `src/market/units.ts`.
 */
const NOT_A_PRICE: Readonly<Record<string, string>> = {
  'src/market/candles.ts#Candles.addTrade': 'a time: the second of a trade',
  'src/market/integer-bytes.ts#lowBits': 'the bits of one byte',
  'src/market/intervals.ts#openTimeOf': 'a time: where an interval begins',
  'src/market/intervals.ts#openTimeBefore': 'a time: year and month of an index',
  'src/market/ticker-minute.ts#endOfSecond': 'a time: the end of its second',
  'src/market/ticker-window.ts#TickerWindow.advanceTo': 'a time: the left edge of the window',
  'src/market/ticker-window.ts#TickerWindow.#minuteOf': 'a time: the minute of a trade',
  'src/market/units.ts#readDecimal': 'the exponent of a decimal, at most a few digits',
  'src/market/units.ts#wholeQuotient': 'an integer quotient that can not be rounded up',
  'src/market/units.ts#toUnits': 'a bigint that was just found to be a safe integer',
  'src/cli/program.ts#parseBatch': 'the number of a batch',
  'src/publishing/closed-candle-trim.ts#seqOf': 'a count of events',
  'src/exchanges/binance-streams.ts#depthLimitOf': 'a count of levels in a URL',
  'src/exchanges/cryptocom-frames.ts#asId': 'an update id of at most 15 digits',
  'src/exchanges/kraken-v1.ts#KrakenV1Decoder.decode': 'the depth in the name of a channel',
  'src/exchanges/numbered-trades.ts#numberOf': 'a trade id that a double holds exactly',
  'src/exchanges/wire-json.ts#parseJson':
    'JSON whose bare numbers became text before, where they are decimals (json-text.ts)',
  'src/exchanges/wire-json.ts#asWholeNumber': 'a time, count or checksum of at most 15 digits',
  'src/exchanges/wire-time.ts#daysSinceEpoch': 'a date',
  'src/publishing/embedded-scripts.ts#setNewer': 'a life time in ms and the length of a stream',
  'src/publishing/embedded-scripts.ts#appendClosed': 'the length of a list',
  'src/publishing/embedded-scripts.ts#refresh': 'a life time in ms',
  'src/publishing/embedded-scripts.ts#expireOwn': 'an epoch and a life time in ms',
  'src/publishing/embedded-scripts.ts#markStale': 'the length of a stream and an epoch',
  'src/publishing/embedded-scripts.ts#toVersion': 'an epoch and a sequence of our own',
  'src/publishing/keyspace-commands.ts#toSeconds': 'a life time',
  'src/publishing/keyspace-commands.ts#toInteger': 'an argument of a Redis command: a time, count or place',
  'src/publishing/redis-client.ts#parseRedisUrl': 'the number of a Redis database',
  'src/publishing/redis-client.ts#parseHost': 'a port',
  'src/publishing/script-calls.ts#toCount': 'a count that Redis answered with',
  'src/publishing/script-calls.ts#toCounts': 'counts that Redis answered with',
  'src/publishing/script-calls.ts#toPlaces': 'places of keys that Redis answered with',
  'src/publishing/resp-reader.ts#readLength': 'a length in bytes',
  'src/publishing/resp-session.ts#RespSession.#evalSha': 'a count of keys',
  'src/persistence/partitions.ts#Partitions.ensure': 'the day of a time',
  'src/publishing/value-head.ts#readVersion': 'an epoch and a sequence of our own',
  'src/persistence/data-directory-lock.ts#lockDataDirectory': 'the number of a process',
  'src/persistence/binary-rows.ts#toCopyText': 'the place of a parameter',
  'src/persistence/database.ts#top': 'int8 columns: times, counts and batch numbers, checked to be safe',
  'src/kafka/event-topic.ts#inSyncMin': 'a count of replicas',
  'src/kafka/kafka-event-log-reader.ts#KafkaEventLogReader.constructor': 'a waiting time',
  'src/kafka/sticky-assignment.ts#assignSticky': 'a count of partitions',
  'src/kafka/event-topic.ts#faultsOf': 'counts, bytes and times of a topic',
  'src/kafka/kafka-event-log-reader.ts#KafkaEventLogReader.#toPlace': 'an offset of Kafka',
  'src/kafka/event-topics.ts#readOffset': 'an offset of Kafka',
  'src/actors/shards/shard.ts#Shard.#lookForSilence': 'seconds in a reason',
  'src/market/book-sources.ts#rightOf': 'the epoch of a lease, the number of a replica',
  'src/kafka/kafka-event-log-writer.ts#KafkaEventLogWriter.#send': 'an offset of Kafka',
  'src/kafka/latest-tickers.ts#tickerOutput': 'the names in a document whose decimals are strings',
  'src/feeds/live-http.ts#parseRetryAfter': 'a waiting time',
  'src/feeds/recording-server.ts#ServedPlayback.constructor': 'the number of a connection',
  'src/feeds/recording.ts#parseLine': 'the envelope of a recorded frame; the frame in it stays text',
  'src/feeds/simulators/binance-rest.ts#RequestWeights.spend': 'a time: the minute of a request',
  'src/feeds/simulators/binance-rest.ts#depthLimit': 'a count of levels in a URL',
  'src/feeds/simulators/binance-rest.ts#tradesBody': 'a count and an id in a URL',
  'src/feeds/simulators/cryptocom-text.ts#chooseTrades': 'a count and times in a URL',
  'src/feeds/simulators/kraken-rest.ts#tradesResult': 'a count in a URL',
  'src/feeds/simulators/loopback-exchange.ts#LoopbackConnection.sendMarketData':
    'a length: where a frame is cut',
  'src/actors/feed-routes.ts#hasTurn': 'a time: which turn it lies in',
  'src/actors/publish-schedule.ts#PublishSchedule.start': 'a time: the length of a slot',
  'src/actors/publish-schedule.ts#PublishSchedule.add': 'a count of rounds',
  'src/actors/publish-schedule.ts#PublishSchedule.#rounds': 'a count of rounds',
  'src/admin/cluster-lists.ts#parseJson': 'what another node lists; prices in it are text',
  'src/admin/json-body.ts#parseShallowJson': 'a request, which names no price',
  'src/cli/trades-file.ts#readTradesFile': 'a file whose bare numbers became text before',
  'src/cli/trades-file.ts#toOrderedTrades': 'a time',
  'src/feeds/simulators/simulated-exchange.ts#parseRequest':
    'a subscription of a client, which names no price',
  'src/cli/replay-command.ts#describe': 'how many seconds a replay took',
  'src/cli/parse-whole.ts#parseWhole': 'a seed, a rate or a count of the command line',
  'src/cli/doctor/check-storage.ts#checkDisk': 'free space of a disk',
  'src/cli/operator/list-instruments.ts#formatLag': 'a time: how far a node is behind',
  'src/cli/operator/since.ts#parseSince': 'a time',
  'src/cli/operator/watch-markets.ts#formatRate': 'a count of events a second',
  'src/cli/operator/follow-events.ts#readBlock': 'an event of supervision, which names no price',
};

/** The same in the dashboard. */
const NOT_A_PRICE_ON_SCREEN: Readonly<Record<string, string>> = {
  'web/src/text/chart-number.ts#chartNumber':
    'a price, on its way to a place on the screen: the one conversion',
  'web/src/text/chart-number.ts#gridText': 'the name of a line of a grid, which is no price that was told',
  'web/src/overview/arrange-rows.ts#byDecimal': 'whether a price is known',
  'web/src/overview/arrange-rows.ts#COMPARISONS': 'whether a book is live',
  'web/src/overview/overview-page.tsx#OverviewPage': 'a count of rows',
  'web/src/parts/row-window.ts#rowsInSight': 'a count of rows',
  'web/src/text/time-text.ts#ageText': 'a time',
};

describe('prices and quantities', () => {
  it('pass through no float', () => {
    const findings = source
      .filter(({ path }) => FOLDERS_WITH_PRICES.includes(path.split('/')[1]!))
      .flatMap(findFloatConversions);
    const notListed = findings.filter(({ place }) => NOT_A_PRICE[place] === undefined);
    expect(notListed).toEqual([]);
    const found = new Set(findings.map(({ place }) => place));
    expect(Object.keys(NOT_A_PRICE).filter((place) => !found.has(place))).toEqual([]);
  });

  it('become a float on a screen in one place, for where something is drawn', () => {
    const places = new Set(web.flatMap(findFloatConversions).map(({ place }) => place));
    expect([...places].sort()).toEqual(Object.keys(NOT_A_PRICE_ON_SCREEN).sort());
  });

  it.each([
    ['parseFloat(text)', 'parseFloat'],
    ['Number.parseFloat(text)', 'Number.parseFloat'],
    ['Number(text)', 'Number'],
    ['new Number(text)', 'Number'],
    ['texts.map(Number)', 'Number'],
    ['Number.parseInt(text, 10)', 'Number.parseInt'],
    ['+text', 'unary +'],
    ['text * 1', '* 1'],
    ['text - 0', '- 0'],
    ['units.toFixed(2)', 'toFixed'],
    ['decimal.toNumber()', 'toNumber'],
    ['Math.round(units / 10)', 'Math.round of a division'],
    ['Math.floor((units - rest) / tick) * tick', 'Math.floor of a division'],
    ['JSON.parse(frame)', 'JSON.parse'],
  ])('that do are found: %s', (expression, what) => {
    const findings = findFloatConversions(
      file('src/market/a.ts', `export class A { price(text: string) { return ${expression}; } }`),
    );
    expect(findings).toEqual([{ place: 'src/market/a.ts#A.price', what }]);
  });

  it.each([
    'const x: Number = y',
    'Number.isSafeInteger(x)',
    '+1',
    'Math.max(1, 2)',
    'x - 1',
    'Math.floor(x)',
  ])('are not meant by %s', (expression) => {
    expect(findFloatConversions(file('src/market/a.ts', expression))).toEqual([]);
  });
});

const PURE_FOLDERS = ['market', 'exchanges', 'codec', 'supervision'];

describe('pure code', () => {
  it('asks no clock, no chance and no world', () => {
    const pure = source.filter(({ path }) => PURE_FOLDERS.includes(path.split('/')[1]!));
    expect(pure.flatMap(findImpurities)).toEqual([]);
  });

  it('is the only code that actors see besides base: time and chance come in by base/clock.ts', () => {
    const actors = source.filter(({ path }) => path.startsWith('src/actors/'));
    expect(actors.length).toBeGreaterThan(10);
    expect(actors.flatMap(findImpurities)).toEqual([
      // A long recovery lets the others have their turn; nothing depends on when.
      'src/actors/kernel/persistence-bridge.ts: uses setImmediate',
    ]);
  });

  it.each([
    'Date.now()',
    'new Date()',
    'Math.random()',
    'setTimeout(f, 1)',
    'process.env',
    'console.log(1)',
    'fetch(x)',
  ])('with %s in it is found', (expression) => {
    expect(findImpurities(file('src/market/a.ts', `const x = ${expression};`))).toHaveLength(1);
  });

  it.each(['new Date(timeMs)', 'Date.UTC(2026, 1)', 'Math.max(1, 2)', 'clock.nowMs()', '{ process: 1 }'])(
    'is not broken by %s',
    (expression) => {
      expect(findImpurities(file('src/market/a.ts', `const x = ${expression};`))).toEqual([]);
    },
  );
});

describe('source files', () => {
  it('have no `any`, no suppressed check, no default export, no index, a reason with every TODO, and one idea each', () => {
    expect(
      [...source, ...web.filter(({ path }) => !path.endsWith('.config.ts'))].flatMap(findCodeFaults),
    ).toEqual([]);
  });

  it.each([
    ['const x: any = 1;', 'any'],
    ['// @ts-ignore\nf();', '@ts-ignore'],
    ['// eslint-disable-next-line\nf();', 'eslint-disable'],
    ['export default 1;', 'default export'],
    ['export default function f() {}', 'default export'],
    ['// TODO later', 'TODO'],
    ["const p = '/home/somebody/x';", 'machine'],
    ["this.#context.log.warn({ node, cause }, 'x');", '`node`'],
    ['x();\n'.repeat(LINES_MAX + 1), 'lines'],
  ])('that break a rule are found: %.30j', (text, named) => {
    expect(findCodeFaults(file('src/base/a.ts', text))).toEqual([expect.stringContaining(named)]);
  });

  it('that are an index are found', () => {
    expect(findCodeFaults(file('src/base/index.ts', 'f();'))).toHaveLength(1);
  });
});

/** They name what they look for. */
const RULES_THEMSELVES = ['test/tidy.test.ts', 'test/support/code-rules.ts'];

describe('other files', () => {
  it('name no path of one machine and no TODO without a reason', () => {
    const texts = [
      ...readSourceFiles('.', /^[\w.-]+\.(md|json|js|cjs|ts)$|^\.ci\/|^(docs|config|scripts|bench)\//),
      ...tests.filter(({ path }) => !RULES_THEMSELVES.includes(path)),
    ].filter(({ path }) => !path.endsWith('package-lock.json'));
    expect(texts.flatMap(findTextFaults)).toEqual([]);
  });
});

describe('tests', () => {
  it('are all run, but for those whose recorded data is absent', () => {
    expect(tests.flatMap(findTestFaults)).toEqual([]);
  });

  it.each([
    "it.only('x', f);",
    "test.skip('x', f);",
    "describe.only('x', f);",
    "it.todo('x');",
    'test.only.each([])(f);',
  ])('that are left out are found: %s', (text) => {
    expect(findTestFaults(file('test/a.test.ts', text))).toHaveLength(1);
  });
});
