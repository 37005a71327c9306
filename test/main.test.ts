import { expect, test } from 'vitest';
import { loadSettings } from '../src/settings.ts';
import { startNode } from '../src/main.ts';

test('an exchange that does not exist is refused before anything starts, and the message names those that do', async () => {
  const { settings, origins } = loadSettings({ assignments: ['exchanges.kracken.wsUrl=ws://127.0.0.1:1'] });
  const silent = () => undefined;
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  await expect(startNode({ settings, origins, log })).rejects.toMatchObject({
    code: 'SETTINGS_INVALID',
    message: expect.stringMatching(
      /^Settings are not valid: exchanges\.kracken: no such exchange; .*kraken/,
    ) as string,
  });
});
