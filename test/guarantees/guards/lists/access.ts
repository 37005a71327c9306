import type { Guard } from '../guard.ts';

const access = 'test/admin/access.test.ts';
const hostile = 'test/admin/hostile-requests.test.ts';

/** Access from outside: docs/security.md. */
export const accessFromOutside: readonly Guard[] = [
  {
    holds: 'access',
    name: 'Changes want the token',
    file: 'src/admin/access.ts',
    text: 'digests.filter((one) => timingSafeEqual(given, one.digest));',
    without: "digests.filter((one) => timingSafeEqual(given, one.digest) || given.equals(digest('')));",
    tests: [{ file: access, name: 'no token changes nothing' }],
  },
  {
    holds: 'access',
    name: 'Tokens are compared whole, in constant time',
    file: 'src/admin/access.ts',
    text: 'digests.filter((one) => timingSafeEqual(given, one.digest));',
    without: 'digests.filter((one) => timingSafeEqual(given.subarray(0, 0), one.digest.subarray(0, 0)));',
    tests: [{ file: access, name: 'another token changes nothing' }],
  },
  {
    holds: 'access',
    name: 'Tokens can not be guessed at any pace',
    file: 'src/admin/admin-server.ts',
    text: '    if (isChange) limits.requireTrust(request.ip);',
    without: '    if (isChange) limits.countChange(request.ip);',
    tests: [{ file: 'test/admin/change-limits.test.ts', name: 'is not listened to' }],
  },
  {
    holds: 'access',
    name: 'Without a token, changes come from this machine',
    file: 'src/admin/access.ts',
    text: '  if (isLoopbackAddress(request.ip)) return;',
    without: "  if (request.ip !== '') return;",
    tests: [{ file: access, name: '192.0.2.7 may not, but may read' }],
  },
  {
    holds: 'access',
    name: 'A rebound name is refused (DNS rebinding)',
    file: 'src/admin/access.ts',
    text: "if (isBoundToLoopback && !LOOPBACK_HOST.test(request.headers.host ?? '')) {",
    without: 'if (isBoundToLoopback && LOOPBACK_HOST.source === request.method) {',
    tests: [{ file: access, name: 'evil.example is refused by a server on loopback' }],
  },
  {
    holds: 'access',
    name: 'Pages of other origins change nothing (CSRF)',
    file: 'src/admin/access.ts',
    text: '  if (isOwnOrigin && isOwnSite) return;',
    without: '  if (isOwnOrigin || isOwnSite) return;',
    tests: [{ file: access, name: 'web pages' }],
  },
  {
    holds: 'access',
    name: 'No address outside of loopback without a token',
    file: 'src/settings.ts',
    text: 'if (!isLoopback && tokens.length === 0) {',
    without: 'if (!isLoopback && tokens.length < 0) {',
    tests: [
      { file: 'test/settings.test.ts', name: 'refuse an admin address outside loopback without a token' },
    ],
  },
  {
    holds: 'access',
    name: 'Settings name nothing that all objects share',
    file: 'src/settings.ts',
    text: '  if (name in Object.prototype) throw',
    without: "  if (name === '') throw",
    tests: [{ file: 'test/settings.test.ts', name: 'change nothing that all objects share' }],
  },
  {
    holds: 'access',
    name: 'Bodies are bounded',
    file: 'src/admin/json-body.ts',
    text: 'export const BODY_MAX_BYTES = 64 * 1024;',
    without: 'export const BODY_MAX_BYTES = 64 * 1024 * 1024;',
    tests: [{ file: hostile, name: 'over 64 KiB is refused unread' }],
  },
  {
    holds: 'access',
    name: 'Deep bodies are refused before they are parsed',
    file: 'src/admin/json-body.ts',
    text: '      if (depth > depthMax) return true;',
    without: '      if (depth > Infinity) return true;',
    tests: [{ file: hostile, name: 'of nine levels is refused before it is parsed' }],
  },
  {
    holds: 'access',
    name: 'Deep frames are refused before they are parsed',
    file: 'src/exchanges/json-text.ts',
    text: '      if (depth > DEPTH_MAX) return true;',
    without: '      if (depth > Infinity) return true;',
    tests: [{ file: 'test/exchanges/deep-frames.test.ts', name: 'is found at 33 levels' }],
  },
  {
    holds: 'access',
    name: 'Frames of exchanges are bounded',
    file: 'src/feeds/live-transport.ts',
    text: '      maxPayload: open.frameMaxBytes,\n',
    without: '',
    tests: [
      { file: 'test/feeds/live-transport.test.ts', name: 'a frame above the limit closes the connection' },
    ],
  },
  {
    holds: 'access',
    name: 'Names are names before they become keys',
    file: 'src/market/symbols.ts',
    text: 'export const SYMBOL_NAME = /^[\\p{L}\\p{N}][\\p{L}\\p{N}\\-_/.:]{0,59}$/u;',
    without: 'export const SYMBOL_NAME = /^/u;',
    tests: [
      { file: hostile, name: 'is refused before anything is asked of it' },
      { file: 'test/actors/exchange.test.ts', name: 'takes no name from a list that could not be one' },
    ],
  },
  {
    holds: 'access',
    name: 'A schema is a plain name before it goes into SQL',
    file: 'src/persistence/database.ts',
    text: 'if (!/^[a-z][a-z0-9_]{0,50}$/.test(options.schema)) {',
    without: 'if (options.schema === undefined) {',
    tests: [{ file: 'test/sql.test.ts', name: 'knows no schema named' }],
  },
  {
    holds: 'access',
    name: 'Secrets are told as set or not set',
    file: 'src/settings.ts',
    text: "const shown = SECRET_SETTINGS.includes(name) ? (isSet ? 'set' : 'not set') : value;",
    without: 'const shown = value;',
    tests: [
      { file: 'test/admin/secrets.test.ts', name: 'and a right one are described without their values' },
    ],
  },
  {
    holds: 'access',
    name: 'Web pages that speak to the embedded Redis are cut off',
    file: 'src/publishing/resp-server.ts',
    text: '    onHttp: () => socket.destroy(),',
    without: '    onHttp: () => undefined,',
    tests: [
      { file: 'test/publishing/resp-server.test.ts', name: 'are cut off before its body is a command' },
    ],
  },
  {
    holds: 'access',
    name: 'Web pages of other origins read no stream',
    file: 'src/admin/access.ts',
    text: "if (isFromOwnOrigin(request) || allowedOrigins.includes('*')) return;",
    without: "if (isFromOwnOrigin(request) || !allowedOrigins.includes('')) return;",
    tests: [{ file: 'test/admin/gateway/hostile-clients.test.ts', name: 'of a page of another origin' }],
  },
  {
    holds: 'access',
    name: 'A client of the stream that says too much is disconnected',
    file: 'src/admin/gateway/gateway-session.ts',
    text: 'if (this.#messageBudget.take(1, this.#surroundings.clock.monotonicMs()) === 0) return true;',
    without: 'if (this.#messageBudget.take(1, this.#surroundings.clock.monotonicMs()) >= 0) return true;',
    tests: [
      {
        file: 'test/admin/gateway/hostile-clients.test.ts',
        name: 'that sends too many messages within a second',
      },
    ],
  },
];
