#!/usr/bin/env -S node --max-semi-space-size=64
/** The command of the package. It is there before its program is built: npx remembers what it found at first, and would miss the command ever after. */
import { existsSync } from 'node:fs';

const program = new URL('../dist/cli/tampines.js', import.meta.url);
if (existsSync(program)) await import(program.href);
else {
  process.stderr.write(
    'tampines: It is not built yet.\nWhat to do: run `npm run build`, once and after each update.\n',
  );
  process.exitCode = 1;
}
