/** What is wanted otherwise for one instrument than the settings of the node say for all. */
import { TampinesError } from '../../base/errors.ts';
import type { InstrumentKey } from '../../market/symbols.ts';
import type { InstrumentSettings } from '../../actors/ports.ts';
import { INSTRUMENT_SETTINGS } from '../../actors/instrument-settings.ts';
import type { AdminApp, AdminOptions, PublishDefaults } from '../admin-options.ts';
import { readIfMatch } from '../instrument-version.ts';
import { instrumentSettingsSchema } from '../operations-schemas.ts';
import { conditionHeaders, instrumentParams, instrumentSettingsBody } from '../request-schemas.ts';
import { toKey } from './instrument-key.ts';
import { findStatus } from './instruments.ts';
import { CHANGES, PROBLEMS } from './route-schema.ts';

const tags = ['instruments'];
const PATH = '/v1/instruments/:exchange/:symbol/settings';

export function addInstrumentSettings(
  app: AdminApp,
  { instruments, epoch, publishDefaults }: AdminOptions,
): void {
  const read = (key: InstrumentKey): { own: InstrumentSettings; inForce: PublishDefaults } => {
    const { settings: own = {} } = findStatus(instruments.list(), key).instrument;
    return { own, inForce: { ...publishDefaults, ...onlyNamed(own) } };
  };

  app.get(
    PATH,
    {
      schema: {
        tags,
        summary: 'Show how an instrument is published, and what of it is its own',
        params: instrumentParams,
        response: { 200: instrumentSettingsSchema, ...PROBLEMS },
      },
    },
    ({ params }) => read(toKey(params)),
  );

  app.put(
    PATH,
    {
      schema: {
        tags,
        ...CHANGES,
        summary:
          'Replace what is wanted otherwise for an instrument; what is left out is as the node has it for all',
        headers: conditionHeaders,
        params: instrumentParams,
        body: instrumentSettingsBody,
        response: { 200: instrumentSettingsSchema, ...PROBLEMS },
      },
    },
    async ({ params, headers, body }) => {
      const key = toKey(params);
      requireNoQuicker(body, publishDefaults);
      await instruments.configure(key, onlyNamed(body), readIfMatch(headers['if-match'], epoch));
      return read(key);
    },
  );
}

/** All books are looked at once in the node's interval: none can be published more often. */
function requireNoQuicker({ bookIntervalMs }: InstrumentSettings, defaults: PublishDefaults): void {
  if (bookIntervalMs === undefined || bookIntervalMs >= defaults.bookIntervalMs) return;
  throw new TampinesError(
    'REQUEST_INVALID',
    `bookIntervalMs: expected at least ${defaults.bookIntervalMs}, the node's publish.bookIntervalMs, was ${bookIntervalMs}`,
    { fields: { bookIntervalMs: `must be at least ${defaults.bookIntervalMs}` } },
  );
}

function onlyNamed(settings: InstrumentSettings): Partial<PublishDefaults> {
  return Object.fromEntries(
    INSTRUMENT_SETTINGS.flatMap((name) => (settings[name] === undefined ? [] : [[name, settings[name]]])),
  );
}
